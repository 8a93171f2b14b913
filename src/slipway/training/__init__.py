"""From data to a published version: one module for each step, and what the steps share."""
