"""Checks of `slipway.yaml` beyond the types: names that exist, schedules, and values that fit one another."""

from __future__ import annotations

import keyword
import math
import os.path
import re
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import msgspec

from slipway.errors import SlipwayError
from slipway.names import check_model_name, nearest
from slipway.settings import package_indexes
from slipway.settings.strict import FILE, convert, refuse
from slipway.settings.types import Environment, File, Gate, ModelSettings, Own

# Names of parameters and variables that seem to hold a secret.
_SECRET = re.compile(r"(?i)(^|_)(password|passwd|secret|api_?key|(access|private|secret)_key|credentials?)$")


def check(file: File) -> None:
    """Raise `SlipwayError` with the path of the first value that does not fit the others."""
    _check_environments(file.environments)
    package_indexes.check(file.indexes)
    for name, model in file.models.items():
        _check_model(name, model, file.environments)


def check_secrets(models: dict[Any, Any]) -> None:
    """Refuse a secret that is written into the file; call this before other checks, whose messages would show it."""
    for name, model in models.items():
        secrets = model.get("secrets") if isinstance(model, dict) else None
        for variable, value in secrets.items() if isinstance(secrets, dict) else ():
            if not isinstance(value, dict):
                fix = "keep it in a Kubernetes Secret and write {secret: NAME, key: KEY}; change what was leaked"
                refuse(f"models.{name}.secrets.{variable}", "a secret is only named here, never written", fix)


def check_objects(environments: Sequence[str], models: Sequence[str]) -> None:
    """Refuse two names that become the same object in Argo CD, in a namespace or in the registry."""
    known: dict[str, str] = {}
    for object_, owner in _objects(environments, models):
        if known.setdefault(object_, owner) != owner:
            problem = f"{known[object_]} and {owner} would both become {object_}"
            raise SlipwayError(problem, fix=f"give one of them another name (model/, {FILE})")


def _objects(environments: Sequence[str], models: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each object that is made of a name, and in words what it is made of."""
    for environment in environments:
        for suffix in ("", "-namespace", "-functions", "-training"):
            yield f"the Application slipway-{environment}{suffix}", f"environment {environment}"
        for model in models:
            owner = f"environment {environment}, model {model}"
            yield f"the Application {environment}-{model}", owner
            yield f"the Application training-{environment}-{model}", owner
    for model in models:
        yield f"the Service {model}", f"model {model}"
        yield f"the Service {model}-training", f"the training service of model {model}"
        yield f"the image {model}", f"model {model}"
        yield f"the image {model}-train", f"the training of model {model}"


def _check_environments(environments: dict[str, Environment]) -> None:
    if not environments:
        refuse("environments", "there is none", "name one: test")
    for name, environment in environments.items():
        at = f"environments.{name}"
        if name == "dev":
            refuse(at, "the word is reserved: what is served from a folder is called MODEL/dev/1")
        source = environment.promotes_from
        if source is not None and source not in environments:
            refuse(f"{at}.promotes_from", f"unknown environment {source!r}; {nearest(source, environments)}")
        if source is None and environment.promotion != "manual":
            refuse(f"{at}.promotion", f"{name} takes no promotions", "say where from: promotes_from: test")
        _check_variables(environment.variables, f"{at}.variables")
    for name in environments:
        _check_sources(name, environments)
    _check_apart(environments)


def _check_variables(variables: dict[str, str], at: str) -> None:
    for variable, value in variables.items():
        if _SECRET.search(variable) or variable.endswith("TOKEN"):
            fix = "keep it in a Kubernetes Secret; a pod's rights come with its service account; change what was leaked"
            refuse(f"{at}.{variable}", "looks like a secret, and everybody can read the overlays", fix)
        if not value.isprintable():
            refuse(f"{at}.{variable}", "has a character that cannot be shown")


def _check_sources(name: str, environments: dict[str, Environment]) -> None:
    """Refuse environments that promote from one another in a circle."""
    seen, at = [name], environments[name].promotes_from
    while at is not None:
        if at == name:
            way = " from ".join([*seen, name])
            refuse(f"environments.{name}.promotes_from", f"{way}: nothing could ever get in")
        if at in seen:
            return
        seen.append(at)
        at = environments[at].promotes_from


def _check_apart(environments: dict[str, Environment]) -> None:
    """Refuse a namespace or a store that two environments share: their versions and routes would mix."""
    for other, name in combinations(environments, 2):
        if environments[name].namespace == environments[other].namespace:
            refuse(f"environments.{name}.namespace", f"is the namespace of {other} as well", "give each its own")
        here, there = (_normal(environments[each]) for each in (name, other))
        if here == there or here.startswith(f"{there}/") or there.startswith(f"{here}/"):
            refuse(f"environments.{name}.store", f"is the store of {other}, or within it", "give each its own")


def _normal(environment: Environment) -> str:
    return environment.store.rstrip("/") if environment.in_bucket else os.path.normpath(environment.store)


def _check_model(name: str, model: ModelSettings, environments: dict[str, Environment]) -> None:
    at = f"models.{name}"
    try:
        check_model_name(name)
    except SlipwayError as error:
        refuse(at, error.problem, error.fix)
    _check_environments_of(model, environments, at)
    for metric, gate in model.gates.items():
        _check_gate(gate, f"{at}.gates.{metric}")
    for parameter, value in model.parameters.items():
        _check_parameter(parameter, value, f"{at}.parameters.{parameter}")
    if model.schedule is not None and (objection := schedule_objection(model.schedule)):
        refuse(f"{at}.schedule", f"{model.schedule!r} {objection}")
    _check_columns(model, at)
    if model.split is not None and (model.split.group is None) == (model.split.time is None):
        refuse(f"{at}.split", "needs one column", "write {group: COLUMN} or {time: COLUMN}")
    if model.cors and model.protocol == "grpc":
        refuse(f"{at}.cors", "browsers do not speak gRPC", "leave it out, or write protocol: http")
    if model.image is not None:
        _check_container(model, at)
    if model.folder is not None:
        _check_folder(model.folder, f"{at}.folder")
    if model.data is not None:
        _check_data(model.data if isinstance(model.data, str) else model.data.uri, f"{at}.data")


def _check_columns(model: ModelSettings, at: str) -> None:
    if model.features and model.target is None:
        refuse(f"{at}.features", "of which target?", "write the column that is predicted: target: …")
    for name in model.features:
        if name == model.target or model.features.count(name) > 1:
            refuse(f"{at}.features", f"{name!r} is named twice among the columns")


def _check_container(model: ModelSettings, at: str) -> None:
    if "@sha256:" not in str(model.image):
        refuse(f"{at}.image", "is a tag, which may name another image tomorrow", "name its digest: …@sha256:…")
    if model.target is None:
        refuse(f"{at}.image", "predicts what?", "write the column of the data that it predicts: target: …")
    if model.train == "declared":
        refuse(f"{at}.train", "an engine has to start the container, and pods have none", "write train: runner")
    if model.parameters:
        refuse(f"{at}.parameters", "a container has none", "have it built with what it needs")
    if model.protocol != "http":
        refuse(f"{at}.protocol", "a container is asked over HTTP", "leave it out")
    if any(own.access.kind != "none" for own in (model, *map(model.within, model.per_environment))):
        refuse(f"{at}.access", "a container lets everybody in", "put something in front of it that asks who calls")
    if model.cors:
        refuse(f"{at}.cors", "a container answers browsers in its own way", "set it there, and leave it out here")


def _check_environments_of(model: ModelSettings, environments: dict[str, Environment], at: str) -> None:
    for key, named in (("pin", model.pin), ("per_environment", model.per_environment)):
        for environment in named:
            if environment not in environments:
                refuse(f"{at}.{key}.{environment}", f"unknown environment; {nearest(environment, environments)}")
    _check_service(model, at)
    for environment, own in model.per_environment.items():
        here = f"{at}.per_environment.{environment}"
        convert(own, Own, here)
        _check_service(model.within(environment), here)


def _check_service(model: ModelSettings, at: str) -> None:
    if model.scale.min > model.scale.max:
        refuse(f"{at}.scale.min", f"{model.scale.min} is more than max, which is {model.scale.max}")
    if model.access.kind == "none" and model.access.secret is not None:
        fix = "say how callers prove who they are: kind: bearer, or kind: basic"
        refuse(f"{at}.access.secret", "is not used while everybody may call", fix)


def _check_gate(gate: Gate, at: str) -> None:
    if gate == Gate():
        refuse(at, "sets no limit: give min, max or worse_by")
    for key, value in msgspec.structs.asdict(gate).items():
        if value is not None and not math.isfinite(value):
            refuse(f"{at}.{key}", f"{value} is no limit: give a number")
    if gate.min is not None and gate.max is not None and gate.min > gate.max:
        refuse(f"{at}.min", f"{gate.min:g} is more than max, which is {gate.max:g}: nothing could pass")


def _check_parameter(name: str, value: Any, at: str) -> None:
    if isinstance(value, list):
        for index, each in enumerate(value):
            _check_parameter(name, each, f"{at}[{index}]")
    elif value is not None and not isinstance(value, bool | int | float | str):
        refuse(at, f"a {type(value).__name__} is no value of a parameter", "give numbers, texts, true, false or null")
    if isinstance(value, float) and not math.isfinite(value):
        refuse(at, f"{value} is no number that a record can hold")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        refuse(at, "is too large for an integer of 64 bits")
    if isinstance(value, str) and _SECRET.search(name):
        fix = "name it under `secrets`, never write it; change what was leaked"
        refuse(at, "looks like a secret, and every record shows the parameters", fix)


def _check_folder(folder: str, at: str) -> None:
    parts = Path(folder).parts
    if len(parts) < 2 or parts[0] != "model" or parts[1] == "common":
        refuse(at, f"{folder!r} is no folder below model/", "its modules are imported as model.<folder>.<module>")
    for part in parts:
        if not part.isidentifier() or keyword.iskeyword(part):
            refuse(at, f"{part!r} cannot be a Python package's name")


def _check_data(uri: str, at: str) -> None:
    for placeholder in re.findall(r"\{(.*?)\}", uri):
        if placeholder != "date":
            refuse(at, f"unknown {{{placeholder}}}: {{date}} is the only one")
    if re.match(r"[a-z][a-z0-9+.-]*://[^/]*@", uri):
        refuse(at, "holds a user or a password, and every record shows it", "give rights to who runs the training")


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# The name, the lowest and the highest number, and the words for the numbers.
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 6, _DAYS),  # Argo does not take 7 for Sunday
)
_WORDS = frozenset({"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"})
_EVERY = re.compile(r"@every ([0-9]+(\.[0-9]+)?[smh])+")
_PART = re.compile(r"(?P<first>\*|\?|\w+)(-(?P<last>\w+))?(/(?P<step>[0-9]{1,4}))?")
_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def schedule_objection(schedule: str) -> str:
    """Return the mistake in a schedule as Argo's CronWorkflow takes it; '' if there is none."""
    if schedule in _WORDS or _EVERY.fullmatch(schedule):
        return ""
    texts = schedule.split()
    if len(texts) != len(_FIELDS):
        return "is not five fields as cron writes them (minute, hour, day, month, day of the week), like '0 3 * * 1'"
    try:
        _, _, days, months, weekdays = (_values(text, *field) for text, field in zip(texts, _FIELDS, strict=True))
    except ValueError as error:
        return str(error)
    any_weekday = len(weekdays) == len(_DAYS)
    if any_weekday and min(days) > max(_LENGTHS[month - 1] for month in months):
        return f"names a day that never comes: {texts[2]} of month {texts[3]}"
    return ""


def _values(text: str, name: str, lowest: int, highest: int, words: tuple[str, ...]) -> set[int]:
    """Return the numbers of one field; raise `ValueError` with the mistake."""
    found: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"has the {name} {part!r}, which is no number, range or step")
        step = int(match["step"] or 1)
        if match["first"] in "*?":
            first, last = lowest, highest
        else:
            first = _number(match["first"], name, lowest, highest, words)
            last = _number(match["last"], name, lowest, highest, words) if match["last"] else first
            # 5/15 means from 5 to the end.
            last = highest if match["step"] and not match["last"] else last
        if first > last or step < 1 or (match["first"] in "*?" and match["last"]):
            raise ValueError(f"has the {name} {part!r}, which holds nothing")
        found.update(range(first, last + 1, step))
    return found


def _number(text: str, name: str, lowest: int, highest: int, words: tuple[str, ...]) -> int:
    if text.lower() in words:
        return words.index(text.lower()) + lowest
    if not re.fullmatch("[0-9]{1,4}", text) or not lowest <= int(text) <= highest:
        known = f", or {words[0]} to {words[-1]}" if words else ""
        raise ValueError(f"has the {name} {text!r}: it goes from {lowest} to {highest}{known}")
    return int(text)
