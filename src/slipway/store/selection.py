"""Which version is meant, and what to say when there is none."""

from typing import TYPE_CHECKING

from slipway.errors import SlipwayError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slipway.store.records import Record
    from slipway.store.versions import Store

__all__ = ["no_version", "published_by", "select"]

_SHOWN = 10
_LOOKED_AT = 20


def select(store: "Store", model: str, version: int | None, where: "Mapping[str, str]") -> "Record":
    """The record of the newest version (or of `version`) whose metadata have every value of `where`."""
    for number in reversed(store.versions(model)) if version is None else [version]:
        record = store.record(model, number)
        if where.items() <= record.metadata.items():
            return record
    conditions = "".join(f" with {key}={value}" for key, value in where.items())
    raise no_version(store, model, f"no version{'' if version is None else f' {version}'}{conditions}", where)


def published_by(store: "Store", model: str, run: str) -> "Record | None":
    """The version that a run of a training has published; None where none of the newest 20 is."""
    for version in reversed(store.versions(model)[-_LOOKED_AT:]):
        record = store.record(model, version)
        if record.training is not None and record.training.run == run:
            return record
    return None


def no_version(store: "Store", model: str, what: str, where: "Mapping[str, str] | None" = None) -> SlipwayError:
    """The error that says `what` a model has not, and what there is in its place."""
    versions = store.versions(model)
    if versions:
        shown = ", ".join(_described(store, model, number, where or {}) for number in versions[-_SHOWN:])
        earlier = "…, " if len(versions) > _SHOWN else ""
        return SlipwayError(f"{model} has {what} in {store.environment}", fix=f"there are: {earlier}{shown}")
    command = f"slipway train {model} --env {store.environment}"
    return SlipwayError(f"{model} has no version in {store.environment} yet", fix=f"run `{command}`")


def _described(store: "Store", model: str, number: int, where: "Mapping[str, str]") -> str:
    if not where:
        return str(number)
    metadata = store.record(model, number).metadata
    return f"{number} ({', '.join(f'{key}={metadata[key]}' if key in metadata else f'no {key}' for key in where)})"
