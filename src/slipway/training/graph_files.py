"""An ONNX file, or one that `mlflow.onnx` saved, written as the folder of a model.

The graph is loaded and asked in a process of its own: a file of strangers may end the process that computes it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import msgspec

from slipway import processes
from slipway.artifacts.golden import Golden, differences
from slipway.artifacts.onnx.foreign import ForeignGraph
from slipway.artifacts.values import PredictionError, to_json
from slipway.errors import SlipwayError
from slipway.model import PREDICTION, Contract, ContractError, InputError
from slipway.models.data import json_value, records, write_table
from slipway.schema import Field, InvalidRows, Schema, tables
from slipway.training import folders
from slipway.training.folders import Fitted
from slipway.training.graph_content import Content, content_of, labels_of, loaded
from slipway.training.graph_outputs import meant
from slipway.training.graph_tensors import Inputs, Wishes, assigned, checked, keys_of, outputs_of
from slipway.wrapped.graphs import GraphModel

if TYPE_CHECKING:
    import pandas as pd

_MOST_ASKED = 1000
_PATIENCE = 900.0
# The share of the largest number that a sum of such numbers may lose in float32.
_LOST = 1e-6
_ROUNDING = {"one_by_one": True, "tolerance": 1e-4}
_ROUNDS = "numbers depend a little on how many rows are computed at once: rows are asked one by one, and take longer"


class _Question(msgspec.Struct, frozen=True):
    graph: Path
    data: Path
    scratch: Path
    name: str
    wishes: Wishes


class _Found(msgspec.Struct, frozen=True):
    """The declarations of the class, the prepared files, and lines to tell."""

    declared: dict[str, Any]
    inputs: Inputs
    outputs: list[tuple[str, str, int | None]]
    graph: Path
    data: Path
    about: str
    told: list[str]


def take(graph: Path, folder: Path, model: str, data: Path, wishes: Wishes) -> list[str]:
    """Write the folder of a model for a graph, and return what its maker has to know, in lines.

    Raise `SlipwayError` for a graph that cannot be served as it answers elsewhere, and for rows that do not fit it.
    """
    with TemporaryDirectory(prefix="slipway-") as scratch:
        empty, name = Path(scratch), folders.class_name(model)
        env = processes.bare(empty)
        question = _Question(graph.resolve(), data.resolve(), empty, f"{folder.name}:{name}", wishes)
        try:
            found = processes.ask(
                sys.executable, __name__, question, answer=_Found, env=env, cwd=empty, patience=_PATIENCE
            )
        except SlipwayError as error:
            if error.fix:
                raise
            problem = f"{graph} cannot be taken: {error.problem}"
            raise SlipwayError(problem, fix="see that onnxruntime computes it here in a program of your own") from error
        kind = _kind(name, found)
        fitted = Fitted(kind, found.graph.read_bytes(), found.data, _module(kind, found), ["onnxruntime"])
        folders.write(folder, fitted)
    return found.told


def answer(question: _Question) -> _Found:
    """Look at a graph, ask it the rows, and return how to serve it."""
    where, wishes = str(question.graph), question.wishes
    content = content_of(question.graph)
    graph = loaded(content, where)
    called = [*wishes.features, *(wishes.columns or ()), *wishes.targets, *wishes.rounded]
    table = tables.respelled(tables.read(question.data, ()), called)
    inputs, one_by_one, lines = assigned(graph, list(map(str, table)), wishes)
    _check_columns(question, [name for _, names in inputs.values() for name in names], table)
    draft = {"optional": _gaps(inputs, table), "rounded": list(wishes.rounded), "one_by_one": one_by_one}
    names = outputs_of(graph, wishes.outputs)
    plain = _Found(draft, inputs, [(name, name, None) for name in names], Path(), Path(), content.about, lines)
    asked = _kind("Asked", plain)
    schema = Schema(fields=Contract.of(asked).fields or (), target=Field(name=PREDICTION, kind="any"), truth=False)
    rows = _rows(schema, tables.read(question.data, schema.fields), str(question.data))
    answers, rounds = _asked(asked, graph, rows[:_MOST_ASKED], where)
    if rounds:
        plain = msgspec.structs.replace(plain, declared=plain.declared | _ROUNDING, told=[*plain.told, _ROUNDS])
    found = _meant(plain, wishes, graph, content, answers)
    return _written(question, found, _kind(question.name.partition(":")[2], found), content, schema)


def _meant(
    plain: _Found, wishes: Wishes, graph: ForeignGraph, content: Content, answers: Sequence[Mapping[str, Any]]
) -> _Found:
    """Return the declarations of a class, with what the outputs mean."""
    kinds = {each.name: each.type for each in graph.outputs}
    widths = checked(graph, [name for name, _, _ in plain.outputs], answers)
    labels = {
        name: labels_of(content.model, name) or keys_of(list(widths), kinds, kinds[name], answers) for name in widths
    }
    outputs, more, told = meant(wishes, widths, labels, answers, kinds)
    declared = plain.declared | more
    return msgspec.structs.replace(plain, declared=declared, outputs=outputs, told=[*plain.told, *told])


def _written(question: _Question, found: _Found, kind: type[GraphModel], content: Content, schema: Schema) -> _Found:
    """Write the prepared files into the scratch folder."""
    targets = Contract.of(kind).output
    fields = [*schema.fields, *((targets.parts or (targets,)) if targets else ())]
    table = tables.read(question.data, fields)[[*schema.names, *question.wishes.targets]]
    for field in fields[len(schema.fields) :]:
        _check_truth(field, table[field.name], str(question.data))
    data = write_table(table, question.scratch, question.name.partition(":")[0], kind())
    graph = question.scratch / kind.estimator
    graph.write_bytes(content.bytes)
    return msgspec.structs.replace(found, graph=graph, data=data)


def _check_columns(question: _Question, columns: Sequence[str], table: pd.DataFrame) -> None:
    targets = question.wishes.targets
    if lacking := [name for name in (*columns, *targets) if name not in table]:
        fix = f"it has {', '.join(map(str, table))}; --features names the graph's columns in their order"
        raise SlipwayError(f"{question.data} has no column {lacking[0]!r}", fix=fix)
    if twice := sorted(set(targets) & set(columns)):
        raise SlipwayError(f"{twice[0]!r} is the target, and the graph takes it", fix="leave one of them out")
    if unknown := sorted(set(question.wishes.rounded) - set(columns)):
        raise SlipwayError(f"--rounded names {unknown[0]!r}, which the graph does not take")


def _gaps(inputs: Inputs, table: pd.DataFrame) -> list[str]:
    """Return the columns of numbers in which the data has gaps."""
    floats = [name for kind, names in inputs.values() for name in names if kind.startswith("float")]
    return [name for name in floats if 0 < int(table[name].isna().sum()) < len(table)]


def _rows(schema: Schema, table: pd.DataFrame, where: str) -> list[dict[str, Any]]:
    """Return the rows as the function parses them."""
    if not len(table):
        raise SlipwayError(f"{where} has no rows", fix="give some: every release has to reproduce their answers")
    try:
        return schema.parse(records(table, schema.names))
    except InvalidRows as error:
        told = "\n  ".join(f"row {(each.row or 0) + 1}: {each.field}: {each.message}" for each in error.problems)
        raise SlipwayError(f"{where} does not fit the graph's inputs:\n  {told}", fix="mend these rows") from error


def _check_truth(field: Field, column: pd.Series[Any], where: str) -> None:
    for row, value in enumerate(column.tolist()):
        try:
            field.parse(json_value(value))
        except ValueError as error:
            fix = "mend these rows; --classes names the labels; without --target nothing is measured"
            raise SlipwayError(f"{where}, row {row + 1}: the target {field.name}: {error}", fix=fix) from error


def _asked(
    kind: type[GraphModel], graph: ForeignGraph, rows: list[dict[str, Any]], where: str
) -> tuple[list[dict[str, Any]], bool]:
    """Return a dict by output for each row, and True if numbers depend on how many rows are computed at once.

    They may do so as far as rounding goes. Raise `SlipwayError` when an answer depends on the rows beside it.
    """
    model = kind()
    model.fitted = graph
    among = _answers(model, rows, where)
    turned = _answers(model, rows[::-1], where)[::-1]
    alone = [answer for row in rows for answer in _answers(model, [row], where)]
    rounds = False
    for how, found in (("in another order", turned), ("alone", alone)):
        wrong = differences(Golden(rows=rows, predictions=among), found, kind.tolerance)
        if wrong and _is_rounding(among, found):
            rounds = True
        elif wrong:
            problem = f"{where} answers a row otherwise {how} than among others: {wrong[0]}"
            fix = "it computes over all rows of a batch, or draws lots: export it as it predicts (model.eval()), by row"
            raise SlipwayError(problem, fix=fix)
    return (alone if rounds else among), rounds


def _is_rounding(known: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]) -> bool:
    """Return True if answers differ by what sums of large numbers lose, and by nothing else.

    Where large numbers cancel out, a small rest may have few right digits: the largest one of an output counts.
    """
    pairs = [_numbers(one) for one in known], [_numbers(other) for other in found]
    if any(len(one) != len(other) for one, other in zip(*pairs, strict=True)):
        return False
    texts = [[value for value in one if not isinstance(value, float)] for one in pairs[0]]
    if texts != [[value for value in other if not isinstance(value, float)] for other in pairs[1]]:
        return False
    scale = max((abs(value) for one in pairs[0] for value in one if isinstance(value, float)), default=0.0)
    off = (
        abs(one - other)
        for row in zip(*pairs, strict=True)
        for one, other in zip(*row, strict=True)
        if isinstance(one, float)
    )
    return max(off, default=0.0) <= _LOST * scale


def _numbers(answer: Any) -> list[Any]:
    """Return all values in an answer, one after another."""
    if isinstance(answer, Mapping):
        answer = list(answer.values())
    return [value for each in answer for value in _numbers(each)] if isinstance(answer, list) else [answer]


def _answers(model: GraphModel, rows: list[dict[str, Any]], where: str) -> list[dict[str, Any]]:
    names = list(type(model).outputs)
    try:
        found = to_json(model.predict(rows), len(rows), Field(name=PREDICTION, kind="any"))
    except InputError as error:
        place = f"row {(error.row or 0) + 1}{f', {error.field}' if error.field else ''}"
        raise SlipwayError(f"{where} cannot answer {place}: {error}", fix=_way(error.field)) from error
    except PredictionError as error:
        raise SlipwayError(f"{where}: {error}", fix="choose other outputs of the graph: --outputs NAME …") from error
    except Exception as error:
        text = " ".join(str(error).split())
        fix = "see that the columns are those that the graph takes, in their order: --features …"
        raise SlipwayError(f"onnxruntime cannot compute {where} for {len(rows)} rows: {text}", fix=fix) from error
    return [{names[0]: each} for each in found] if len(names) == 1 else found


def _way(field: str) -> str:
    if field:
        return f"if the last digits do not matter, say so: --rounded {field}; else export the graph with float64"
    return "take such rows out of the data; the function refuses them with 400"


def _kind(name: str, found: _Found) -> type[GraphModel]:
    """Return the class of the model."""
    outputs = {name: output if place is None else (output, place) for name, output, place in found.outputs}
    try:
        return type(name, (GraphModel,), {"inputs": found.inputs, "outputs": outputs, **found.declared})
    except ContractError as error:
        raise SlipwayError(str(error), fix="--features and --target name the columns") from error


def _module(kind: type[GraphModel], found: _Found) -> str:
    """Return the text of the model's module."""
    lines = ["from slipway.wrapped import GraphModel", "", "", f"class {kind.__name__}(GraphModel):"]
    lines += [f'    """{kind.__name__}: say here what is predicted, from what, for whom. {found.about}"""', ""]
    for name in ("inputs", "target_variable", "outputs", "classes", "probabilities", "texts", "optional", "rounded"):
        if value := getattr(kind, name):
            lines += folders.declared(name, value)
    if kind.one_by_one:
        lines += folders.declared("one_by_one", value=True)
    if kind.tolerance != GraphModel.tolerance:
        lines.append(f"    tolerance = {kind.tolerance}")
    return "\n".join(lines) + "\n"
