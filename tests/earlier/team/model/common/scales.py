"""What several models share."""


def scaled(value: float, factor: float) -> float:
    """Multiply a value by a factor."""
    return value * factor
