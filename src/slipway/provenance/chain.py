"""A chain from an answer back to data and code, as lines and as JSON."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Struct, field

from slipway.text import printable

# The values of these facts are shown without a name.
_OBVIOUS = frozenset({"attachment", "path", "reason", "title", "url", "when", "who"})

_LONG = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{28,52}\b")


class Link(Struct, kw_only=True):
    """One origin of an answer, such as the image or the data."""

    name: str
    read: str
    """The source: a file at a commit, a record in a store, or the address of a function."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Facts as JSON. None and empty values are unknown."""
    broken: list[str] = field(default_factory=list)
    """The reasons why the link does not match the others, or cannot be read."""
    notes: list[str] = field(default_factory=list)


class Chain(Struct, kw_only=True):
    """All links, from the answer to the code."""

    what: str
    subject: str
    """The release that `what` names, `test/iris/v7-1a2b3c4d`, or a version without a release, `iris/test/7`."""
    links: list[Link]

    @property
    def broken(self) -> list[str]:
        """Return the reasons of all broken links, each with the name of its link."""
        return [f"{link.name}: {reason}" for link in self.links for reason in link.broken]


def as_json(chain: Chain) -> dict[str, Any]:
    """Return the chain as JSON: `asked`, `subject`, `whole`, `broken`, and the `links` by name."""
    links = {link.name: msgspec.to_builtins(link) for link in chain.links}
    for link in links.values():
        del link["name"]
    whole = not chain.broken
    return {"asked": chain.what, "subject": chain.subject, "whole": whole, "broken": chain.broken, "links": links}


def lines(chain: Chain) -> list[str]:
    """Return the chain as printable lines."""
    found = [chain.subject]
    for link in chain.links:
        found += ["", f"{link.name}  ({link.read})" if link.read else link.name]
        known = _known(link.facts)
        width = max(map(len, known), default=0)
        for name, value in known.items():
            first, *more = [_text(each) for each in value] if isinstance(value, list) else [_text(value)]
            found.append(f"  {name.replace('_', ' '):<{width}}  {first}")
            found += [f"  {'':<{width}}  {line}" for line in more]
        found += [f"  broken: {reason}" for reason in link.broken]
        found += [f"  note: {note}" for note in link.notes]
    return [printable(line) for line in found]


def _known(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value not in (None, "", [], {})}


def _text(value: Any) -> str:
    """Return a fact in one line. Shorten the digests and commits within it."""
    if isinstance(value, dict):
        return ", ".join(
            _inner(each) if name in _OBVIOUS else f"{str(name).replace('_', ' ')} {_inner(each)}"
            for name, each in _known(value).items()
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
