"""`tf.data` pipelines: from frame pairs to batches of crops with dense flow labels."""
