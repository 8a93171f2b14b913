"""The one schema of a model: its fields, how a row is checked against them, and how they read as JSON Schema."""

from __future__ import annotations

from slipway.schema.schema import MOST, Field, InvalidRows, Kind, Problem, Schema

__all__ = ["MOST", "Field", "InvalidRows", "Kind", "Problem", "Schema"]
