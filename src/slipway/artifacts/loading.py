"""Artifacts loaded as models that answer.

Only the standard library and msgspec are imported here. A part imports numpy, onnxruntime or skops when it needs them,
so that a function is as small as its model allows.
"""

from __future__ import annotations

import math
import sys
import traceback
import types
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES, ExtensionFileLoader, FileFinder, SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from slipway.artifacts import golden, manifest, values
from slipway.artifacts.refusals import Refusal, refusal
from slipway.artifacts.trust import Trust, own_modules
from slipway.errors import SlipwayError
from slipway.model import InputError, Model, PipelineModel, given, public_name
from slipway.schema import Columns, Schema
from slipway.schema.fields import only_keeps
from slipway.wrapped import ArrayModel, Remarks, adapted, fits, reach

if TYPE_CHECKING:  # it imports much
    from importlib.abc import PathEntryFinder

SCHEMA = "schema.json"


class _Refused:
    """The answer to a row that the model refuses."""

    def __repr__(self) -> str:
        return "refused"


REFUSED = _Refused()


class Loaded(NamedTuple):
    """A model that is ready to predict, and the rest of its artifact."""

    model: Model
    schema: Schema
    golden: golden.Golden
    manifest: manifest.Manifest

    def answer(self, rows: list[Any] | Columns) -> list[Any]:
        """Return a prediction of JSON values for each of `rows` of a request; `Columns` are checked already.

        Raise `InvalidRows` when they do not fit the schema, `InputError` when the model refuses one, and
        `PredictionError` when the model returns no prediction.
        """
        checked = rows if isinstance(rows, Columns) else Columns.of(self.schema, self.schema.parse(rows))
        if not len(checked):
            return []
        return values.to_json(self._predictions(checked), len(checked), self.schema.target)

    @property
    def takes_columns(self) -> bool:
        """True if the model is asked by column: it says so, or a graph is all of it and no class of rows may refuse."""
        kind = type(self.model)
        return kind.by_column is True or (self._is_graph and (kind.input is None or only_keeps(kind.input)))

    @property
    def _is_graph(self) -> bool:
        graph = getattr(getattr(self.model, "fitted", None), "takes_columns", False)
        return bool(graph and type(self.model).predict is PipelineModel.predict)

    def _given(self, checked: Columns) -> Any:
        """Return checked rows as `predict` of the model takes them."""
        missing = math.nan if self.manifest.missing == "nan" else None
        return checked if self.takes_columns else given(type(self.model), checked, missing)

    def _predictions(self, checked: Columns) -> Sequence[Any]:
        """Ask the model; raise `InputError` for a row that its estimator refuses."""
        try:
            rows = self._given(checked)
            return self.model.predict(rows)
        except InputError as error:
            error.field = public_name(type(self.model), error.field)
            raise
        except ValueError as error:
            if (refused := refusal(error)) is None:
                raise
            # Only a pipeline is sure to take the rows and the columns of the request as they are.
            if type(self.model).predict is not PipelineModel.predict:
                raise InputError(refused.reason, row=0 if len(rows) == 1 else None) from error
            row, refused = (refused.row, refused) if refused.row is not None else self._first_refused(rows, refused)
            raise InputError(refused.reason, row=row, field=_field(refused.column)) from error

    def _first_refused(self, rows: Sequence[Any], refused: Refusal) -> tuple[int, Refusal]:
        """Return the place of the first row that the estimator refuses, and its refusal; `refused` is that of all."""
        start, end = 0, len(rows)
        while end - start > 1:
            middle = (start + end) // 2
            try:
                self.model.predict(rows[start:middle])
                start = middle
            except ValueError as error:
                refused = refusal(error) or refused
                end = middle
        try:
            self.model.predict(rows[start:end])
        except ValueError as error:
            refused = refusal(error) or refused
        return start, refused

    def answer_each(self, rows: list[Any]) -> list[Any]:
        """Return the answer to each row, or `REFUSED`; ask for all at once, and in halves where a row is refused."""
        try:
            return self.answer(rows)
        except InputError:
            if len(rows) == 1:
                return [REFUSED]
        middle = len(rows) // 2
        return [*self.answer_each(rows[:middle]), *self.answer_each(rows[middle:])]

    def remarks(self) -> Remarks:
        """Return what a foreign class said beside the last answer to this thread; its tags are JSON values."""
        if not isinstance(self.model, ArrayModel):
            return Remarks()
        said = self.model.remarks()
        return said._replace(tags=values.json_value(said.tags, "tags"))

    def metadata(self) -> dict[str, Any]:
        """Return what a foreign class tells about itself, as JSON values; {} for any other model."""
        found = self.model.metadata if isinstance(self.model, ArrayModel) else {}
        told: dict[str, Any] = values.json_value(found, "init_metadata")
        return told

    @property
    def tells_health(self) -> bool:
        """True if the model's class is asked for its health."""
        return isinstance(self.model, ArrayModel) and self.model.component.tells_health

    def health(self) -> Any:
        """Return what a class that `tells_health` says, as a JSON value; it raises when it cannot answer."""
        found: Any = self.model
        return values.json_value(found.component.health(), "health_status")

    @property
    def only_computes(self) -> bool:
        """True if predicting waits for nothing: the class says so, or a graph does all of it."""
        return not type(self.model).waits or self._is_graph


def load(folder: Path) -> Loaded:
    """Load the artifact in `folder`; raise `SlipwayError` when it is not whole, or a library is missing.

    Whoever fetched it has checked its digest. The model's code comes from `folder/code`, or without that from the
    modules that can be imported.
    """
    found = manifest.read(folder)
    schema = manifest.read_file(folder, SCHEMA, Schema)
    pairs = manifest.read_file(folder, golden.FILE, golden.Golden)
    cls = adapted(_entry(found.entry, folder), found.parameters, features=schema.names, target=schema.target.name)
    model = cls(**found.parameters)
    model._learned = schema.fields
    trust = Trust.of(cls)
    for name, part in found.parts.items():
        if name.startswith("_") or not name.isidentifier() or manifest.is_taken(name):
            raise SlipwayError(f"{folder / manifest.FILE}: {name!r} cannot be a saved attribute")
        setattr(model, name, _part(part, folder, trust))
    return Loaded(model, schema, pairs, found)


def _field(column: str | int | None) -> str:
    return column if isinstance(column, str) else ""


def _part(part: manifest.Part, folder: Path, trust: Trust) -> Any:
    path = manifest.within(folder, part.file)
    try:
        content = path.read_bytes()
    except OSError as error:
        problem = f"the artifact in {folder} lacks its part {part.file}: {error.strerror}"
        raise SlipwayError(problem, fix="fetch the artifact again") from error
    if part.form not in ("graph", "json", "npy", "onnx", "pandas", "skops"):
        problem = f"{path} is in the form {part.form!r}, which this slipway does not know"
        raise SlipwayError(problem, fix="use the slipway that made it")
    try:
        return _decode(part.form, content, trust, str(path))
    except ModuleNotFoundError as error:
        raise _missing(error, f"the part {part.file}") from error
    except ValueError as error:
        raise SlipwayError(f"{path} cannot be read: {error}", fix="fetch the artifact again") from error


def _decode(form: str, content: bytes, trust: Trust, name: str) -> Any:
    if form == "json":
        return values.decode(content)
    if form == "npy":
        return values.decode_array(content)
    if form == "pandas":
        from slipway.artifacts import pandas_values

        return pandas_values.decode(content)
    if form in ("onnx", "graph"):
        from slipway.artifacts.onnx import graphs

        return graphs.decode(content, name, foreign=form == "graph")
    from slipway.artifacts import estimators

    return estimators.load(content, trust, name)


def _entry(entry: str, folder: Path) -> type[Model]:
    """Return the class that `entry` names as `<module>:<class>`."""
    module, _, name = entry.partition(":")
    code = folder.resolve() / "code"
    if code.is_dir() and str(code) not in sys.path:
        sys.path_hooks.insert(0, _without_bytecode(str(code)))
        sys.path.insert(0, str(code))
    try:
        reach(module)
        found = getattr(import_module(module), name, None)
    except ModuleNotFoundError as error:
        raise _missing(error, entry) from error
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        said = f"{type(error).__name__}: {error} ({last.filename}, line {last.lineno}: {last.line})"
        raise SlipwayError(f"{entry} cannot be imported: {said}") from error
    if not (isinstance(found, type) and (issubclass(found, Model) or fits(found))):
        problem = f"{module} has no class {name} that is a slipway.Model, and the artifact in {folder} is one of it"
        raise SlipwayError(problem, fix="give the class its name back, or train again")
    if code.is_dir():
        _check_code(module, code)
    return found


class _Source(SourceFileLoader):
    """A loader that reads no bytecode: a digest of an artifact covers its source alone."""

    def get_code(self, fullname: str) -> types.CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def _without_bytecode(folder: str) -> Callable[[str], PathEntryFinder]:
    """Return the path hook by which modules in `folder` are loaded from their source."""
    loaders = (_Source, SOURCE_SUFFIXES), (ExtensionFileLoader, EXTENSION_SUFFIXES)
    find = FileFinder.path_hook(*loaders)

    def hook(path: str) -> PathEntryFinder:
        if not f"{path}/".startswith(f"{folder}/"):
            raise ImportError(f"{path} is not in {folder}")
        return find(path)

    for path in list(sys.path_importer_cache):
        if f"{path}/".startswith(f"{folder}/"):
            del sys.path_importer_cache[path]
    return hook


def _check_code(module: str, code: Path) -> None:
    """Raise `SlipwayError` when this process has loaded other code than the artifact's under the same name."""
    for name in own_modules(module):
        own = code.joinpath(*name.split(".")).with_suffix(".py")
        file = getattr(sys.modules.get(name), "__file__", None) or ""
        if own.is_file() and file != str(own) and file and own.read_bytes() != Path(file).read_bytes():
            problem = f"{name} is already loaded from {file}, and the artifact brings another one: {own}"
            raise SlipwayError(problem, fix="load this artifact in a process of its own")


def _missing(error: ModuleNotFoundError, what: str) -> SlipwayError:
    library = (error.name or "").partition(".")[0]
    if what.startswith((f"{library}.", f"{library}:")):
        fix = "run where the repository's model/ is, or publish the model's code with the artifact"
        return SlipwayError(f"the model's module {error.name} cannot be found, which {what} needs", fix=fix)
    fix = "install the artifact's requirements.lock; it has to be in the model's requirements.txt"
    return SlipwayError(f"{what} needs the library {library}, which is not installed here", fix=fix)
