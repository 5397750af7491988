"""A checkpoint to a verified int8 ONNX bundle."""
