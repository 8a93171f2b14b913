"""Events on GitHub: the one that started a run, read as a request to release, and those that a cluster announces."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from slipway.errors import SlipwayError
from slipway.github.api import GitHub, address
from slipway.names import MAX_MODEL_NAME, ModelId, ReleaseName, nearest
from slipway.settings import Settings
from slipway.settings.types import Train
from slipway.text import cut, is_plain, pairs, words

_LONGEST = 10_000  # characters of a text in an event
_LONGEST_SHOWN = 80
_LARGEST_SHOWN = 10**18


class Payload:
    """Hold an object of an event. Messages name its place: `repository_dispatch: client_payload`."""

    def __init__(self, where: str, content: dict[str, Any]) -> None:
        self.content = content
        self._where = where

    def below(self, key: str) -> Payload:
        """Return the object at `key`, or an empty one where it is absent or null."""
        given = self.content.get(key)
        if given is not None and not isinstance(given, dict):
            raise self.wrong(key, "is no object", fix="write {KEY: VALUE, …}")
        return Payload(f"{self._where}: {key}", given or {})

    def place(self, key: str) -> str:
        """Return the place of a key, for messages."""
        return f"{self._where}: {key}"

    def only(self, *known: str) -> None:
        """Raise `SlipwayError` for an unknown key. The error names the nearest known key."""
        for key in self.content:
            if key not in known:
                raise SlipwayError(f"{self._where}: unknown key {_shown(key)}", fix=nearest(key, known))

    def text(self, key: str, default: str | None = None) -> str:
        """Return the text at `key`, or the default where it is missing. Raise `SlipwayError` without a default."""
        given = self.content.get(key)
        if given is None or given == "":
            if default is None:
                raise SlipwayError(f"{self._where}: {key} is missing", fix=f"give it: {key}")
            return default
        if not isinstance(given, str):
            raise self.wrong(key, "is no text", fix="put it in quotes")
        if len(given) > _LONGEST:
            raise self.wrong(key, f"has more than {_LONGEST} characters", fix="say less")
        if not is_plain(given):
            raise self.wrong(key, "has a character that cannot be shown", fix="letters, digits and signs are taken")
        return given

    def wrong(self, key: str, problem: str, fix: str = "") -> SlipwayError:
        """Return the error that says which `problem` the value of `key` has."""
        return SlipwayError(f"{self._where}: {key}: {_shown(self.content.get(key))} {problem}", fix=fix)


def _shown(given: object) -> str:
    """Return a value as short ASCII text, so that it cannot control a terminal or a log."""
    if isinstance(given, dict | list):
        return "an object" if isinstance(given, dict) else "a list"
    if isinstance(given, int) and abs(given) > _LARGEST_SHOWN:
        return "a number of many digits"
    return cut(ascii(given), _LONGEST_SHOWN)


NEW_VERSION = "slipway-version"
"""Type of the `repository_dispatch` that announces a version."""

VERIFIED = "slipway-verified"
"""Type of the `repository_dispatch` that announces a verified release."""

TOKEN = "SLIPWAY_DISPATCH_TOKEN"  # noqa: S105 - its name
"""Variable with a token that may write contents of the repository of `GITHUB_REPOSITORY`."""

_MOST = 25 * 1024 * 1024  # bytes; GitHub sends no larger event
_COMMIT = re.compile("[0-9a-f]{40}")
# As deploy/* and trainpred/* mean to workflows, rulesets and environments of GitHub.
_BRANCH = {name: re.compile(f"{name}/[^/]+") for name in ("deploy", "trainpred")}
_NUMBER = re.compile("[1-9][0-9]{0,8}")


class Request(NamedTuple):
    """Hold the versions that a run must release, and the models that it must train."""

    models: tuple[str, ...] = ()
    """Models to release. All models when empty."""
    environment: str = "test"
    version: int | None = None
    """Version to release in place of what is due."""
    announced: int | None = None
    """Version that was published, so that a release may be due."""
    where: Mapping[str, str] = {}
    """Metadata of the version to release in place of what is due. The newest match counts."""
    traffic: int = 100
    """Percent of the requests that a new release gets."""
    span: tuple[str, str] | None = None
    """Commits before and after a push. None for a new branch, and for other events."""
    train: Train = "none"
    """Models to train: changed ones as the settings say, manual ones too, scheduled ones, or none."""


def current(settings: Settings) -> Request:
    """Return the request of this run. Raise `SlipwayError` outside of GitHub Actions."""
    name, path = os.environ.get("GITHUB_EVENT_NAME", ""), os.environ.get("GITHUB_EVENT_PATH", "")
    if not (name and path):
        raise SlipwayError("no event has started this", fix="run it in GitHub Actions, or name what to release")
    return read(name, Path(path), settings)


def read(name: str, path: Path, settings: Settings) -> Request:
    """Read the event `name` from the file at `path`. Raise `SlipwayError` with the key and value that are wrong.

    The caller must check that the version exists.
    """
    event = Payload(name, _content(path))
    if name == "push":
        return _push(event, settings)
    if name == "schedule":
        return Request(environment=_usual(settings), train="scheduled")
    if name == "repository_dispatch":
        return _announced(event, settings)
    if name == "workflow_dispatch":
        return _by_hand(event.below("inputs"), settings)
    known = ("push", "schedule", "repository_dispatch", "workflow_dispatch")
    raise SlipwayError(f"the event {name[:60]!r} releases nothing", fix=nearest(name, known))


def _content(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MOST:
            raise SlipwayError(f"the event in {path} has more than {_MOST} bytes", fix="GitHub sends none like it")
        content = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        fix = "GITHUB_EVENT_PATH has to name the file that the runner wrote"
        raise SlipwayError(f"the event cannot be read from {path}: {error.strerror}", fix=fix) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SlipwayError(f"the event in {path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise SlipwayError(f"the event in {path} is no object", fix="GitHub sends none like it")
    return content


def _push(event: Payload, settings: Settings) -> Request:
    reference = event.text("ref", os.environ.get("GITHUB_REF") or None)
    branch = reference.removeprefix("refs/heads/")
    if event.content.get("deleted") is True:
        raise event.wrong("ref", "was deleted: there is nothing to release")
    if reference.startswith("refs/heads/") and (branch == settings.branch or _BRANCH["deploy"].fullmatch(branch)):
        return Request(environment=_usual(settings), train="as set", span=_span(event))
    if reference.startswith("refs/heads/") and _BRANCH["trainpred"].fullmatch(branch):
        return Request(environment=_usual(settings), train="also manual", span=_span(event))
    raise event.wrong("ref", "starts no release", fix=f"push to {settings.branch}, deploy/NAME or trainpred/NAME")


def _span(event: Payload) -> tuple[str, str] | None:
    before, after = event.text("before", ""), event.text("after", "")
    whole = all(_COMMIT.fullmatch(each) and each.strip("0") for each in (before, after))
    return (before, after) if whole else None


def _announced(event: Payload, settings: Settings) -> Request:
    if event.text("action") != NEW_VERSION:
        raise event.wrong("action", "is not known", fix=f"dispatch with the event_type {NEW_VERSION}")
    payload = event.below("client_payload")
    payload.only("model", "version", "environment")
    model = _model(payload, payload.text("model"), settings)
    return Request((model,), _environment(payload, settings), announced=_number(payload, "version"))


def _by_hand(inputs: Payload, settings: Settings) -> Request:
    inputs.only("model", "version", "where", "environment", "traffic")
    models = tuple(dict.fromkeys(inputs.text("model", "").split()))
    version, place = _number(inputs, "version"), inputs.place("where")
    where = pairs(words(inputs.text("where", ""), place), place)
    if version is not None and where:
        raise inputs.wrong("version", "and where are both given", fix="leave one of them empty")
    if version is not None and len(models) != 1:
        raise inputs.wrong("version", f"is given for {len(models) or 'all'} models", fix="name one model with it")
    traffic = _number(inputs, "traffic") or 100
    if traffic > 100:
        raise inputs.wrong("traffic", "is more than there is", fix="give a percentage from 1 to 100")
    chosen = tuple(_model(inputs, model, settings) for model in models)
    environment = _environment(inputs, settings)
    return Request(chosen, environment, version, where=where, traffic=traffic, train="as set")


def _number(payload: Payload, key: str) -> int | None:
    """Return a whole number, which may be given as text, as `gh api -f` sends it."""
    given = payload.content.get(key)
    text = "" if given is None else str(given).strip()
    if text and not _NUMBER.fullmatch(text):
        raise payload.wrong(key, "is no whole number from 1 on", fix="write it in digits: 7")
    return int(text) if text else None


def _model(payload: Payload, model: str, settings: Settings) -> str:
    try:
        if len(model) > MAX_MODEL_NAME:
            raise SlipwayError("has too many characters", fix=nearest(model, settings.models()))
        settings.model(model)
    except SlipwayError as error:
        raise payload.wrong("model", error.problem[:200], fix=error.fix) from error
    return model


def _environment(payload: Payload, settings: Settings) -> str:
    environment = payload.text("environment", "").strip()
    if environment and environment not in settings.environments:
        raise payload.wrong("environment", "is not known", fix=nearest(environment, settings.environments))
    return environment or _usual(settings)


def _usual(settings: Settings) -> str:
    """Return the default environment: `test`, or else the first that takes no promotions."""
    first = [name for name, each in settings.environments.items() if each.promotes_from is None]
    return "test" if "test" in settings.environments or not first else first[0]


def can_announce() -> bool:
    """Return True if a token for announcements is set."""
    return bool(os.environ.get(TOKEN, "").strip())


def announce_version(published: ModelId) -> str:
    """Announce a version, which starts its release. Return the outcome as text, also after a failure."""
    return _announce(NEW_VERSION, published._asdict())


def announce_verified(environment: str, model: str, release: ReleaseName) -> str:
    """Announce a verified release, which starts the proposal of its promotion. See `announce_version`."""
    return _announce(VERIFIED, {"model": model, "environment": environment, "release": str(release)})


def _announce(kind: str, payload: dict[str, object]) -> str:
    if not can_announce():
        return f"{kind} is not announced: {TOKEN} is not set (announce in slipway.yaml); schedules will find it"
    try:
        api, name = address()
        GitHub(name, os.environ[TOKEN].strip(), api).dispatch(kind, payload)
    except SlipwayError as error:
        # The work itself is done, and the schedule of the workflow finds it later.
        return f"{kind} could not be announced: {error}"
    return f"{kind} is announced to {name}"
