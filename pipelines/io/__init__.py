"""Files in and out: video, images, flow, pair folders, TFRecords."""
