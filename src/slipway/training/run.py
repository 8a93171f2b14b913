"""A training run: what it is about, its folder, and how one step follows another."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec

from slipway import files
from slipway.containers import class_of
from slipway.errors import SlipwayError
from slipway.models.data import data_source
from slipway.models.parameters import typed
from slipway.models.training_digest import training_digest
from slipway.schema import Schema
from slipway.settings import Data
from slipway.store.records import encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from slipway.model import Model, Parameter
    from slipway.settings import Settings

__all__ = ["STEPS", "About", "Commit", "Run", "StepName", "about_of", "begin", "check_environment", "step"]

StepName = Literal["fetch", "check", "test", "fit", "evaluate", "publish"]
STEPS: tuple[StepName, ...] = get_args(StepName)

_ABOUT = "about.json"


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """The commit that a run was made from; `dirty` says that files differed from it."""

    sha: str = ""
    branch: str = ""
    dirty: bool = False


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a run trains, from what: `about.json`, carried from step to step."""

    model: str
    environment: str
    training_digest: str
    commit: Commit
    data: Data
    parameters: dict[str, bool | int | float | str]
    metadata: dict[str, str] = {}
    started: str = ""


class Run:
    """A run at one step: `folder` holds what the steps before left, and takes what this one makes."""

    def __init__(self, settings: Settings, folder: Path, about: About) -> None:
        self.settings = settings
        self.folder = folder
        self.about = about
        self.model = settings.model(about.model)

    def read(self, name: str) -> Any:
        """The content of a JSON file that an earlier step left."""
        path = self.folder / name
        if not path.is_file():
            raise SlipwayError(f"{name} is not there", fix=f"run the steps in their order: {', '.join(STEPS)}")
        return msgspec.json.decode(path.read_bytes())

    def write(self, name: str, content: Any) -> None:
        """Leave a JSON file for later steps; those of earlier steps, which may be the same file, stay as they are."""
        files.write(self.folder / name, encode(content))

    @property
    def schema(self) -> Schema:
        """The schema that `check` settled."""
        return msgspec.convert(self.read("schema.json"), Schema)

    def new_model(self) -> Model:
        """An object of the model's class, with its parameters, not trained."""
        kind = class_of(self.settings, self.about.model)
        return kind(**typed(self.about.parameters, kind, self.about.model))

    def data(self) -> pd.DataFrame:
        """The data, as the model reads it."""
        return self.new_model().read(self.folder / self.read("data.json")["file"])


def begin(
    settings: Settings,
    model: str,
    environment: str,
    *,
    data: str | None = None,
    parameters: Mapping[str, Parameter] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> About:
    """What a run of `model` for `environment` is about; `data` and `parameters` go before those of the settings.

    Raises `SlipwayError` as `check_environment` does, and for a model without data.
    """
    check_environment(settings, environment)
    of = settings.model(model)
    source = Data(uri=data) if data else data_source(settings, model)
    if source is None:
        found = sorted(path.name for path in settings.folder(model).glob("*.csv"))
        problem = f"{model} has no data: its folder holds {' and '.join(found) or 'no CSV file'}"
        raise SlipwayError(problem, fix=f"put one CSV file there, or set models.{model}.data in slipway.yaml")
    own = typed(parameters, class_of(settings, model), model) if parameters else {}
    return About(
        model=model,
        environment=environment,
        training_digest=training_digest(settings, model, own),
        commit=_commit(settings.root),
        data=source,
        parameters={**of.parameters, **own},
        metadata=dict(metadata or {}),
        started=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    )


def check_environment(settings: Settings, environment: str) -> None:
    """Raise `SlipwayError` for an environment that takes only what another has verified: nothing is trained for it."""
    fix = f"train for {{source}} (--env {{source}}), release it there, and then: slipway promote --to {environment}"
    settings.refuse_promoted(environment, fix)


def about_of(folder: Path) -> About:
    """What the run in `folder` is about; raises `SlipwayError` when a step left none there."""
    path = folder / _ABOUT
    if not path.is_file():
        raise SlipwayError(f"{folder} holds no run", fix="give the folder that the step before left")
    return msgspec.json.decode(path.read_bytes(), type=About)


def step(
    name: StepName,
    settings: Settings,
    source: Path | None,
    target: Path,
    about: About | None = None,
) -> str:
    """Run one step on the files in `source` and leave them, with what it made, in `target`; returns a line to show.

    `target` is there when the step succeeded, whole, and not at all when it failed. The first step is told what the
    run is `about`, the others find it in `source`. Raises `SlipwayError`, too, when `target` holds anything but a run.
    """
    if target.is_dir() and any(target.iterdir()) and not (target / _ABOUT).is_file():
        raise SlipwayError(f"{target} holds something else", fix="give --out a folder that is new, empty or of a run")
    with files.new_folder(target) as draft:
        if source is not None:
            about = about_of(source)
            files.link_tree(source, draft)
        if about is None:
            raise SlipwayError(f"{name} has nothing to go on", fix="give --in DIR, or --model for the first step")
        run = Run(settings, draft, about)
        if source is None:
            run.write(_ABOUT, about)
        line: str = import_module(f"slipway.training.{name}").run(run)
        return line


def _commit(root: Path) -> Commit:
    """The commit of the work tree; where there is no git, what the environment says of it."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    if not shutil.which("git") or not git("rev-parse", "--verify", "HEAD"):
        return Commit(sha=os.environ.get("SLIPWAY_COMMIT", ""), branch=os.environ.get("SLIPWAY_BRANCH", ""))
    return Commit(
        sha=git("rev-parse", "HEAD"),
        branch=git("rev-parse", "--abbrev-ref", "HEAD"),
        dirty=bool(git("status", "--porcelain", "--", "model", "slipway.yaml", "src")),
    )
