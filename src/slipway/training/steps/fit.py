"""Step `fit`: train on the rows that are not held out, save the artifact, and convert it where that is faithful."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from slipway import digests, files
from slipway import settings as settings_file
from slipway.artifacts import estimators, worker
from slipway.artifacts.golden import Golden, differences
from slipway.artifacts.loading import REFUSED, load
from slipway.artifacts.saving import save, write_schema
from slipway.artifacts.trust import Trust
from slipway.errors import SlipwayError
from slipway.model import FittedModel, Model, PipelineModel
from slipway.models import wheels
from slipway.models.data import json_value, records
from slipway.models.discovery import blame, model_files
from slipway.models.environment import lock_for, python_for, serving_lock, use_for
from slipway.models.seeds import set_seeds
from slipway.schema import Field, Kind, Schema
from slipway.settings import Settings
from slipway.store.records import SecondFit
from slipway.training import conversion, domains, second_fit
from slipway.training.graph_tensors import graph_of
from slipway.training.inputs import hide_secrets, read_secrets, refuse_secrets_in
from slipway.training.machine import machine
from slipway.training.task import Workspace, task_in
from slipway.wrapped import GraphModel

if TYPE_CHECKING:
    import pandas as pd

_SEEDS = (
    "give each generator a seed (random_state=0, numpy.random.default_rng(0)), sort what comes out of a set, and keep "
    "no times"
)
# Rows whose predictions show the kind of all of them.
_MOST_ASKED = 1000
_OF_TYPES: tuple[tuple[set[type], Kind], ...] = (
    ({bool}, "boolean"),
    ({int}, "integer"),
    ({int, float}, "number"),
    ({str}, "string"),
    ({list}, "array"),
    ({dict}, "object"),
)


class _Learned(NamedTuple):
    """The results of a fit beside its artifact, for the conversion."""

    words: list[str]
    schema: Schema
    data: pd.DataFrame


def run(workspace: Workspace) -> str:
    """Write the artifact to `artifact/`, complete but for its golden predictions; fit again, and write `fit.json`.

    Raise `SlipwayError` with the user's own line when `train` fails, when a part cannot be saved, and when a secret
    is missing or would be saved.
    """
    with TemporaryDirectory(dir=workspace.folder.parent, prefix=".") as scratch:
        inputs = Path(scratch) / "inputs"
        files.link_tree(workspace.folder, inputs)
        line, first = _first(workspace)
        found = _second(workspace, inputs, first)
    workspace.write("fit.json", {"machine": machine(), "second_fit": found})
    if found is None:
        return line
    return f"{line}\n    mind: {found.words}\n      {_SEEDS}" if found.is_doubtful else f"{line}; {found.words}"


def _first(workspace: Workspace) -> tuple[str, second_fit.First]:
    """Train and convert; return a line, and what a second fit is compared with."""
    clock = second_fit.Clock()
    learned = _learn(workspace)
    seconds, saved = clock.seconds(), second_fit.digest_each(workspace.folder / "artifact")
    line = "; ".join(filter(None, (*learned.words, _convert(workspace, learned))))
    return line, second_fit.First(saved, second_fit.digest_each(workspace.folder / "artifact"), seconds)


def _second(workspace: Workspace, inputs: Path, first: second_fit.First) -> SecondFit | None:
    """Return what a second fit gives; None where nothing is fitted."""
    if workspace.model.image is not None or isinstance(workspace.new_model(), FittedModel):
        return None
    found = second_fit.look(workspace, inputs, first)
    secrets = read_secrets(workspace.model.secrets)
    return msgspec.structs.replace(found, why=hide_secrets(found.why, secrets)) if found.why else found


def answer(question: second_fit.Question) -> dict[str, str]:
    """Fit in a process of its own; return the digest of each file of the artifact, or nothing where they are known.

    What was saved decides what it is converted to, so only other files than the first fit saved are converted.
    """
    settings = settings_file.load(question.root)
    workspace = Workspace(settings, question.folder, task_in(question.folder))
    learned = _learn(workspace)
    if second_fit.digest_each(workspace.folder / "artifact") == question.saved:
        return {}
    _convert(workspace, learned)
    return second_fit.digest_each(workspace.folder / "artifact")


def _learn(workspace: Workspace) -> _Learned:
    """Train on the rows that are not held out, and save the model."""
    settings, model = workspace.settings, workspace.new_model()
    secrets = read_secrets(workspace.model.secrets)
    schema, data = msgspec.convert(workspace.read("schema.json"), Schema), workspace.data()
    rows = data[~workspace.held_out(data)][_ordered(schema.columns, data)]
    try:
        if not isinstance(model, FittedModel):
            _check_savable(model)
        set_seeds()
        if isinstance(model, FittedModel):
            model.fitted = _estimator(workspace, type(model))
        else:
            model.train(rows.reset_index(drop=True))
    except SlipwayError:
        raise
    except Exception as error:
        raise SlipwayError(hide_secrets(f"training fails at {blame(error, settings.root)}", secrets)) from error
    schema, widened = _settled(workspace, model, schema, data)
    artifact = workspace.folder / "artifact"
    code = {
        name: file for name, file in model_files(settings, workspace.task.model).items() if not _is_part(file, model)
    }
    save(model, schema, Golden(rows=[], predictions=[]), artifact, code=code)
    refuse_secrets_in(artifact, secrets)
    if schema.target.kind == "any":
        schema = _answering(workspace, schema, records(data.head(_MOST_ASKED), schema.names))
    return _Learned([_learned_from(model, len(rows)), *widened], schema, data)


def _check_savable(model: Model) -> None:
    """Raise `SlipwayError` for a pipeline that could not be saved, or loaded again, once it is fitted."""
    if isinstance(model, PipelineModel) and type(model).train is PipelineModel.train:
        estimators.dump(model.pipeline(), Trust.of(type(model)), f"{type(model).__name__}.pipeline()")


def _estimator(workspace: Workspace, kind: type[FittedModel]) -> Any:
    """Return the estimator in the file beside the model's module; only types that the class trusts are loaded."""
    path = workspace.settings.folder(workspace.task.model) / kind.estimator
    if not path.is_file():
        fix = (
            f"slipway import, or slipway.save(estimator, X, y, {workspace.task.model!r}), writes it; git has to have it"
        )
        raise SlipwayError(f"there is no {path}, which holds the fitted estimator", fix=fix)
    if issubclass(kind, GraphModel):
        return graph_of(path, kind)
    return estimators.load(path.read_bytes(), Trust.of(kind), str(path))


def _is_part(file: Path, model: Model) -> bool:
    """Return True for the file of the estimator: the artifact has it among its parts, and not as code."""
    return isinstance(model, FittedModel) and file.name == type(model).estimator


def _learned_from(model: Model, rows: int) -> str:
    return (
        f"fitted elsewhere: {'an ONNX graph' if isinstance(model, GraphModel) else type(model.fitted).__name__}"
        if isinstance(model, FittedModel)
        else f"trained on {rows} rows"
    )


def _settled(workspace: Workspace, model: Model, schema: Schema, data: pd.DataFrame) -> tuple[Schema, list[str]]:
    """Write the schema with the domains of a fitted pipeline, and return it with what changed.

    Raise `SlipwayError` when rows that are held out have a category that the pipeline refuses.
    """
    if not isinstance(model, PipelineModel) or type(model).train is not PipelineModel.train:
        return schema, []
    declared = frozenset(schema.names if type(model).input is not None else ())
    found, told = domains.settle(schema, model.fitted, declared)
    for before, field in zip(schema.fields, found.fields, strict=True):
        if field.categories != before.categories and field.categories:
            _check_known(field, data[field.name])
    if isinstance(model, FittedModel):
        found = msgspec.structs.replace(found, target=_all_classes(found.target, model.fitted))
    workspace.write("schema.json", found)
    return found, told


def _all_classes(target: Field, estimator: Any) -> Field:
    """Return the target with the classes that the estimator knows, too: the rows that evaluate it may lack one."""
    known: Any = getattr(estimator, "classes_", None)
    if not target.categories or getattr(known, "ndim", 0) != 1:
        return target
    kinds = {type(value) for value in target.categories}
    values = {*target.categories, *(value for value in known.tolist() if type(value) in kinds)}
    return msgspec.structs.replace(target, categories=tuple(sorted(values)))


def _answering(workspace: Workspace, schema: Schema, rows: list[dict[str, Any]]) -> Schema:
    """Learn the kind of predictions that no column of the data has, from those for `rows`; write and return the schema.

    No classes are learned: rows that nobody has seen may get others.
    """
    artifact = workspace.folder / "artifact"
    try:
        answers = [answer for answer in load(artifact).answer_each(rows) if answer is not REFUSED]
    except SlipwayError:
        raise
    except Exception as error:
        raise SlipwayError(f"predicting fails: {blame(error, workspace.settings.root, artifact / 'code')}") from error
    found = msgspec.structs.replace(schema, target=kind_of(schema.target.name, answers))
    write_schema(found, artifact)
    workspace.write("schema.json", found)
    return found


def kind_of(name: str, answers: Sequence[Any]) -> Field:
    """Return the field that all these predictions have in common; one of the kind `any` if they differ in kind."""
    present = [answer for answer in answers if answer is not None]
    types = {type(answer) for answer in present}
    optional = len(present) < len(answers)
    for kinds, kind in _OF_TYPES:
        if types and types <= kinds:
            if kind == "object":
                return _object(name, present)
            is_numbers = kind != "array" or all(type(each) in (int, float) for answer in present for each in answer)
            return Field(name=name, kind=kind if is_numbers else "any", optional=optional and is_numbers)
    return Field(name=name, kind="any")


def _object(name: str, answers: Sequence[dict[str, Any]]) -> Field:
    if any(answer.keys() != answers[0].keys() for answer in answers):
        return Field(name=name, kind="any")
    parts = tuple(kind_of(part, [answer[part] for answer in answers]) for part in answers[0])
    return Field(name=name, kind="object", parts=parts)


def _check_known(field: Field, column: pd.Series[Any]) -> None:
    values = {json_value(value) for value in column.dropna().unique()}
    if unknown := sorted(values - set(field.categories), key=str):
        problem = (
            f"the rows to train on have no {', '.join(map(repr, unknown))} in {field.name}, and the encoder refuses it"
        )
        fix = "give the encoder handle_unknown='ignore' or 'infrequent_if_exist', or bring more rows of it"
        raise SlipwayError(problem, fix=fix)


def _ordered(columns: Sequence[str], data: pd.DataFrame) -> list[str]:
    """Return all columns of the data: the given ones first, then those that no caller gives."""
    return [*columns, *(name for name in data.columns if name not in set(columns))]


def _convert(workspace: Workspace, learned: _Learned) -> str:
    """Convert estimators; write `conversion.json`, `originals/`, the artifact's lock and its wheels; return a line."""
    if workspace.model.image is not None:
        workspace.write("conversion.json", {})
        return f"{workspace.model.image} keeps the contract"
    artifact, rows = workspace.folder / "artifact", records(learned.data, learned.schema.names)
    auto = workspace.model.convert == "auto"
    found = conversion.convert(artifact, rows, workspace.folder / "originals") if auto else {}
    workspace.write("conversion.json", found)
    lock, why = _lock(workspace.settings, workspace.task.model, artifact, rows)
    files.write(artifact / "requirements.lock", lock.read_bytes())
    folder = workspace.settings.folder(workspace.task.model)
    # The artifact keeps its wheels, so that it can be installed when the folder has others.
    for name, wheel in wheels.of_model(folder, lock.read_text(encoding="utf-8")).items():
        files.write(artifact / name, wheel.read_bytes())
    return "; ".join(filter(None, (conversion.line(found), why)))


def _lock(settings: Settings, model: str, artifact: Path, rows: Sequence[dict[str, Any]]) -> tuple[Path, str]:
    """Return the lock for serving an artifact, and why it is not as lean as one might expect.

    When every estimator was converted, it has neither scikit-learn nor pandas, if the model's own code predicts all
    `rows` without them. Otherwise it has all that predicting had before.
    """
    paths = digests.walk(artifact)
    found = serving_lock(settings, model, paths)
    if use_for(paths) != "onnx" or not (why := _difference(python_for(found), artifact, rows)):
        return found, ""
    return lock_for(settings, model, "mixed"), f"served with all its requirements, for without them {why}"


def _difference(python: Path, artifact: Path, rows: Sequence[dict[str, Any]]) -> str:
    """Return how the artifact answers by `python` otherwise than it does here; empty when it does not."""
    loaded = load(artifact)
    try:
        answers = loaded.answer_each(list(rows))
    except Exception:  # noqa: BLE001 - the model's code fails here too, which the step evaluate reports
        return ""
    answered = [at for at, answer in enumerate(answers) if answer is not REFUSED]
    expected = Golden(rows=[rows[at] for at in answered], predictions=[answers[at] for at in answered])
    try:
        found = worker.predictions(python, artifact, expected.rows)
    except SlipwayError as error:
        return f"predicting fails: {error.problem.splitlines()[-1].strip()}"
    wrong = differences(expected, found, loaded.manifest.tolerance)
    return f"it answers otherwise: {wrong[0]}" if wrong else ""
