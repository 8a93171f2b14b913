"""The review of a change: its check, its difference, and the case for a promotion in words."""
