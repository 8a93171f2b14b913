"""The task of a training, and the steps that carry it out, each in a workspace of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec

from slipway import digests, files
from slipway.containers import class_of
from slipway.errors import SlipwayError
from slipway.git.line_ends import refuse_converted
from slipway.model import Model, Parameter
from slipway.models.data import data_source, read_snapshot, tables_of
from slipway.models.discovery import blame, training_digest
from slipway.models.locks import WHEELS
from slipway.models.splits import mask_of
from slipway.schema import Schema
from slipway.settings import Settings
from slipway.settings.types import Data
from slipway.store.records import encode, now
from slipway.training.inputs import typed

if TYPE_CHECKING:
    import pandas as pd

StepName = Literal["fetch", "check", "test", "fit", "evaluate", "publish"]
STEPS: tuple[StepName, ...] = get_args(StepName)

_TASK, _ROWS = "about.json", "read.json"
SCHEMA = "schema.json"


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """The commit that is trained; `dirty` says that files differ from it."""

    sha: str = ""
    branch: str = ""
    dirty: bool = False


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A training that was asked for: the model and its inputs. Each step hands it to the next as `about.json`."""

    model: str
    environment: str
    training_digest: str
    commit: Commit
    data: Data
    parameters: dict[str, Parameter]
    metadata: dict[str, str] = {}
    started: str = ""


class Workspace:
    """The folder of one step: it holds the files of the steps before, and takes those of this one."""

    def __init__(self, settings: Settings, folder: Path, task: Task) -> None:
        self.settings = settings
        self.folder = folder
        self.task = task
        self.model = settings.model(task.model)

    def read(self, name: str) -> Any:
        """Return the content of a JSON file of an earlier step; raise `SlipwayError` when it is not there."""
        path = self.folder / name
        if not path.is_file():
            raise SlipwayError(f"{name} is not there", fix=f"run the steps in their order: {', '.join(STEPS)}")
        return msgspec.json.decode(path.read_bytes())

    def write(self, name: str, content: Any) -> None:
        """Write a JSON file as a new file: the one of an earlier step may be linked here, and stays as it is."""
        files.write(self.folder / name, encode(content))

    def new_model(self) -> Model:
        """Return an object of the model's class, with its parameters, not trained."""
        kind = class_of(self.settings, self.task.model)
        return kind(**typed(self.task.parameters, kind, self.task.model))

    def data(self) -> pd.DataFrame:
        """Return the data, read by the model's class.

        Raise `SlipwayError` when its own `read` gives other rows than in the step `check`, which chose those to hold
        out by their places.
        """
        model = self.new_model()
        if (self.folder / SCHEMA).is_file():
            model._learned = msgspec.convert(self.read(SCHEMA), Schema).fields  # noqa: SLF001
        data = read_snapshot(model, self.folder / self.read("data.json")["file"])
        if (self.folder / _ROWS).is_file() and self.read(_ROWS) != _digest(data):
            problem = f"{type(model).__name__}.read gives other rows each time that it is asked"
            raise SlipwayError(
                problem, fix="give what is random in it a seed of its own: data.sample(frac=1, random_state=0)"
            )
        return data

    def keep_rows(self, data: pd.DataFrame) -> None:
        """Hold the later steps to these rows, if code of the model's own reads them."""
        if type(self.new_model()).read is not Model.read:
            self.write(_ROWS, _digest(data))

    def held_out(self, data: pd.DataFrame) -> pd.Series[bool]:
        """Return True for each row of the data that the step `check` chose to hold out."""
        return mask_of(data, self.read("held_out.json"))


def begin(
    settings: Settings,
    model: str,
    environment: str,
    *,
    data: str | None = None,
    parameters: Mapping[str, Parameter] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Task:
    """Return the task of training `model` for `environment`; `data` and `parameters` go before those of the settings.

    Raise `SlipwayError` as `check_environment` does, and for a model without data.
    """
    check_environment(settings, environment)
    of = settings.model(model)
    source = Data(uri=data) if data else data_source(settings, model)
    if source is None:
        found = [path.name for path in tables_of(settings, model)]
        problem = f"{model} has no data: its folder holds {' and '.join(found) or 'no CSV, TSV or Parquet file'}"
        raise SlipwayError(problem, fix=f"put one of them there, or set models.{model}.data in slipway.yaml")
    own = typed(parameters, class_of(settings, model), model, texts=True) if parameters else {}
    return Task(
        model=model,
        environment=environment,
        training_digest=training_digest(settings, model, own),
        commit=_commit(settings.root, settings.folder(model)),
        data=source,
        parameters={**of.parameters, **own},
        metadata=dict(metadata or {}),
        started=now(),
    )


def check_environment(settings: Settings, environment: str) -> None:
    """Raise `SlipwayError` for an environment that takes only promotions: nothing is trained for it."""
    fix = f"train for {{source}} (--env {{source}}), release it there, and then: slipway promote --to {environment}"
    settings.refuse_promoted(environment, fix)


def task_in(folder: Path) -> Task:
    """Return the task in the folder of a step; raise `SlipwayError` when there is none."""
    path = folder / _TASK
    if not path.is_file():
        raise SlipwayError(f"{folder} holds no run", fix="give the folder that the step before left")
    return msgspec.json.decode(path.read_bytes(), type=Task)


def step(name: StepName, settings: Settings, source: Path | None, target: Path, task: Task | None = None) -> str:
    """Run a step on the files in `source`, write its folder to `target`, and return a line to show.

    A step that fails leaves no `target`. The first step gets a `task`, the others find it in `source`. Raise
    `SlipwayError`, too, when `target` holds anything but the folder of a step.
    """
    if target.is_dir() and any(target.iterdir()) and not (target / _TASK).is_file():
        raise SlipwayError(f"{target} holds something else", fix="give --out a folder that is new, empty or of a run")
    with files.new_folder(target) as draft:
        if source is not None:
            task = task_in(source)
            files.link_tree(source, draft)
        if task is None:
            raise SlipwayError(f"{name} has nothing to go on", fix="give --in DIR, or --model for the first step")
        workspace = Workspace(settings, draft, task)
        if source is None:
            workspace.write(_TASK, task)
        try:
            line: str = import_module(f"slipway.training.steps.{name}").run(workspace)
        except SystemExit as error:  # a status of 0 would pass for a step that is done
            problem = f"the model's code ends the process: {blame(error, settings.root, draft / 'artifact/code')}"
            raise SlipwayError(problem, fix="raise an error where something is wrong, in place of sys.exit") from error
        return line


def _digest(data: pd.DataFrame) -> str:
    """Return the digest of all rows in their order."""
    import pandas as pd

    try:
        rows = pd.util.hash_pandas_object(data, index=False).to_numpy().tobytes()
    except TypeError:  # a cell holds a list, or something else that has no hash
        rows = data.to_csv(index=False).encode(errors="surrogatepass")
    return digests.of_value([list(map(str, data.columns)), digests.of_bytes(rows)])


def _commit(root: Path, folder: Path) -> Commit:
    """Return the commit of the work tree; without git, take it from the environment's variables.

    `folder` is the model's: a wheel in it that git ignores is in no commit. Raise `SlipwayError` where git has changed
    the line ends of the code.
    """

    def git(*words: str) -> str:
        command = ["git", "-C", str(root), "-c", "core.fsmonitor=false", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    sha = git("rev-parse", "--verify", "HEAD") if shutil.which("git") else ""
    if not sha:
        return Commit(sha=os.environ.get("SLIPWAY_COMMIT", ""), branch=os.environ.get("SLIPWAY_BRANCH", ""))
    refuse_converted(root, "model", "slipway.yaml", "src", str(folder))
    unknown = git("ls-files", "--others", "--", f"{folder / WHEELS}/*.whl")
    changed = git("status", "--porcelain", "--untracked-files=normal", "--", "model", "slipway.yaml", "src")
    branch = git("symbolic-ref", "--quiet", "HEAD").removeprefix("refs/heads/") or "HEAD"
    return Commit(sha=sha, branch=branch, dirty=bool(changed or unknown))
