"""The schema of a model: its fields, the check of rows against them, and the fields as JSON Schema."""

from __future__ import annotations

from slipway.schema.schema import MOST, Field, InvalidRows, Kind, Problem, Schema

__all__ = ["MOST", "Field", "InvalidRows", "Kind", "Problem", "Schema"]
