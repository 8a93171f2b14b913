"""The folder of a model that was fitted elsewhere: its class, the fitted file, rows that measure it, requirements."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from slipway import files
from slipway.errors import SlipwayError
from slipway.model import FittedModel
from slipway.names import check_model_name, folder_name
from slipway.settings import Settings

_ALWAYS = ("numpy", "pandas")


class Fitted(NamedTuple):
    """The parts of a folder; `data` is a table that lies elsewhere so far."""

    kind: type[FittedModel]
    content: bytes
    data: Path
    module: str
    """The text of the model's module."""
    packages: Sequence[str]
    """The packages that it needs, by the names under which they are imported."""


def vacant(settings: Settings, model: str, *, replace: bool = False) -> Path:
    """Return the folder for a model; raise `SlipwayError` when another model is there.

    With `replace`, one that was fitted elsewhere may be.
    """
    folder = settings.root / "model" / folder_name(check_model_name(model))
    if (folder / "model.py").exists() and not (replace and (folder / FittedModel.estimator).is_file()):
        fix = "choose another name" + (", or replace=True" if (folder / FittedModel.estimator).is_file() else "")
        raise SlipwayError(f"{folder.relative_to(settings.root)} is there already", fix=fix)
    return folder


def class_name(model: str) -> str:
    """Return the name of a model's class."""
    name = "".join(part.capitalize() for part in re.split(r"[^a-z0-9]+", model))
    return f"{name}Model" if keyword.iskeyword(name) else name


def write(folder: Path, fitted: Fitted) -> None:
    """Write all files of a folder; keep a test and a README that are there."""
    for suffix in (".csv", ".parquet"):
        (folder / fitted.data.name).with_suffix(suffix).unlink(missing_ok=True)
    files.write(folder / fitted.data.name, fitted.data.read_bytes())
    packages = [*_ALWAYS, *fitted.packages, *(["pyarrow"] if fitted.data.suffix == ".parquet" else [])]
    files.write(folder / fitted.kind.estimator, fitted.content)
    files.write(folder / "requirements.txt", _pins(packages).encode())
    files.write(folder / "model.py", fitted.module.encode())
    name = fitted.kind.__name__
    _write_new(folder / "test_model.py", _TEST.format(module=f"model.{folder.name}.model", name=name))
    _write_new(folder / "README.md", _README.format(name=name))


def _write_new(path: Path, text: str) -> None:
    """Write a file that people may have changed since, if it is not there."""
    if not path.exists():
        files.write(path, text.encode())


def _pins(packages: Iterable[str]) -> str:
    """Return requirements with the versions that are installed."""
    homes = metadata.packages_distributions()
    names = {name for package in packages for name in homes.get(package, [])[:1]}
    return "".join(f"{name}=={metadata.version(name)}\n" for name in sorted(names, key=str.lower))


def declared(name: str, value: Any) -> list[str]:
    """Return the lines that declare an attribute of a class: a text, a truth value, a list, or lists by name."""
    if isinstance(value, Mapping):
        return [f"    {name} = {{", *(line for key, each in value.items() for line in _item(key, each)), "    }"]
    if isinstance(value, (str, bool)):
        return [f"    {name} = {_literal(value)}"]
    return [f"    {name} = [", *(f"        {_literal(each)}," for each in value), "    ]"]


def _item(key: str, value: Any) -> list[str]:
    start = f"        {_literal(key)}: "
    if isinstance(value, (str, tuple)) and not any(isinstance(each, list) for each in value):
        return [f"{start}{_literal(value)},"]
    kind, names = value if isinstance(value, tuple) else (None, value)
    first, last = ("[", "],") if kind is None else (f"({_literal(kind)}, [", "]),")
    return [f"{start}{first}", *(f"            {_literal(each)}," for each in names), f"        {last}"]


def _literal(value: Any) -> str:
    """Return a value as Python writes it, and a text with the quotation marks of this repository."""
    if isinstance(value, tuple):
        return f"({', '.join(map(_literal, value))})"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


_README = """# {name}

What it predicts, from what, and for whom. Name the data that it was fitted on, and those in this folder.
"""

_TEST = '''import json
import urllib.request

from {module} import {name}


def test_it_names_its_columns():
    assert {name}.source_features


def test_the_served_model_answers_its_own_example(served_url):
    """Run by slipway against the served model."""
    with urllib.request.urlopen(served_url) as answer:
        example = json.load(answer)["example"]
    body, head = json.dumps(example["request"]).encode(), {{"Content-Type": "application/json"}}
    with urllib.request.urlopen(urllib.request.Request(f"{{served_url}}/predict", body, head)) as answer:
        assert json.load(answer)["status"] == "ok"
'''
