"""From data to a published version: the steps, each runnable alone, and the environment that they run in."""
