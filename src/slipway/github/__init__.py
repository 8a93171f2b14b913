"""GitHub: its API, and the input and output of a pipeline run. No other package calls GitHub."""
