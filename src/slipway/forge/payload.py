"""One object of an event: its keys are anybody's text, and each is checked before it is used."""

from typing import Any

from slipway.errors import SlipwayError
from slipway.names import nearest

__all__ = ["Payload"]

_LONGEST = 10_000  # characters of any text that is asked for
_LONGEST_SHOWN = 80
_LARGEST_SHOWN = 10**18


class Payload:
    """The object at `where` of an event, for messages: `workflow_dispatch`, `repository_dispatch: client_payload`."""

    def __init__(self, where: str, content: dict[str, Any]) -> None:
        self.content = content
        self._where = where

    def below(self, key: str) -> "Payload":
        """The object at `key`; an empty one where it is absent or null."""
        given = self.content.get(key)
        if given is not None and not isinstance(given, dict):
            raise self.wrong(key, "is no object", fix="write {KEY: VALUE, …}")
        return Payload(f"{self._where}: {key}", given or {})

    def only(self, *known: str) -> None:
        """Raise `SlipwayError` for a key that is not known, with the nearest that is."""
        for key in self.content:
            if key not in known:
                raise SlipwayError(f"{self._where}: unknown key {_shown(key)}", fix=nearest(key, known))

    def text(self, key: str, default: str | None = None) -> str:
        """The text at `key`; where it is absent, null or empty the default, without which `SlipwayError` is raised."""
        given = self.content.get(key)
        if given is None or given == "":
            if default is None:
                raise SlipwayError(f"{self._where}: {key} is missing", fix=f"give it: {key}")
            return default
        if not isinstance(given, str):
            raise self.wrong(key, "is no text", fix="put it in quotes")
        if len(given) > _LONGEST:
            raise self.wrong(key, f"has more than {_LONGEST} characters", fix="say less")
        if not given.isprintable():
            raise self.wrong(key, "has a character that cannot be shown", fix="letters, digits and signs are taken")
        return given

    def wrong(self, key: str, problem: str, fix: str = "") -> SlipwayError:
        """The error that `key`, as it was given, `problem`."""
        return SlipwayError(f"{self._where}: {key}: {_shown(self.content.get(key))} {problem}", fix=fix)


def _shown(given: object) -> str:
    """What was given, in ASCII and short: a terminal or a log must not do what it says."""
    if isinstance(given, dict | list):
        return "an object" if isinstance(given, dict) else "a list"
    if isinstance(given, int) and abs(given) > _LARGEST_SHOWN:
        return "a number of many digits"
    text = ascii(given)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"
