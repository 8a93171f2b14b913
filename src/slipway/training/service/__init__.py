"""The training service: starts the trainings of a model over HTTP, and hands out its newest artifact."""
