"""Messages of TensorFlow Serving: stubs, tensors, status codes, configuration files."""
