"""Export of Keras models as SavedModels, ONNX and TF Lite files."""
