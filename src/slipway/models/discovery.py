"""The model folders: which files make a model, and which class in them keeps the contract."""

from __future__ import annotations

import csv
import importlib.util
import inspect
import os.path
import re
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from slipway import digests, folders
from slipway.errors import SlipwayError
from slipway.model import Contract, ContractError, Model
from slipway.models.imports import closure
from slipway.settings import FILE, Data
from slipway.settings.uris import local_path
from slipway.wrapped import adapted, finding

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

    from slipway.settings import Settings

__all__ = [
    "asks_for_url",
    "blame",
    "data_source",
    "entry",
    "heads",
    "load_class",
    "model_files",
    "source",
    "tests",
    "untested",
]

# What lies in a model's folder and decides nothing about the model: tests, documents, notebooks, and data.
_ASIDE = re.compile(
    r"\..*|tests|test_.*|.*_test\.py|conftest\.py|README.*|requirements.*\.(txt|in|lock)|.*\.ipynb"
    r"|.*\.(csv|tsv|parquet|feather|arrow|jsonl|xlsx?)(\.(gz|bz2|xz|zst|zip))?"
)


def source(settings: Settings, name: str) -> Path:
    """The file that has a model's class, as a path in the repository: `model/iris/model.py`."""
    return folders.source(settings.folder(name)).relative_to(settings.root)


def entry(settings: Settings, name: str) -> str:
    """The module of a model: `model.iris.model`."""
    return ".".join(source(settings, name).with_suffix("").parts)


def model_files(settings: Settings, name: str) -> dict[str, Path]:
    """The code of a model as {path in the repository: path}, sorted: its folder and the shared modules it imports.

    Tests, README, notebooks, requirements, data and hidden files are left out, unless the code imports them, and so
    are links that lead out of the repository. Raises `SlipwayError` when a file is not Python, or a module is such a
    link.
    """
    folder = settings.folder(name)
    data = _own_data(settings, name)
    own = [
        path
        for relative, path in digests.walk(folder).items()
        if not data.fullmatch(path.relative_to(settings.root).as_posix())
        and not any(_ASIDE.fullmatch(part) for part in Path(relative).parts)
    ]
    inside = [path for path in own if path.suffix == ".py" or path.resolve().is_relative_to(settings.root)]
    modules = closure(settings.root, [path for path in inside if path.suffix == ".py"], "model")
    for path in sorted(modules):
        if not path.resolve().is_relative_to(settings.root):
            problem = f"{path.relative_to(settings.root)} is a link out of the repository, to {path.resolve()}"
            raise SlipwayError(problem, fix="copy the module into the repository")
    return {path.relative_to(settings.root).as_posix(): path for path in sorted(modules | set(inside))}


def _own_data(settings: Settings, name: str) -> re.Pattern[str]:
    """What the paths of the model's data in the repository look like; `{date}` in them is any."""
    source = data_source(settings, name)
    path = local_path(source.uri, settings.root) if source else None
    inside = os.path.relpath(path, settings.root) if path else ""
    return re.compile(".*".join(map(re.escape, inside.split("{date}"))))


def tests(settings: Settings, name: str) -> list[Path]:
    """The test files of a model."""
    return sorted(settings.folder(name).rglob("test_*.py"))


def untested(settings: Settings, name: str) -> bool:
    """Whether a model goes without tests: a container may, and a class that came as it is; its data test them."""
    foreign = settings.model(name).image is not None or source(settings, name).name != folders.FILE
    return foreign and not tests(settings, name)


def asks_for_url(settings: Settings, name: str) -> bool:
    """Whether any of a model's tests takes the fixture `served_url`."""
    return any("served_url" in path.read_text(encoding="utf-8", errors="replace") for path in tests(settings, name))


def data_source(settings: Settings, name: str) -> Data | None:
    """Where a model's data is: what the settings say, or the one CSV file in its folder; `None` if there is neither."""
    named = settings.model(name).data
    if named is not None:
        return named if isinstance(named, Data) else Data(uri=named)
    found = sorted(path for path in settings.folder(name).glob("*.csv") if not path.name.startswith("."))
    return Data(uri=found[0].relative_to(settings.root).as_posix()) if len(found) == 1 else None


def load_class(settings: Settings, name: str) -> type[Model]:
    """Import a model's module and return its one class that keeps the contract, or one of the others, as a `Model`.

    Raises `SlipwayError` with the user's own line when the import fails, and when there is no such class, or two.
    """
    image = settings.model(name).image
    if image is not None:
        return _container(settings, name, image)
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
    found = {
        value.__name__: value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Model) and value.__module__ == module.__name__
    }
    if not found and (foreign := finding.class_in(module, where)) is not None:
        return _adapted(settings, name, foreign, where)
    if not found:
        fix = "write the class in it; one that is imported from elsewhere does not count"
        raise SlipwayError(f"{where} has no class derived from slipway.model.Model", fix=fix)
    if len(found) > 1:
        problem = f"{where} has {len(found)} models: {' and '.join(found)}"
        raise SlipwayError(problem, fix="write one class a folder; keep others in modules beside it")
    (model,) = found.values()
    if settings.model(name).target is not None:
        problem = f"models.{name}.target is set, and {where} says itself what {model.__name__} predicts"
        fix = f"take target and features out of {FILE}; the class names its columns in source_features"
        raise SlipwayError(problem, fix=fix)
    return model


def _adapted(settings: Settings, name: str, found: type, where: Path) -> type[Model]:
    of = settings.model(name)
    target = of.target or getattr(found, "target_variable", "")
    if not target:
        fix = f"say so in {FILE}: models: {{{name}: {{target: COLUMN}}}}"
        raise SlipwayError(f"{where} does not say which column {found.__name__} predicts", fix=fix)
    features = list(getattr(found, "source_features", ())) or _features(settings, name, target)
    return adapted(found, of.parameters, features=features, target=target)


def _container(settings: Settings, name: str, image: str) -> type[Model]:
    from slipway.containers.model import model_of  # which brings in the engines

    target = settings.model(name).target or ""
    return model_of(name, image, _features(settings, name, target), target)


def _features(settings: Settings, name: str, target: str) -> list[str]:
    """The columns that the settings name, or else all columns of the data but the target."""
    named, data = settings.model(name).features, data_source(settings, name)
    if named or data is None:
        return named
    return [column for column in heads(data.uri, settings.root) if column != target]


def _imported(entry: str, where: Path, root: Path) -> ModuleType:
    try:
        _make_way(entry, where, root)
        finding.reach(entry)
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
    """Let `entry` be found in this repository, and forget modules that came from another one."""
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
    """What went wrong in a model's code: the last line of the users' own that led to it, and the error.

    `roots` are the folders that `model/` may lie in: the repository, an artifact's code.
    """
    said = f"{type(error).__name__}: {getattr(error, 'msg', None) or error}".rstrip(": ")
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_within(error.filename, roots)}, line {error.lineno}: {(error.text or '').strip()}\n  {said}"
    own = [(root / "model").resolve() for root in roots]
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        # `<frozen …>` is no file, though it resolves to one where the user stands.
        if not frame.filename.startswith("<") and any(Path(frame.filename).resolve().is_relative_to(at) for at in own):
            return f"{_within(frame.filename, roots)}, line {frame.lineno}: {frame.line or ''}\n  {said}"
    return said


def _within(path: str, roots: Iterable[Path]) -> str:
    whole = Path(path).resolve()
    inside = [str(whole.relative_to(root.resolve())) for root in roots if whole.is_relative_to(root.resolve())]
    return min(inside, key=len, default=path)


def heads(uri: str, root: Path) -> list[str]:
    """The names of the columns of a CSV file; raises `SlipwayError` when `uri` is none that can be looked into here."""
    path = local_path(uri, root)
    if path is None or path.suffix != ".csv" or not path.is_file():
        raise SlipwayError(f"the columns of {uri} are not known", fix="name those that the class takes: features: […]")
    with path.open(encoding="utf-8-sig", newline="") as file:
        return next(csv.reader(file), [])
