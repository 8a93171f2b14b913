"""Graphs of foreign converters, imported, trained and served: the function answers as onnxruntime does here."""

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest

from tests.public.data import ROOT
from tests.public.test_public import LIST, _served, _slipway

PACKAGES = (
    "skl2onnx==1.20.0",
    "onnxmltools==1.16.0",
    "lightgbm==4.7.0",
    "scikit-learn==1.9.1",
    "pandas==3.1.1",
    "packaging==26.3",
)
HOME = ROOT / ".tools" / "converters"
FRESH = 300
TARGETS = {
    "logistic": ["kind"],
    "forest": ["kind"],
    "boosting": ["progress"],
    "several": ["one", "two"],
    "clusters": [],
    "outliers": [],
    "columns": ["kind"],
    "mixed": ["bought"],
    "lightgbm": ["kind"],
}


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """Return a folder with the graphs and their rows; the converters are for these tests only, so no lock has them."""
    python = HOME / "bin" / "python"
    if not (HOME / "complete").is_file():
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(HOME)], check=True)
        subprocess.run([*uv, "pip", "install", "--quiet", "--python", str(python), *PACKAGES], check=True)
        (HOME / "complete").touch()
    folder = tmp_path_factory.mktemp("graphs")
    subprocess.run([str(python), "-W", "ignore", str(Path(__file__).parent / "converters.py"), str(folder)], check=True)
    return folder


@pytest.mark.long(60)
@pytest.mark.parametrize("name", TARGETS)
def test_a_graph_answers_as_onnxruntime_does(name, files, team):
    """Held to rows of the data and fresh ones, alone and in lists, forwards and backwards."""
    graph, table = files / f"{name}.onnx", pd.read_csv(files / f"{name}.csv")
    named = [word for target in TARGETS[name] for word in ("--target", target)]
    _slipway(team, "import", str(graph), name, "--data", str(files / f"{name}.csv"), *named)
    _slipway(team, "train", name)
    rows = _fresh(table.drop(columns=TARGETS[name]))
    expected = _computed(graph, rows)
    records = [
        {key: None if value != value else value for key, value in row.items()} for row in rows.to_dict("records")
    ]
    with _served(team, name) as ask:
        alone = [ask(row) for row in records[-FRESH:]]
        assert _unlike(expected[-FRESH:], alone) == []
        for turn, known in ((records, expected), (records[::-1], expected[::-1])):
            answers = [found for at in range(0, len(turn), LIST) for found in ask(turn[at : at + LIST])]
            assert _unlike(known, answers) == []


def _fresh(table: Any) -> Any:
    """Return all rows, and more of which each value is another row's, or is a little larger or smaller."""
    rng = np.random.default_rng(0)
    drawn = {column: rng.choice(table[column], FRESH) for column in table}
    moved = {
        column: values * rng.uniform(0.5, 2, FRESH) if values.dtype.kind == "f" else values
        for column, values in drawn.items()
    }
    return pd.concat([table, pd.DataFrame(moved)], ignore_index=True)


def _computed(graph: Path, rows: Any) -> list[list[Any]]:
    """Return the values of all outputs for each row, one after another; each row is computed alone."""
    session = onnxruntime.InferenceSession(graph.read_bytes())
    inputs = session.get_inputs()
    if len(inputs) == 1:
        fed = {inputs[0].name: rows.to_numpy("float32")}
    else:
        kinds = {"tensor(float)": "float32", "tensor(string)": object}
        fed = {each.name: rows[[each.name]].to_numpy(kinds[each.type]) for each in inputs}
    single = [{name: values[at : at + 1] for name, values in fed.items()} for at in range(len(rows))]
    return [_values([answer[0] for answer in _lists(session.run(None, each))]) for each in single]


def _lists(answers: list[Any]) -> list[Any]:
    return [answer if isinstance(answer, list) else answer.tolist() for answer in answers]


def _values(answer: Any) -> list[Any]:
    """Return all values in an answer, one after another."""
    if isinstance(answer, dict):
        answer = list(answer.values())
    return [value for each in answer for value in _values(each)] if isinstance(answer, list) else [answer]


def _unlike(expected: list[list[Any]], found: list[Any]) -> list[str]:
    pairs = zip(expected, map(_values, found), strict=True)
    return [f"{told} instead of {known}" for known, told in pairs if not _alike(known, told)][:3]


def _alike(known: list[Any], told: list[Any]) -> bool:
    """Return True if two answers are the same; a number may depend on how many rows are computed at once."""
    return len(known) == len(told) and all(
        math.isclose(one, other, rel_tol=1e-5, abs_tol=1e-6) if isinstance(one, float) else one == other
        for one, other in zip(known, told, strict=True)
    )
