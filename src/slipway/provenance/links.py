"""A chain from an answer back to data and commit: one link a thing, each with where it was read."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Struct, field

from slipway.text import printable

__all__ = ["Chain", "Link", "lines", "plain"]

# What these are is seen from how they look.
_OBVIOUS = frozenset({"attachment", "path", "reason", "title", "url", "when", "who"})

_LONG = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{28,52}\b")


class Link(Struct, kw_only=True):
    """One thing that the answer comes from."""

    name: str
    read: str
    """Where: a file at a commit, an address in a store, the address of a function."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What is known of it, as JSON; None and empty values are not known."""
    broken: list[str] = field(default_factory=list)
    """Why it does not fit to its neighbours, or could not be read."""
    notes: list[str] = field(default_factory=list)


class Chain(Struct, kw_only=True):
    """All links, from the answer on."""

    asked: str
    subject: str
    """What that names: `test/iris/v7-1a2b3c4d`, or `iris/test/7` where that was never released."""
    links: list[Link]

    @property
    def broken(self) -> list[str]:
        """Every reason why the chain does not hold, with the name of the link; empty when it does."""
        return [f"{link.name}: {reason}" for link in self.links for reason in link.broken]


def plain(chain: Chain) -> dict[str, Any]:
    """The chain as JSON: `asked`, `subject`, `whole`, `broken`, and the `links` by name."""
    links = {}
    for link in chain.links:
        known = msgspec.to_builtins(link)
        links[known.pop("name")] = known
    return {
        "asked": chain.asked,
        "subject": chain.subject,
        "whole": not chain.broken,
        "broken": chain.broken,
        "links": links,
    }


def lines(chain: Chain) -> list[str]:
    """The chain as people read it; what other people wrote cannot steer a terminal."""
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
    """A fact in one line; digests and commits within it are cut, as the JSON has them whole."""
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
