"""The form `npy`: one numpy array of numbers, texts, times or truth values."""

import io
import sys
from typing import Any

__all__ = ["decode", "encode", "is_array"]


def is_array(value: Any) -> bool:
    """Whether `value` is a numpy array (and of no subclass) without Python objects in it."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and type(value) is numpy.ndarray and not value.dtype.hasobject


def encode(value: Any) -> bytes:
    """The array `value` as numpy's own file."""
    import numpy

    buffer = io.BytesIO()
    numpy.save(buffer, value, allow_pickle=False)
    return buffer.getvalue()


def decode(content: bytes) -> Any:
    """The array that `encode` was given; raises `ValueError` when it made no such content."""
    import numpy

    return numpy.load(io.BytesIO(content), allow_pickle=False)
