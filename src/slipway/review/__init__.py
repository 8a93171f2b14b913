"""The case for a change of what runs: what a reviewer has to know, gathered, compared and put into words."""
