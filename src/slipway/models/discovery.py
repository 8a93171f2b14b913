"""Model folders: the files that make a model, their digest, and the class in them that is the model."""

from __future__ import annotations

import importlib.util
import inspect
import os.path
import re
import sys
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from slipway import digests
from slipway.errors import SlipwayError
from slipway.model import Contract, ContractError, Model, Parameter
from slipway.models import indexes
from slipway.models.data import data_source, features, local_path
from slipway.models.imports import closure
from slipway.models.requirements import read
from slipway.models.wheels import found as wheels_in
from slipway.settings import FILE, MODEL_FILE, Settings, model_file
from slipway.wrapped import adapted, check_methods, declared, fits, reach

# Names in a model's folder that are not part of the model: tests, documents, notebooks and data.
_ASIDE = re.compile(
    r"\..*|tests|test_.*|.*_test\.py|conftest\.py|README.*|requirements.*\.(txt|in|lock)|.*\.ipynb"
    r"|.*\.(csv|tsv|parquet|feather|arrow|jsonl|xlsx?)(\.(gz|bz2|xz|zst|zip))?"
)


def source(settings: Settings, name: str) -> Path:
    """Return the file with the model's class, as a path in the repository: `model/iris/model.py`."""
    return model_file(settings.folder(name)).relative_to(settings.root)


def entry(settings: Settings, name: str) -> str:
    """Return the name of the module with the model's class: `model.iris.model`."""
    return ".".join(source(settings, name).with_suffix("").parts)


def model_files(settings: Settings, name: str) -> dict[str, Path]:
    """Return the code of a model, sorted by its path in the repository: its folder and the shared modules it imports.

    Leave out tests, documents, notebooks, requirements, wheels, data and hidden files, unless the code imports them.
    Leave out links that lead out of the repository. Raise `SlipwayError` when a module is such a link or is not Python.
    """
    root, data = settings.root, _own_data(settings, name)
    wheels = set(wheels_in(settings.folder(name)).values())
    own = {
        path
        for relative, path in digests.walk(settings.folder(name)).items()
        if not data.fullmatch(path.relative_to(root).as_posix())
        and path not in wheels
        and not any(_ASIDE.fullmatch(part) for part in Path(relative).parts)
    }
    modules = closure(root, [path for path in own if path.suffix == ".py"], "model")
    for path in sorted(modules):
        if not path.resolve().is_relative_to(root):
            problem = f"{path.relative_to(root)} is a link out of the repository, to {path.resolve()}"
            raise SlipwayError(problem, fix="copy the module into the repository")
    inside = {path for path in own if path.resolve().is_relative_to(root)}
    return {path.relative_to(root).as_posix(): path for path in sorted(modules | inside)}


def _own_data(settings: Settings, name: str) -> re.Pattern[str]:
    """Return a pattern for the paths of the model's data in the repository; `{date}` stands for any text."""
    data = data_source(settings, name)
    path = local_path(data.uri, settings.root) if data else None
    inside = os.path.relpath(path, settings.root) if path else ""
    return re.compile(".*".join(map(re.escape, inside.split("{date}"))))


def training_digest(settings: Settings, name: str, parameters: Mapping[str, Parameter] | None = None) -> str:
    """Return the digest (64 hexadecimal digits) of all inputs of a training but its data.

    `parameters` replace those of the settings. Raise `SlipwayError` for an unknown model, and for code or requirements
    that cannot be read.
    """
    of, found = settings.model(name), wheels_in(settings.folder(name))
    other = {} if of.image else indexes.pinned(settings, name)
    wheels = {each: digests.of_file(file) for each, file in found.items() if file.is_file()}
    return digests.of_value(
        {
            "code": {path: digests.of_file(file) for path, file in model_files(settings, name).items()},
            "requirements": [] if of.image else read(settings.folder(name), settings.root),
            **({"wheels": wheels} if wheels else {}),
            **({"indexes": other} if other else {}),
            "parameters": {**of.parameters, **(parameters or {})},
            "held_out": of.held_out,
            **({"split": msgspec.to_builtins(of.split)} if of.split is not None else {}),
            **({"target": of.target, "features": of.features} if of.target is not None else {}),
            **({"image": of.image} if of.image is not None else {}),
            **({"convert": of.convert} if of.convert != "auto" else {}),
        }
    )


def run_name(model: str, digest: str) -> str:
    """Return the name of the declared training of a digest: `train-iris-1a2b3c4d`."""
    return f"train-{model}-{digest[:8]}"


def load_class(settings: Settings, name: str) -> type[Model]:
    """Import a model's module and return its class; a class of another convention is adapted to `Model`.

    Raise `SlipwayError` with the user's own line when the import fails, and when the module has no class or two.
    """
    where = source(settings, name)
    if not (settings.root / where).is_file():
        fix = f"write it, or start anew: slipway new {name}"
        if settings.model(name).target is not None:
            fix = "copy the class there as Name.py, in which it is called Name; other modules beside it may not be so"
        raise SlipwayError(f"the model {name} has no {where}", fix=fix)
    module = _imported(entry(settings, name), where, settings.root)
    try:
        model = _model_in(settings, name, module, where)
        Contract.of(model)
    except ContractError as error:
        raise SlipwayError(f"{where}: {error}") from error
    return model


def _model_in(settings: Settings, name: str, module: ModuleType, where: Path) -> type[Model]:
    classes = {id(value): value for value in vars(module).values() if inspect.isclass(value)}
    own = [value for value in classes.values() if value.__module__ == module.__name__]
    found: list[type[Model]] = [value for value in own if issubclass(value, Model)]
    if not found:
        if (foreign := _foreign_class(module, where, own)) is not None:
            return _adapted(settings, name, foreign, where)
        fix = "write the class in it; one that is imported from elsewhere does not count"
        raise SlipwayError(f"{where} has no class derived from slipway.model.Model", fix=fix)
    if len(found) > 1:
        problem = f"{where} has {len(found)} models: {' and '.join(each.__name__ for each in found)}"
        raise SlipwayError(problem, fix="write one class a folder; keep others in modules beside it")
    if settings.model(name).target is not None:
        problem = f"models.{name}.target is set, and {where} says itself what {found[0].__name__} predicts"
        fix = f"take target and features out of {FILE}; the class names its columns in source_features"
        raise SlipwayError(problem, fix=fix)
    return found[0]


def _foreign_class(module: ModuleType, where: Path, own: Iterable[type]) -> Any:
    """Return the one class that keeps another convention, or the class that a file of its own name has."""
    if where.name != MODEL_FILE:
        return getattr(module, where.stem, None)
    found = [each for each in own if fits(each)]
    return found[0] if len(found) == 1 else None


def _adapted(settings: Settings, name: str, found: type, where: Path) -> type[Model]:
    of = settings.model(name)
    check_methods(found)
    own, target = _declared(settings, name, found)
    target = of.target or target
    if not target:
        fix = f"say so in {FILE}: models: {{{name}: {{target: COLUMN}}}}"
        raise SlipwayError(f"{where} does not say which column {found.__name__} predicts", fix=fix)
    return adapted(found, of.parameters, features=own or features(settings, name, target), target=target)


def _declared(settings: Settings, name: str, found: type) -> tuple[list[str], str]:
    try:
        return declared(found, settings.model(name).parameters)
    except ContractError:
        raise
    except Exception as error:  # of the user's __init__
        raise SlipwayError(blame(error, settings.root)) from error


def _imported(entry: str, where: Path, root: Path) -> ModuleType:
    try:
        _make_way(entry, where, root)
        reach(entry)
        module = importlib.import_module(entry)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        fix = f"add it, pinned, to {where.parent}/requirements.txt"
        if missing.partition(".")[0] == "model":
            fix = f"write it, or mend the import: there is no {missing.replace('.', '/')}.py"
        raise SlipwayError(blame(error, root), fix=fix) from error
    except (Exception, SystemExit) as error:
        raise SlipwayError(blame(error, root)) from error
    if not _is_at(module.__file__, root / where):
        raise SlipwayError(f"{where} is hidden by {module.__file__}", fix="uninstall the package `model`, or rename it")
    return module


def _make_way(entry: str, where: Path, root: Path) -> None:
    """Let Python find `entry` in this repository, and forget the modules of another repository."""
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    found = importlib.util.find_spec(entry)
    if found is not None and not _is_at(found.origin, root / where):
        sys.path.remove(str(root))
        sys.path.insert(0, str(root))
        for module in [each for each in sys.modules if each == "model" or each.startswith("model.")]:
            del sys.modules[module]


def _is_at(file: str | None, path: Path) -> bool:
    return file is not None and Path(file).resolve() == path.resolve()


def blame(error: BaseException, *roots: Path) -> str:
    """Return the last line of the user's own code that led to the error, and the error.

    `roots` are the folders in which `model/` may lie: the repository, an artifact's code.
    """
    said = f"{type(error).__name__}: {getattr(error, 'msg', None) or error}".rstrip(": ")
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_within(error.filename, roots)}, line {error.lineno}: {(error.text or '').strip()}\n  {said}"
    own = [(root / "model").resolve() for root in roots]
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        # `<frozen …>` is not a file, but it would resolve to one in the working directory.
        if not frame.filename.startswith("<") and any(Path(frame.filename).resolve().is_relative_to(at) for at in own):
            return f"{_within(frame.filename, roots)}, line {frame.lineno}: {frame.line or ''}\n  {said}"
    return said


def _within(path: str, roots: Iterable[Path]) -> str:
    whole = Path(path).resolve()
    inside = [str(whole.relative_to(root.resolve())) for root in roots if whole.is_relative_to(root.resolve())]
    return min(inside, key=len, default=path)
