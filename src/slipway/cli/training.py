"""`slipway train`, `step` and `ended`: the training steps, all in order or one alone, and what is said at the end."""

from __future__ import annotations

import argparse
import time
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from slipway.cli.arguments import pairs, words
from slipway.cli.output import progress, say
from slipway.errors import SlipwayError

if TYPE_CHECKING:
    from slipway.settings import Settings
    from slipway.training.run import About

__all__ = ["add"]


def add(verbs: Any) -> None:
    """Add the verbs of this topic."""
    train = verbs.add_parser("train", help="train a model and publish the next version of it")
    train.add_argument("model")
    _about(train)
    train.add_argument("--keep", type=Path, metavar="DIR", help="keep what every step leaves below this folder")
    train.set_defaults(run=_train)

    step = verbs.add_parser("step", help="run one training step, as a container of the workflow does")
    step.add_argument("name", help="fetch, check, test, fit, evaluate or publish")
    step.add_argument("--in", dest="source", type=Path, metavar="DIR", help="what the step before left")
    step.add_argument("--out", dest="target", type=Path, metavar="DIR", required=True, help="where to leave the result")
    step.add_argument("--model", help="for the first step: the model")
    step.add_argument(
        "--parameters", default="", metavar="TEXT", help="what -p takes, several in one text: 'c=0.5 solver=lbfgs'"
    )
    _about(step)
    step.set_defaults(run=_step)

    ended = verbs.add_parser("ended", help="say in one line how a workflow's run ended, and announce its version")
    ended.add_argument("model")
    ended.add_argument("--env", default="test", help="the environment that it trained for (default: test)")
    ended.add_argument("--store", metavar="URL", required=True, help="where it publishes: gs://BUCKET/PREFIX")
    ended.add_argument("--phase", required=True, help="as Argo calls it: Succeeded, Failed or Error")
    ended.add_argument("--seconds", type=float, required=True, help="how long it took")
    ended.set_defaults(run=_ended)


def _about(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--env", default="test", help="the environment to train for (default: test)")
    verb.add_argument("--data", metavar="URI", help="other data than the settings name")
    verb.add_argument(
        "-p", "--parameter", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the model"
    )
    verb.add_argument("-m", "--metadata", action="append", default=[], metavar="KEY=VALUE", help="goes into the record")


def _train(args: argparse.Namespace) -> int:
    from slipway import settings as settings_module
    from slipway.models import environment
    from slipway.store import store_of
    from slipway.training import run

    settings = settings_module.load(args.root)
    run.check_environment(settings, args.env)
    settings.model(args.model)
    environment.enter(settings, args.model, args.given)
    about = run.begin(
        settings,
        args.model,
        args.env,
        data=args.data,
        parameters=pairs(args.parameter, "-p"),
        metadata=pairs(args.metadata, "-m"),
    )
    # A store that cannot be reached is better noticed now than after the fit.
    store_of(settings, args.env).versions(args.model)
    with nullcontext(args.keep) if args.keep else TemporaryDirectory(prefix="slipway-") as folder:
        say(f"{args.model}: {_steps(settings, about, Path(folder))}")
    return 0


def _steps(settings: Settings, about: About, folder: Path) -> str:
    """Run all steps, each in a folder of its own below `folder`; returns what the last one says."""
    from slipway.training import run

    source: Path | None = None
    line = ""
    for name in run.STEPS:
        started = time.monotonic()
        line = run.step(name, settings, source, folder / name, about if source is None else None)
        progress(f"  {name:<9}{time.monotonic() - started:5.1f} s  {line}")
        source = folder / name
    return line


def _step(args: argparse.Namespace) -> int:
    from slipway import settings as settings_module
    from slipway.models import environment
    from slipway.names import nearest
    from slipway.training import run

    settings = settings_module.load(args.root)
    if args.name not in run.STEPS:
        raise SlipwayError(f"unknown step {args.name!r}", fix=nearest(args.name, run.STEPS))
    about = None
    if args.source is None:
        if args.model is None:
            raise SlipwayError(f"{args.name} has nothing to go on", fix="give --in DIR, or --model for the first step")
        model = args.model
    else:
        model = run.about_of(args.source).model
    settings.model(model)
    environment.enter(settings, model, args.given)
    if args.source is None:
        given = [*args.parameter, *words(args.parameters, "--parameters")]
        parameters, metadata = pairs(given, "-p"), pairs(args.metadata, "-m")
        about = run.begin(settings, model, args.env, data=args.data, parameters=parameters, metadata=metadata)
    say(f"{args.name}: {run.step(args.name, settings, args.source, args.target, about)}")
    return 0


def _ended(args: argparse.Namespace) -> int:
    from slipway.store import open_store
    from slipway.training import ended

    store = open_store(args.store, root=Path.cwd(), environment=args.env)
    for line in ended.told(store, args.model, args.phase, args.seconds):
        say(line)
    return 0
