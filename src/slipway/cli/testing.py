"""`slipway test`: the models' own tests, each in the environment that the model trains in."""

from __future__ import annotations

import argparse
import subprocess
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from slipway.cli.output import progress, say, table
from slipway.errors import SlipwayError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slipway.settings import Settings

__all__ = ["add"]


class _Result(NamedTuple):
    model: str
    result: str
    tests: str
    seconds: str


def add(verbs: Any) -> None:
    """Add the verbs of this topic."""
    test = verbs.add_parser("test", help="run the models' own tests, each in the model's own environment")
    test.add_argument("models", nargs="*", metavar="MODEL", help="only these (default: all)")
    test.add_argument(
        "--changed", metavar="REV", help="only models that a change since the branch REV may make fail: origin/main"
    )
    test.set_defaults(run=_test)


def _test(args: argparse.Namespace) -> int:
    from slipway import settings as settings_file
    from slipway.models import environment

    settings = settings_file.load(args.root)
    for model in args.models:
        settings.model(model)
    if environment.inside() and len(args.models) == 1:
        return _alone(settings, args.models[0])
    chosen = _chosen(settings, args.models, args.changed)
    if not chosen:
        say(f"no model has changed since {args.changed}" if args.changed else "there is no model: slipway new NAME")
        return 0
    results = [_safely(settings, model) for model in chosen]
    table(["MODEL", "RESULT", "TESTS", "SECONDS"], results)
    return 1 if any(result.result == "failed" for result in results) else 0


def _chosen(settings: Settings, models: Sequence[str], since: str | None) -> list[str]:
    named = sorted(set(models)) or settings.models()
    if since is None:
        return named
    from slipway.git import Repository
    from slipway.review.affected import affected

    found = affected(settings, Repository(settings.root), since)
    return [model for model in named if model in found]


def _alone(settings: Settings, model: str) -> int:
    """Run the tests in this process' environment, which is the model's."""
    from slipway.models import tests

    if tests.may_be_missing(settings, model):
        say("it has none")
        return 0
    if not tests.files(settings, model):
        where = settings.folder(model).relative_to(settings.root)
        raise SlipwayError(f"{where} has no test_*.py", fix=f"write {where}/test_model.py; slipway new shows one")
    say(tests.pytest(settings.root, settings.folder(model)))
    return 0


def _safely(settings: Settings, model: str) -> _Result:
    """Run a model's tests; what keeps them from running is its own failure, and stops no other model."""
    started = time.monotonic()
    try:
        result, tests = "passed", _within(settings, model)
    except SlipwayError as error:
        progress(f"{model}: {error}\n")
        result, tests = "failed", str(error).splitlines()[-1].strip()
    return _Result(model, result, tests, f"{time.monotonic() - started:.1f}")


def _within(settings: Settings, model: str) -> str:
    """What pytest says at the end, of a process in the model's environment."""
    from slipway.models import environment

    command, variables = environment.prepare(settings, model, ["-C", str(settings.root), "test", model])
    done = subprocess.run(command, env=variables, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode == 0:
        return done.stdout.strip().splitlines()[-1]
    raise SlipwayError(f"{done.stderr}{done.stdout}".strip().removeprefix("error: ") or f"status {done.returncode}")
