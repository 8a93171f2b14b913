"""Model folders: what they hold, what they need, and the environment that they run in."""
