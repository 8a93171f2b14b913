"""Compatibility of two releases of a model: the changes that callers see, and the breaking ones among them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec
import yaml

from slipway.errors import SlipwayError
from slipway.names import ReleaseName, form
from slipway.overlays.overlay import MANIFESTS
from slipway.overlays.types import Overlay, Release
from slipway.schema import Field, Schema
from slipway.serving.access import KIND
from slipway.serving.function import Limits
from slipway.serving.process import MAX_BODY, MAX_ROWS, PROTOCOL, TIMEOUT
from slipway.settings import Settings
from slipway.store import Record, Store, store_of
from slipway.text import listed, quoted

_FILE = "schema.json"
_MOST_SHOWN = 8
_LIMITS = {
    MAX_ROWS: (Limits().rows, "a request may hold {} rows, until now {}"),
    MAX_BODY: (Limits().body, "a request may hold {} bytes, until now {}"),
    TIMEOUT: (Limits().seconds, "an answer may take {} seconds, until now {}"),
}
_ACCESS = {"none": "nothing", "basic": "a name and a password", "bearer": "a key"}
_PROTOCOLS = {"http": "HTTP", "grpc": "gRPC"}
_SPOKEN = (
    (KIND, "none", _ACCESS, "a request needs {}, until now {}"),
    (PROTOCOL, "http", _PROTOCOLS, "it speaks {}, until now {}"),
)
"""Variables with their default, the words for their values, and the text of a change."""

_WIDER = {("integer", "number"), ("date", "string"), ("datetime", "string"), ("instant", "string")}
"""Kinds of which the second takes all that the first does."""


class Change(NamedTuple):
    """One difference between two releases, in one line of text that may quote the model's own names."""

    text: str
    breaking: bool


def compare(before: Schema, after: Schema) -> list[Change]:
    """Return the changes between two schemas, breaking ones first. Ignore the order of the fields.

    A change of the input breaks callers if the function refuses rows that it took before. A change of the output breaks
    them if an answer may hold new values.
    """
    # A caller may write a name in any form of Unicode.
    old, new = ({form(field.name): field for field in schema.fields} for schema in (before, after))
    found = [
        Change(f"field {quoted(field.name)} is gone: a row that has it is refused", True)
        for name, field in old.items()
        if name not in new
    ]
    for field in (field for name, field in new.items() if name not in old):
        words = "every row has to have it" if field.needed else "a row may leave it out"
        found.append(Change(f"field {quoted(field.name)} is new: {words}", field.needed))
    for name in (name for name in old if name in new):
        changes = _input(old[name], new[name])
        found += [Change(f"field {quoted(new[name].name)} {text}", breaking) for text, breaking in changes]
    found += [Change(f"the prediction {text}", breaking) for text, breaking in _output(before.target, after.target)]
    return _ordered(found)


def limit_changes(before: bytes, after: bytes) -> list[Change]:
    """Return the changes of limits, access and protocol between the manifests (YAML) of two releases."""
    sides = _variables(before), _variables(after)
    found = []
    for name, (default, text) in _LIMITS.items():
        given = [variables.get(name, "") for variables in sides]
        was, now = (int(value) if value.isdecimal() else default for value in given)
        if was != now:
            found.append(Change(text.format(now, was), now < was))
    for name, usual, words, text in _SPOKEN:
        old, new = (words.get(variables.get(name, usual), "") for variables in sides)
        if old != new:
            found.append(Change(text.format(new, old), new != _ACCESS["none"]))
    return _ordered(found)


def _ordered(found: Iterable[Change]) -> list[Change]:
    return sorted(found, key=lambda change: not change.breaking)


def _input(before: Field, after: Field) -> Iterator[Change]:
    if before.kind != after.kind:
        wider = (before.kind, after.kind) in _WIDER
        yield Change(f"takes {after.expected}, until now {before.expected}", not wider)
        if not wider:
            return
    if before.length != after.length:
        yield Change(f"takes {after.expected}, until now {before.expected}", True)
        return
    yield from _categories_taken(before, after)
    yield from _range(before, after, narrower_breaks=True)
    if before.optional != after.optional:
        yield Change("may be null" if after.optional else "may no longer be null", not after.optional)
    if before.needed != after.needed:
        yield Change("may no longer be left out" if after.needed else "may be left out", after.needed)
    elif before.default != after.default:
        yield Change(f"is {quoted(after.default)} where it is left out, until now {quoted(before.default)}", False)
    yield from _meaning(before, after)


def _output(before: Field, after: Field) -> Iterator[Change]:
    if before.name != after.name:
        yield Change(f"is {quoted(after.name)}, until now {quoted(before.name)}", True)
    if before.kind != after.kind:
        yield Change(f"is {after.expected}, until now {before.expected}", True)
        return
    if before.length != after.length:
        yield Change(f"is {after.expected}, until now {before.expected}", after.length == 0 or before.length != 0)
    yield from _parts(before, after)
    if bool(before.categories) != bool(after.categories):
        words = ("one of a few labels", "any value")
        new, old = words if after.categories else words[::-1]
        yield Change(f"is {new}, no longer {old}", True)
    elif added := _without(after.categories, before.categories):
        yield Change(f"has new labels: {_listed(added)}", True)
    if after.categories and (gone := _without(before.categories, after.categories)):
        yield Change(f"no longer has these labels: {_listed(gone)}", True)
    yield from _range(before, after, narrower_breaks=False)
    if before.optional != after.optional:
        yield Change("may be null" if after.optional else "is never null any more", after.optional)
    yield from _meaning(before, after)


def _parts(before: Field, after: Field) -> Iterator[Change]:
    """Yield the changes of the fields of an object, such as several targets; a new one breaks no caller."""
    new = {part.name: part for part in after.parts}
    for old in before.parts:
        if old.name not in new:
            yield Change(f"has no {quoted(old.name)} any more", True)
            continue
        changes = _output(old, new[old.name])
        yield from (Change(f"{quoted(old.name)} {text}", breaking) for text, breaking in changes)
    for name in new.keys() - {part.name for part in before.parts}:
        yield Change(f"has {quoted(name)} too", False)


def _categories_taken(before: Field, after: Field) -> Iterator[Change]:
    if after.categories and not before.categories:
        yield Change(f"takes only these values, until now any value: {_listed(after.categories)}", True)
    elif before.categories and not after.categories:
        yield Change("takes any value, until now only a few categories", False)
    else:
        if gone := _without(before.categories, after.categories):
            yield Change(f"no longer takes {_listed(gone)}", True)
        if added := _without(after.categories, before.categories):
            yield Change(f"also takes {_listed(added)}", False)


def _range(before: Field, after: Field, *, narrower_breaks: bool) -> Iterator[Change]:
    """Yield the changes of the range. A narrower range breaks callers if `narrower_breaks`, otherwise a wider one."""
    limits = (("minimum", before.minimum, after.minimum, 1.0), ("maximum", before.maximum, after.maximum, -1.0))
    for word, old, new, sign in limits:
        if old != new:
            narrower = new is not None and (old is None or (new - old) * sign > 0)
            yield Change(f"has the {word} {_limit(new)}, until now {_limit(old)}", narrower is narrower_breaks)


def _meaning(before: Field, after: Field) -> Iterator[Change]:
    if before.unit != after.unit:
        # A unit that is only added or removed changes no meaning.
        said = bool(before.unit and after.unit)
        yield Change(f"is in {_unit(after)}, until now in {_unit(before)}", said)
    if before.description != after.description:
        yield Change("has a new description", False)


def _variables(manifests: bytes) -> dict[str, str]:
    """Return the environment variables of the containers of all Services.

    Where none limits the time of an answer, as in releases of a container or of an earlier base, Knative's limit does.
    """
    found: dict[str, str] = {}
    for document in yaml.safe_load_all(manifests):
        if (document or {}).get("kind") == "Service":
            template = ((document.get("spec") or {}).get("template") or {}).get("spec") or {}
            if "timeoutSeconds" in template:
                found.setdefault(TIMEOUT, str(template["timeoutSeconds"]))
            for container in template.get("containers") or ():
                found |= {str(each.get("name")): str(each.get("value", "")) for each in container.get("env") or ()}
    return found


def _without(these: Iterable[object], those: Iterable[object]) -> list[object]:
    known = set(those)
    return [value for value in these if value not in known]


def _listed(values: Iterable[object]) -> str:
    return listed([quoted(value) for value in values], _MOST_SHOWN)


def _limit(value: float | None) -> str:
    return "none" if value is None else f"{value:.15g}"


def _unit(field: Field) -> str:
    return quoted(field.unit) if field.unit else "an unknown unit"


def of_release(settings: Settings, environment: str, release: Release) -> Schema | None:
    """Return the schema of a release, or None if its artifact has no schema.

    If the artifact of a promoted release is not copied yet, read it from the store of the source environment. Raise
    `SlipwayError` when no store has the artifact.
    """
    model, origin = release.record.model_id.split("/")[0], release.record.origin
    try:
        store = store_of(settings, environment)
        return of_record(store, store.record(model, release.version))
    except SlipwayError:
        if origin is None:
            raise
    store = store_of(settings, origin.environment)
    return of_record(store, store.record(model, ReleaseName.parse(origin.release).version))


def broken(settings: Settings, before: Overlay, source: str, found: Release, release: Release) -> list[Change]:
    """Return the changes of a promotion that break the calls of today.

    `before` is the overlay of the target environment. `found` is the release of the environment `source`, and
    `release` is the same in the target environment.
    """
    serving = before.serving()
    if serving is None or serving.name == release.name:
        return []
    changes = limit_changes(serving.files[MANIFESTS], release.files[MANIFESTS])
    old, new = of_release(settings, before.environment, serving), of_release(settings, source, found)
    if old is not None and new is not None:
        changes += compare(old, new)
    return [change for change in changes if change.breaking]


def of_record(store: Store, record: Record) -> Schema | None:
    """Return the schema of a version, or None if its artifact has no schema, as handmade ones may."""
    if _FILE not in record.artifact.files:
        return None
    content = store.content(record, _FILE)
    try:
        return msgspec.json.decode(content, type=Schema)
    except msgspec.MsgspecError as error:
        raise SlipwayError(f"the {_FILE} of {record.id} is damaged: {error}", fix="choose another version") from error
