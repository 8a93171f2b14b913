"""Models of public data, written as newcomers write them: the function answers as scikit-learn does in this process.

Each is trained and served by the command line. It is asked all rows of its data and a thousand fresh ones over HTTP,
alone and in lists. The answers are compared with the same estimator fitted here on the same rows and given a DataFrame.
"""

import http.client
import json
import math
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from slipway import settings
from slipway.model import PipelineModel
from slipway.models.data import held_out
from slipway.models.scaffold import new_model
from tests.public import data

HERE = Path(__file__).parent
FRESH = 1000
LIST = 100
# A graph sums in another order than scikit-learn.
CLOSE = 1e-9
PARQUET = "pyarrow==26.0.1"


class Case(NamedTuple):
    """The collection of a model's data, their name in it, and the form in which the model gets them."""

    collection: str
    item: str
    form: str = "csv"


CASES = {
    "airquality": Case("datasets", "airquality"),
    "attrition": Case("modeldata", "attrition"),
    "auto": Case("ISLR", "Auto"),
    "caravan": Case("ISLR", "Caravan"),
    "carseats": Case("ISLR", "Carseats"),
    "chickweight": Case("datasets", "ChickWeight"),
    "college": Case("ISLR", "College"),
    "default": Case("ISLR", "Default"),
    "diamonds": Case("ggplot2", "diamonds", "csv.gz"),
    "email": Case("openintro", "email"),
    "hitters": Case("ISLR", "Hitters"),
    "houseprices": Case("AER", "HousePrices", "parquet"),
    "infert": Case("datasets", "infert"),
    "oj": Case("ISLR", "OJ"),
    "pbc": Case("survival", "pbc"),
    "penguins": Case("palmerpenguins", "penguins"),
    "quakes": Case("datasets", "quakes"),
    "sacramento": Case("modeldata", "Sacramento"),
    "spam": Case("DAAG", "spam7"),
    "titanic": Case("carData", "TitanicSurvival"),
    "wage": Case("ISLR", "Wage", "tsv"),
    "warpbreaks": Case("datasets", "warpbreaks"),
    "weather": Case("nycflights13", "weather"),
}
TESTS = """
from pathlib import Path

from model.{name}.model import {Name}


def test_a_trained_model_answers_rows_of_its_data():
    model = {Name}()
    (path,) = Path(__file__).parent.glob("{name}.[ctp]*")
    model.train(model.read(path))
"""


@pytest.mark.long(60)
@pytest.mark.parametrize("name", CASES)
def test_a_model_answers_as_scikit_learn_does(name, team):
    """Held to rows of the data and fresh ones, alone and in lists, forwards and backwards."""
    cls = _written(team, name)
    _slipway(team, "train", name)
    model, seen = _fitted_here(team, name, cls)
    rows = [*_records(seen), *_records(_fresh(seen, random.Random(name)))]
    expected = _expected(model, pd.DataFrame(rows, columns=list(seen.columns)).astype(seen.dtypes.to_dict()))
    with _served(team, name) as ask:
        alone = [ask(row) for row in rows[-FRESH:]]
        assert _unlike(rows[-FRESH:], expected[-FRESH:], alone) == []
        for turn in (rows, rows[::-1]):
            answers = [found for at in range(0, len(turn), LIST) for found in ask(turn[at : at + LIST])]
            assert _unlike(turn, expected if turn is rows else expected[::-1], answers) == []


def _written(root: Path, name: str) -> type:
    """Write this model into the repository, and return its class."""
    folder = new_model(settings.load(root), name)
    (folder / "model.py").write_text((HERE / "models" / f"{name}.py").read_text())
    (folder / "test_model.py").write_text(TESTS.format(name=name, Name=name.capitalize()))
    (folder / f"{name}.csv").unlink()
    case = CASES[name]
    table = data.load(case.collection, case.item)
    table.to_csv(root / f"{name}.csv", index=False)
    if case.form == "parquet":
        _write_parquet(root / f"{name}.csv", folder)
    else:
        separator = "\t" if case.form == "tsv" else ","
        table.to_csv(folder / f"{name}.{case.form}", index=False, sep=separator)
    spec = spec_from_file_location(f"public_{name}", HERE / "models" / f"{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules[spec.name] = module
    return getattr(module, name.capitalize())


def _write_parquet(source: Path, folder: Path) -> None:
    """Write a table as Parquet by a library that only the model has, and name that in its requirements."""
    with (folder / "requirements.txt").open("a") as requirements:
        requirements.write(f"{PARQUET}\n")
    write = f"import pandas; pandas.read_csv({str(source)!r}).to_parquet({str(folder / source.stem)!r} + '.parquet')"
    command = [sys.executable, "-m", "uv", "run", "--quiet", "--no-project", "--with", PARQUET, "--with", "pandas"]
    subprocess.run([*command, "python", "-c", write], check=True)


def _slipway(root: Path, *words: str) -> None:
    done = subprocess.run([sys.executable, "-m", "slipway", *words], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def _fitted_here(root: Path, name: str, cls: type) -> tuple[Any, pd.DataFrame]:
    """Fit the estimator on the rows that trained the served one; return it and the features of all rows."""
    model = cls()
    table = model.read(root / f"{name}.csv")
    features = list(cls.source_features) or list(cls.input.__dataclass_fields__)
    train = table[~held_out(table, [*features, cls.target_variable], 0.2)].reset_index(drop=True)
    random.seed(0)
    np.random.seed(0)
    if isinstance(model, PipelineModel):
        return model.pipeline().fit(train[features], train[cls.target_variable]), table[features]
    model.train(train)
    return next(iter(value for key, value in vars(model).items() if key != "parameters")), table[features]


def _fresh(seen: pd.DataFrame, draw: random.Random) -> pd.DataFrame:
    """Draw rows that combine values of the columns anew, numbers also between, at and beyond the edges."""
    return pd.DataFrame({name: [_value(column, draw) for _ in range(FRESH)] for name, column in seen.items()})


def _value(column: pd.Series, draw: random.Random) -> Any:
    known = column.iloc[draw.randrange(len(column))]
    if not pd.api.types.is_float_dtype(column) or pd.isna(known) or draw.random() < 0.5:
        return known
    low, high = column.min(), column.max()
    edges = (0.0, -0.0, low - 1, high + 1, 10 * high, math.nextafter(known, math.inf), known + 0.5)
    return draw.choice((*edges, draw.uniform(low, high), draw.uniform(low, high)))


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows as callers write them: null for what is missing."""
    values = table.astype(object).where(table.notna(), None)
    return json.loads(json.dumps(values.to_dict("records"), default=lambda value: value.item()))


def _expected(estimator: Any, table: pd.DataFrame) -> list[Any]:
    """Return what scikit-learn predicts, or None for each row that it refuses."""
    try:
        return estimator.predict(table).tolist()
    except ValueError:
        if len(table) == 1:
            return [None]
    middle = len(table) // 2
    return [*_expected(estimator, table.iloc[:middle]), *_expected(estimator, table.iloc[middle:])]


@contextmanager
def _served(root: Path, name: str) -> Iterator[Any]:
    """Serve the version that was trained; yield a function that asks for a row or a list of them."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "slipway", "serve", name, "--port", str(port)]
    with (root / "served.log").open("w") as log, subprocess.Popen(command, cwd=root, stdout=log, stderr=log) as server:
        try:
            yield _caller(port, server)
        finally:
            server.terminate()


def _caller(port: int, server: "subprocess.Popen[bytes]") -> Any:
    while server.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("GET", "/health/ready")
            connection.getresponse().read()
            break
        except OSError:
            continue

    def ask(rows: Any) -> Any:
        connection.request("POST", "/predict", json.dumps(rows), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        body = json.loads(answer.read())
        if answer.status == 400 and isinstance(rows, list):
            return [ask(row) for row in rows]
        if answer.status == 400:
            return None
        assert answer.status == 200, body
        return body["prediction"]

    return ask


def _unlike(rows: list[Any], expected: list[Any], found: list[Any]) -> list[str]:
    """Return the first rows that the function answers otherwise than scikit-learn, and how many they are."""
    pairs = zip(rows, expected, found, strict=True)
    wrong = [f"{row}: {told} instead of {known}" for row, known, told in pairs if not _alike(known, told)]
    return [*wrong[:3], f"{len(wrong)} of {len(rows)}"] if wrong else []


def _alike(known: Any, told: Any) -> bool:
    if isinstance(told, dict):
        told = next(iter(told.values()))
    if isinstance(known, float) and isinstance(told, (int, float)):
        return math.isclose(known, told, rel_tol=CLOSE, abs_tol=CLOSE)
    return known == told
