"""The steps of a training, in their order: `fetch`, `check`, `test`, `fit`, `evaluate`, `publish`."""
