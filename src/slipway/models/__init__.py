"""Model folders: their code, data, tests and requirements, and the Python environment of each."""
