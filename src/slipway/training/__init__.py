"""From data to a published version: `task` runs the modules in `steps`, which share the other modules."""
