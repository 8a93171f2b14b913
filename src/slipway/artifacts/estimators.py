"""The form `skops`: scikit-learn's estimators, and collections of them, as the same bytes in every process.

skops names things by their address in memory and writes times into its zip. Here names follow from content, and times
are left out. Values that scikit-learn itself takes from a clock or an address are saved as null (`_PASSING`).
"""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from typing import Any

from slipway.artifacts.trust import Trust, misused, nodes
from slipway.digests import of_bytes
from slipway.errors import SlipwayError

# Addresses, and times on the clock, that scikit-learn keeps and does not need to predict.
_TIMES = {"mean_fit_time", "mean_score_time", "refit_time_", "std_fit_time", "std_score_time"}
_PASSING = frozenset({"_stop_words_id", *_TIMES})
_NOTHING = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": "null", "is_json": True}
# Equal content of these kinds is one object, so they need no ids.
_NO_IDS = frozenset({"FunctionNode", "JsonNode", "TypeNode"})
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)
_FIRST_PROTOCOL = 1  # earlier ones keep a function's name in another place


def dump(value: Any, trust: Trust, name: str) -> bytes:
    """Return `value` in the form `skops`, the same bytes each time; messages call it `name`.

    Raise `SlipwayError` when skops cannot save it, or when it holds a type that could not be loaded again.
    """
    import skops.io

    try:
        content = settled(skops.io.dumps(value))
    except Exception as error:
        fix = "keep a scikit-learn estimator, a numpy array, or what JSON can hold"
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        raise SlipwayError(f"{name} (a {kind}) cannot be saved: {error}", fix=fix) from error
    load(content, trust, name)
    return content


def load(content: bytes, trust: Trust, name: str) -> Any:
    """Return the value that `dump` saved; raise `SlipwayError` naming untrusted types before making any object."""
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        schema = _schema(content)
        kinds = trust.kinds(schema)
        called = misused(schema, kinds)
        try:
            if not called:
                return skops.io.loads(content, trusted=list(kinds))
        except UntrustedTypesFoundException:
            pass
        unknown = set(skops.io.get_untrusted_types(data=content)) - kinds.keys() or called
    except SlipwayError as error:
        raise SlipwayError(f"{name} cannot be loaded: {error.problem}", fix=error.fix) from error
    except Exception as error:
        fix = "fetch it again; if that does not help, install what its requirements.lock says, or train again"
        raise SlipwayError(f"{name} cannot be loaded: {type(error).__name__}: {error}", fix=fix) from error
    raise _untrusted(name, sorted(unknown), trust)


def modules(content: bytes) -> set[str]:
    """Return the modules of all types in a file of `dump`."""
    return {str(node.get("__module__")) for node in nodes(_schema(content))}


def _untrusted(name: str, unknown: list[str], trust: Trust) -> SlipwayError:
    fix = (
        "only what scikit-learn or the model's own modules define is trusted; add a class that you trust to "
        f"trusted_types of the model's class: trusted_types = {unknown!r}; or keep its content as arrays"
    )
    if any("<" in each or each.rpartition(".")[0] in trust.modules for each in unknown):
        fix = (
            "a lambda, and a function or class within a function, cannot be saved: write it at the outermost level of "
            "the module instead"
        )
    return SlipwayError(f"{name} holds what is not trusted: {', '.join(unknown)}", fix=fix)


def _schema(content: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        schema: dict[str, Any] = json.loads(archive.read("schema.json"))
    if not isinstance(schema.get("protocol"), int) or schema["protocol"] < _FIRST_PROTOCOL:
        raise SlipwayError(f"a file of skops protocol {schema.get('protocol')!r}, which is too old")
    return schema


def settled(content: bytes) -> bytes:
    """Return a skops file without anything that differs between processes."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        schema = json.loads(archive.read("schema.json"))
        members = {name: archive.read(name) for name in archive.namelist()}
    arrays: dict[str, bytes] = {}
    for node in nodes(schema):
        if node["__loader__"] == "DictNode":
            node["content"].update({key: dict(_NOTHING) for key in _PASSING & node["content"].keys()})
        if isinstance(node.get("file"), str):
            member = members[node["file"]]
            node["file"] = f"{of_bytes(member)}.{node['file'].rpartition('.')[2]}"
            arrays[node["file"]] = member
    _order_sets(schema)
    _number(schema)
    return _zip({"schema.json": json.dumps(schema, separators=(",", ":")).encode(), **dict(sorted(arrays.items()))})


def _order_sets(schema: dict[str, Any]) -> None:
    """Sort the items of sets, the innermost set first."""
    for node in reversed(list(nodes(schema))):
        if node["__loader__"] == "SetNode":
            node["content"].sort(key=lambda item: json.dumps(_without_ids(item), sort_keys=True))


def _without_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_ids(below) for key, below in value.items() if key != "__id__"}
    return [_without_ids(below) for below in value] if isinstance(value, list) else value


def _number(schema: dict[str, Any]) -> None:
    """Give numbers to objects that occur more than once, by their first occurrence; drop the other ids."""
    counts = Counter(node.get("__id__") for node in nodes(schema))
    numbers: dict[int, int] = {}
    for node in nodes(schema):
        old = node.pop("__id__", None)
        if old is not None and counts[old] > 1 and node["__loader__"] not in _NO_IDS:
            node["__id__"] = numbers.setdefault(old, len(numbers) + 1)


def _zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    # Stored: compressed bytes depend on the version of the compressor.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name, _FIRST_DAY)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()
