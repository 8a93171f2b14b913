"""GitHub: its API, and what a run of its pipeline is told and tells. Nothing else in the platform speaks to it."""
