"""Releases and routes below `overlays/`, as types and as files."""
