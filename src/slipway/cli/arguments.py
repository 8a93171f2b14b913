"""Arguments that several verbs take."""

from __future__ import annotations

import shlex

from slipway.errors import SlipwayError

__all__ = ["pairs", "share", "words"]


def pairs(texts: list[str], option: str) -> dict[str, str]:
    """Read NAME=VALUE texts; raise `SlipwayError` for one that is not, and for a name that is given twice."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise SlipwayError(f"{option} {text!r} is not NAME=VALUE", fix=f"write it like {option} stage=blue")
        if name in found:
            raise SlipwayError(f"{option} {name} is given twice: {found[name]!r} and {value!r}", fix="keep one of them")
        found[name] = value
    return found


def share(given: int | None) -> int:
    """The percentage of requests that a release gets: all of them, unless another was given."""
    return 100 if given is None else given


def words(text: str, option: str) -> list[str]:
    """The words of a text, divided as a shell does; raises `SlipwayError` for a quotation mark that stands alone."""
    try:
        return shlex.split(text)
    except ValueError as error:
        fix = f"write it as for a shell: {option} \"c=0.5 name='a b'\""
        raise SlipwayError(f"{option} {text!r} cannot be divided into words: {error}", fix=fix) from error
