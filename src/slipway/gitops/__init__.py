"""The repository as the declaration of what runs: overlays rendered, committed, proposed, and read from history."""
