from model.elsewhere.inner import Inner  # noqa: F401
