"""`slipway new`, `test`, `train`, `step` and `ended`: from a model folder to a published version."""

from __future__ import annotations

import argparse
import subprocess
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from slipway.cli.console import Group, Parser, progress, say, settings_of, table
from slipway.errors import SlipwayError
from slipway.names import nearest
from slipway.text import pairs, words

if TYPE_CHECKING:
    from slipway.settings import Settings
    from slipway.training.task import Task


def add(group: Group) -> None:
    new = group.add("new", _new, "make the folder of a new model, ready to train", ["slipway new wine"])
    new.add_argument("name", help="lower-case letters, digits and dashes: the name of the function and the route")

    _add_import(group)

    examples = ["slipway test", "slipway test wine", "slipway test --changed origin/main"]
    test = group.add("test", _test, "run the models' own tests, each in the model's environment", examples, "models")
    test.add_argument("--changed", metavar="REV", help="only models that the change since this commit may break")

    examples = ["slipway train wine", "slipway train wine -p alpha=0.5 -m author=ada", "slipway train wine --keep run"]
    train = group.add("train", _train, "train a model and publish its next version", examples, "model")
    _add_training(train)
    train.add_argument("--keep", type=Path, metavar="DIR", help="keep the results of each step below this folder")
    train.add_argument("--fetched", type=Path, metavar="DIR", help="begin with this result of the step fetch")

    examples = ["slipway step fetch --model wine --out run/fetch", "slipway step check --in run/fetch --out run/check"]
    step = group.add("step", _step, "run one step of a training, as a workflow's container does", examples)
    step.add_argument("name", help="fetch, check, test, fit, evaluate or publish")
    step.add_argument("--in", dest="source", type=Path, metavar="DIR", help="the result of the step before")
    step.add_argument("--out", dest="target", type=Path, metavar="DIR", required=True, help="a folder for the result")
    step.add_argument("--model", help="the model; for the first step only")
    parameters = "several parameters in one text: 'c=0.5 solver=lbfgs'"
    step.add_argument("--parameters", default="", metavar="TEXT", help=parameters)
    _add_training(step)

    example = "slipway ended wine --store gs://BUCKET/test --phase Succeeded --seconds 40"
    about = "tell how a workflow ended, and announce its version"
    ended = group.add("ended", _ended, about, [example], "model", "env")
    ended.add_argument("--store", metavar="URL", required=True, help="where it publishes: gs://BUCKET/PREFIX")
    ended.add_argument("--phase", required=True, help="Argo's word for the end: Succeeded, Failed or Error")
    ended.add_argument("--seconds", type=float, required=True, help="how long it took")


def _add_training(verb: Parser) -> None:
    verb.add_shared("env", "metadata")
    verb.add_argument("--data", metavar="URI", help="other data than the settings name")
    about = "a parameter of the model"
    verb.add_argument("-p", "--parameter", action="append", default=[], metavar="NAME=VALUE", help=about)


def _new(args: argparse.Namespace) -> int:
    from slipway.models.scaffold import new_model

    settings = settings_of(args)
    folder = new_model(settings, args.name).relative_to(settings.root)
    say(f"made {folder}: model.py, test_model.py, requirements.txt, README.md, {folder.name}.csv")
    say()
    say(f"  slipway train {args.name}     trains it as it is, and publishes version 1")
    say(f"  slipway serve {args.name}     answers on http://127.0.0.1:8080")
    say(f"  git add {folder} && git commit -m 'Add {args.name}' && slipway release {args.name}")
    return 0


def _add_import(group: Group) -> None:
    pickled = "slipway import wine.joblib wine --data fresh.csv --target quality --execute-pickle"
    graph = "slipway import wine.onnx wine --data fresh.csv --target quality --features acid sugar alcohol"
    about = "make a model's folder of a fitted estimator or a graph in a file"
    taken = group.add("import", _import, about, [pickled, graph, "slipway import mlruns/1/wine wine"])
    path = "a file of joblib, pickle, skops or ONNX, or a folder of mlflow.sklearn or mlflow.onnx"
    taken.add_argument("path", type=Path, help=path)
    taken.add_argument("name", help="the name of the model")
    rows = "rows that it was not fitted on: all of them evaluate it (default: the example in a folder of mlflow)"
    taken.add_argument("--data", type=Path, metavar="FILE", help=rows)
    target = "the column that it predicts, once for each; without one there are no metrics"
    taken.add_argument("--target", action="append", default=[], metavar="COLUMN", help=target)
    yes = "open a pickle, which executes code of whoever made it: you trust them with this machine"
    taken.add_argument("--execute-pickle", action="store_true", help=yes)
    of_graphs = {
        "features": "the columns in the order of the graph's inputs (default: the data's order)",
        "outputs": "the graph's outputs to answer with, those of the targets first (default: all of them)",
        "classes": "the labels of the target in the order of their probabilities, where the graph does not name them",
        "rounded": "columns with whole numbers whose last digits the graph's float32 may lose; others are refused",
    }
    for name, text in of_graphs.items():
        taken.add_argument(f"--{name}", nargs="+", default=[], metavar="NAME", help=f"ONNX: {text}")


def _import(args: argparse.Namespace) -> int:
    from slipway.training.foreign import import_file
    from slipway.training.graph_tensors import Wishes

    settings = settings_of(args)
    wishes = Wishes(features=args.features, outputs=args.outputs, classes=args.classes, rounded=args.rounded)
    given = args.path, args.name, args.data, args.target
    taken = import_file(*given, execute=args.execute_pickle, settings=settings, wishes=wishes)
    folder = taken.folder.relative_to(settings.root)
    say(f"made {folder}: model.py, test_model.py, requirements.txt, README.md, what was fitted, and its rows")
    for line in taken.told:
        say(f"  {line}")
    say(f"  slipway train {args.name}     measures it, and publishes version 1; it fits nothing")
    return 0


def _test(args: argparse.Namespace) -> int:
    from slipway.models import environment, model_tests

    settings = settings_of(args)
    for model in args.models:
        settings.model(model)
    if environment.inside() and len(args.models) == 1:  # the environment of this process is the model's
        say(model_tests.run(settings, args.models[0]) or "it has none")
        return 0
    chosen = _chosen(settings, args.models, args.changed)
    if not chosen:
        say(f"no model has changed since {args.changed}" if args.changed else "there is no model: slipway new NAME")
        return 0
    results = [_test_result(settings, model) for model in chosen]
    table(["MODEL", "RESULT", "TESTS", "SECONDS"], results)
    return 1 if any(result == "failed" for _, result, _, _ in results) else 0


def _chosen(settings: Settings, models: Sequence[str], since: str | None) -> list[str]:
    named = sorted(set(models)) or settings.models()
    if since is None:
        return named
    from slipway.git import Repository
    from slipway.review.consequences import affected

    found = affected(settings, Repository(settings.root), since)
    return [model for model in named if model in found]


def _test_result(settings: Settings, model: str) -> tuple[str, str, str, str]:
    """Return a model's row of the table; an error counts as its failure, and stops no other model."""
    started = time.monotonic()
    try:
        result, tests = "passed", _test_apart(settings, model)
    except SlipwayError as error:
        progress(f"{model}: {error}\n")
        result, tests = "failed", str(error).splitlines()[-1].strip()
    return model, result, tests, f"{time.monotonic() - started:.1f}"


def _test_apart(settings: Settings, model: str) -> str:
    """Run a model's tests by a process in the model's environment; return pytest's last line."""
    from slipway.models import environment

    command, variables = environment.prepare(settings, model, ["-C", str(settings.root), "test", model])
    done = subprocess.run(command, env=variables, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode == 0:
        return done.stdout.strip().splitlines()[-1]
    raise SlipwayError(f"{done.stderr}{done.stdout}".strip().removeprefix("error: ") or f"status {done.returncode}")


def _train(args: argparse.Namespace) -> int:
    from slipway.models import environment
    from slipway.store import store_of
    from slipway.training.task import check_environment, task_in

    settings = settings_of(args)
    check_environment(settings, args.env)
    settings.model(args.model)
    environment.enter(settings, args.model, args.given)
    task = task_in(args.fetched) if args.fetched else _begin(settings, args)
    # Find out now, and not after the fit, that a store cannot be reached.
    store_of(settings, args.env).versions(args.model)
    with nullcontext(args.keep) if args.keep else TemporaryDirectory(prefix="slipway-") as folder:
        say(f"{args.model}: {_steps(settings, task, Path(folder), args.fetched)}")
    return 0


def _begin(settings: Settings, args: argparse.Namespace, more: Sequence[str] = ()) -> Task:
    from slipway.training.task import begin

    named, metadata = pairs([*args.parameter, *more], "-p"), pairs(args.metadata, "-m")
    return begin(settings, args.model, args.env, data=args.data, parameters=named, metadata=metadata)


def _steps(settings: Settings, task: Task, folder: Path, fetched: Path | None = None) -> str:
    """Run all steps, each in a folder of its own below `folder`; return the last one's line.

    `fetched` is the result of the first one, if it is there already.
    """
    from slipway.training.task import STEPS, step

    source, line = fetched, ""
    for name in STEPS if fetched is None else STEPS[1:]:
        started = time.monotonic()
        line = step(name, settings, source, folder / name, task if source is None else None)
        progress(f"  {name:<9}{time.monotonic() - started:5.1f} s  {line}")
        source = folder / name
    return line


def _step(args: argparse.Namespace) -> int:
    from slipway.models import environment
    from slipway.training.task import STEPS, step, task_in

    settings = settings_of(args)
    if args.name not in STEPS:
        raise SlipwayError(f"unknown step {args.name!r}", fix=nearest(args.name, STEPS))
    if args.source is None and args.model is None:
        raise SlipwayError(f"{args.name} has no input", fix="give --in DIR, or --model for the first step")
    model = args.model if args.source is None else task_in(args.source).model
    settings.model(model)
    environment.enter(settings, model, args.given)
    task = _begin(settings, args, words(args.parameters, "--parameters")) if args.source is None else None
    say(f"{args.name}: {step(args.name, settings, args.source, args.target, task)}")
    return 0


def _ended(args: argparse.Namespace) -> int:
    from slipway.store import open_store
    from slipway.training import outcome

    store = open_store(args.store, root=Path.cwd(), environment=args.env)
    for line in outcome.lines(store, args.model, args.phase, args.seconds):
        say(line)
    return 0
