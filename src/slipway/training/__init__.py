"""From data to a published version: `task` runs the modules in `steps`, the rest is what the steps share."""
