"""What the environment sets for a function, read so that a value which cannot be meant is refused by its name."""

import os

from slipway.errors import SlipwayError

__all__ = ["setting"]


def setting(variable: str, default: int) -> int:
    """The number above 0 that the environment has under this name, or `default`; raises `SlipwayError` for another."""
    text = os.environ.get(variable) or str(default)
    if not text.isdecimal() or int(text) < 1:
        raise SlipwayError(f"{variable} is {text!r}", fix=f"give a number above 0, or leave it out: it is {default}")
    return int(text)
