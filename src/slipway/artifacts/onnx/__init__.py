"""Fitted estimators as ONNX graphs: their conversion, and how they answer."""
