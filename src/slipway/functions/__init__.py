"""Functions from outside: bundled, built and started here, called, and compared."""
