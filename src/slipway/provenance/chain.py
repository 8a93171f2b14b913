"""A chain from an answer back to data and code, and how people and machines read it."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Struct, field

from slipway.text import printable

__all__ = ["Chain", "Link", "as_json", "lines"]

# The values of these need no name beside them.
_OBVIOUS = frozenset({"attachment", "path", "reason", "title", "url", "when", "who"})

_LONG = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{28,52}\b")


class Link(Struct, kw_only=True):
    """One thing that the answer comes from, such as the image or the data."""

    name: str
    read: str
    """The source: a file at a commit, a record in a store, the address of a function."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Facts of it, as JSON; None and empty values are not known."""
    broken: list[str] = field(default_factory=list)
    """Why it does not fit the other links, or could not be read."""
    notes: list[str] = field(default_factory=list)


class Chain(Struct, kw_only=True):
    """All links, from the answer on."""

    what: str
    subject: str
    """The release that `what` names, `test/iris/v7-1a2b3c4d`; or `iris/test/7`, which was never released."""
    links: list[Link]

    @property
    def broken(self) -> list[str]:
        """Return why the chain does not hold, each reason with the name of its link."""
        return [f"{link.name}: {reason}" for link in self.links for reason in link.broken]


def as_json(chain: Chain) -> dict[str, Any]:
    """Return the chain as JSON: `asked`, `subject`, `whole`, `broken`, and the `links` by name."""
    links = {}
    for link in chain.links:
        known = msgspec.to_builtins(link)
        links[known.pop("name")] = known
    return {
        "asked": chain.what,
        "subject": chain.subject,
        "whole": not chain.broken,
        "broken": chain.broken,
        "links": links,
    }


def lines(chain: Chain) -> list[str]:
    """Return the chain as people read it; texts of other people cannot steer a terminal."""
    found = [chain.subject]
    for link in chain.links:
        found += ["", f"{link.name}  ({link.read})" if link.read else link.name]
        known = {name: value for name, value in link.facts.items() if value not in (None, "", [], {})}
        width = max(map(len, known), default=0)
        for name, value in known.items():
            first, *more = [_text(each) for each in value] if isinstance(value, list) else [_text(value)]
            found.append(f"  {name.replace('_', ' '):<{width}}  {first}")
            found += [f"  {'':<{width}}  {line}" for line in more]
        found += [f"  broken: {reason}" for reason in link.broken]
        found += [f"  note: {note}" for note in link.notes]
    return [printable(line) for line in found]


def _text(value: Any) -> str:
    """Return a fact in one line; digests and commits within it are cut."""
    if isinstance(value, dict):
        known = {name: each for name, each in value.items() if each not in (None, "", [], {})}
        return ", ".join(
            _inner(each) if name in _OBVIOUS else f"{str(name).replace('_', ' ')} {_inner(each)}"
            for name, each in known.items()
        )
    if isinstance(value, list):
        return ", ".join(map(_inner, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    return f"{value:,}" if type(value) is int and value > 9999 else f"{value}".replace("\n", " ")


def _inner(value: Any) -> str:
    text = _text(value)
    return f"({text})" if isinstance(value, dict) else _LONG.sub(r"\1…", text)
