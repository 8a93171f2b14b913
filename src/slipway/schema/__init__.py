"""The schema of a model: its fields, and the check of rows against them."""

from __future__ import annotations

from slipway.schema.columns import Columns
from slipway.schema.schema import MOST, Field, InvalidRows, Kind, Problem, Schema

__all__ = ["MOST", "Columns", "Field", "InvalidRows", "Kind", "Problem", "Schema"]
