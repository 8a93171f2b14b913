"""Releases on git: which version is due, what is written below `overlays/`, and the verbs that change it."""
