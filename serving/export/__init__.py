"""From Keras models to SavedModels and ONNX files."""
