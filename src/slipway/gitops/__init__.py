"""Overlays in git: render, commit and propose them, and read them from the history."""
