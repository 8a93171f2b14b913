"""From an answer back to data and code, and the way there again."""
