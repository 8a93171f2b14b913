"""Releases: which version is due, and the verbs that change what runs."""
