"""The function over gRPC."""
