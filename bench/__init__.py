"""Measurements on this machine and on a real cluster: `make bench`; see README.md. Nothing of it is run by tests."""
