"""`slipway release`, `build`, `bundle` and `render`, and a person's `traffic`, `rollback`, `hold` and `lift`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.cli import pushing
from slipway.cli.console import Group, progress, refuse_given, say, settings_of, share, table
from slipway.errors import SlipwayError
from slipway.text import one_line, pairs

if TYPE_CHECKING:
    from slipway.gitops.branches import Place
    from slipway.gitops.edits import Edited
    from slipway.release.build import Asked
    from slipway.release.due import Choice
    from slipway.release.orders import Taking
    from slipway.release.plan import Plan
    from slipway.release.release import Released
    from slipway.settings import Settings

_ENVIRONMENT = "test"
_CHOICE = ("models", "chosen env", "version|where", "traffic")
# What a plan or an event has chosen, so that no option may.
_CHOSEN = ("models", "--env", "--version", "--where", "--traffic")
_DECISION = ("model", "required env", "push", "emergency")


def add(group: Group) -> None:
    _add_releases(group)
    _add_decisions(group)


def _add_releases(group: Group) -> None:
    examples = ["slipway release", "slipway release wine --version 7", "slipway release --built plan --push"]
    about = "release what is due: the newest version of each model"
    release = group.add("release", _release, about, examples, *_CHOICE, "push")
    release.add_argument("--built", type=Path, metavar="DIR", help="release what slipway build left in this folder")
    about = "release only what was attested, by what the workflow release left in this folder"
    release.add_argument("--attested", type=Path, metavar="DIR", help=about)

    examples = ["slipway build --to plan", "slipway build --event --fresh --train as-set --to plan"]
    build = group.add("build", _build, "test, train and make the images of what is due", examples, *_CHOICE)
    build.add_argument("--to", type=Path, required=True, metavar="DIR", help="the folder for the plan")
    apart = build.add_mutually_exclusive_group()
    about = "run no code of a model: order what does in this new folder; without an order the plan is whole"
    apart.add_argument("--orders", type=Path, metavar="DIR", help=about)
    about = "run no code of a model: take over what slipway work left in this folder"
    apart.add_argument("--worked", type=Path, metavar="DIR", help=about)
    build.add_argument("--fresh", action="store_true", help="decide by the remote's overlays, as release --push does")
    build.add_argument("--event", action="store_true", help="build what the event of this GitHub workflow asks for")
    build.add_argument(
        "--train",
        choices=["none", "as-set", "also-manual"],
        default="none",
        help="how to treat code that no version was trained by: leave it (default), train as the settings say, or "
        "train models with train: manual here as well",
    )

    about = "carry out what slipway build --orders left, without rights"
    work = group.add("work", _work, about, ["slipway work orders --to worked"])
    work.add_argument("orders", type=Path, metavar="DIR", help="the folder with the orders")
    work.add_argument("--to", type=Path, required=True, metavar="DIR", help="the folder for the work")

    examples = ["slipway bundle wine --to context", "slipway bundle wine --env prod --version 3 --to context"]
    about = "make the build context of a version's image"
    bundle = group.add("bundle", _bundle, about, examples, "model", "env", "version|where")
    bundle.add_argument("--to", type=Path, required=True, metavar="DIR", help="a new folder")

    examples = ["slipway render", "slipway render wine --env prod"]
    about = "print the manifests of the overlays, as a cluster gets them"
    group.add("render", _render, about, examples, "models", "only env")


def _add_decisions(group: Group) -> None:
    examples = ["slipway traffic wine --env test v6=90 v7=10", "slipway traffic wine --env prod --push v3=100"]
    traffic = group.add("traffic", _traffic, "share the requests out among releases", examples, *_DECISION)
    traffic.add_argument("shares", nargs="+", metavar="RELEASE=PERCENT", help="v6=90 v7=10; 100 in all")

    example = "slipway rollback wine --env prod --push --reason 'wrong for white wine'"
    examples = [example, "slipway rollback wine --env test --to v5-0a1b2c3d --reason 'too slow'"]
    examples.append("slipway rollback wine --env prod --push --to nothing --reason 'answers about others'")
    about = "go back to a release, reject the newer, hold the model"
    rollback = group.add("rollback", _rollback, about, examples, *_DECISION, "reason")
    about = "default: the newest older one that is verified; nothing: take the model off"
    rollback.add_argument("--to", metavar="RELEASE", help=about)
    about = "leave this release only: repeated, it changes nothing"
    rollback.add_argument("--from", dest="left", metavar="RELEASE", help=about)

    examples = ["slipway hold wine --env test --reason 'audit'", "slipway hold wine --env prod --push --reason 'audit'"]
    about = "stop releases and promotions of a model, until you lift it"
    group.add("hold", _hold, about, examples, *_DECISION, "reason")

    examples = ["slipway lift wine --env test", "slipway lift wine --env prod --push"]
    group.add("lift", _lift, "end a hold; a rejected release stays rejected", examples, *_DECISION)


def _release(args: argparse.Namespace) -> int:
    from slipway.release import attesting, release
    from slipway.release import plan as plans

    settings = settings_of(args)
    if args.built is None:
        refuse_given(args, "only what slipway build left is attested", "--attested")
    where = pushing.release_place(settings, push=args.push, code=args.built is not None)
    if args.built is not None:
        refuse_given(args, "--built releases what the plan says", *_CHOSEN)
        plan = plans.read(args.built)
        if args.attested is not None:
            plan = attesting.attested_only(plan, args.built, args.attested)
        environment, done = plan.environment, plans.release_built(settings, plan, where, progress)
    else:
        environment, choice = args.env or _ENVIRONMENT, _choice(args)
        done = release.release(
            settings, args.models, environment=environment, choice=choice, report=progress, place=where
        )
    status = _show_released(done, settings, where)
    pushing.drop(environment, [each.model for each in done.outcomes], where)
    return status


def _show_released(done: Released, settings: Settings, where: Place) -> int:
    """Print the results of a release, also on the page of the run; return 1 when a model failed."""
    rows = [(each.model, each.result, str(each.release or "-"), each.text) for each in done.outcomes]
    table(("MODEL", "RESULT", "RELEASE", "WHY"), [(*row[:3], one_line(row[3])) for row in rows])
    for outcome in done.outcomes:
        if outcome.note:
            say(f"{outcome.model}: {outcome.note}")
    end = f"committed {done.commit[:12]} on {where}" if done.commit else "nothing to commit"
    say(end)
    if done.commit and done.branch != settings.branch:
        say(f"note: the cluster follows {settings.branch}, not {done.branch} (branch in slipway.yaml)")
    _summarise("Release", rows, end)
    return 1 if done.failed else 0


def _choice(args: argparse.Namespace) -> Choice:
    from slipway.release.due import Choice

    return Choice.of(args.version, pairs(args.where, "--where"), share(args.traffic))


def _build(args: argparse.Namespace) -> int:
    from slipway.release import build

    settings = settings_of(args)
    where = pushing.release_place(settings, push=args.fresh, code=True)
    if args.event:
        refuse_given(args, "--event builds what the event asks for", *_CHOSEN)
        asked = _event(settings)
    else:
        train = args.train.replace("-", " ")
        asked = build.Asked(tuple(args.models), args.env or _ENVIRONMENT, _choice(args), train)
    if asked is None:
        say("only overlays have changed: nothing is built")
        return _planned(settings, build.nothing(settings, args.to), where, args.to)
    if args.orders is not None:
        return _order(settings, asked, where, args)
    hands = partial(_taking, args.worked) if args.worked else None
    return _planned(
        settings, build.build(settings, asked, where, args.to, hands=hands, report=progress), where, args.to
    )


def _planned(settings: Settings, plan: Plan, where: Place, target: Path) -> int:
    """Show a whole plan; in a workflow, give its images to the next jobs, if these have something to do."""
    from slipway.github import runs
    from slipway.release import plan as plans

    return show_plan(plan, target, idle=runs.inside() and not plans.changes(settings, plan, where))


def _order(settings: Settings, asked: Asked, where: Place, args: argparse.Namespace) -> int:
    """Leave the orders of a build; without any, show its plan."""
    from slipway.github import runs
    from slipway.release import build
    from slipway.release.orders import Ordering

    if args.orders.exists():
        raise SlipwayError(f"{args.orders} is there already", fix="name a new folder, or delete it")
    hands = Ordering(settings, asked.environment, args.orders)
    plan = build.build(settings, asked, where, args.to, hands=lambda *_: hands, report=progress)
    number = hands.save(plan.commit)
    runs.output("orders", str(number or ""))
    if not number:
        return _planned(settings, plan, where, args.to)
    for order in hands.listed():
        say(f"{order.model}: {', '.join(order.words)}")
    return 0


def _taking(folder: Path, settings: Settings, environment: str, commit: str) -> Taking:
    from slipway.release.orders import Taking

    return Taking(settings, environment, commit, folder, progress)


def _work(args: argparse.Namespace) -> int:
    """Carry out orders; what fails is told by the build that takes the work over."""
    from slipway.release.work import work

    done = work(settings_of(args), args.orders, args.to, progress)
    rows = [
        (each.model or "the platform", "failed" if each.problem else "done", one_line(each.problem)) for each in done
    ]
    table(("MODEL", "RESULT", "WHY"), rows)
    return 0


def show_plan(plan: Plan, target: Path, *, idle: bool = False) -> int:
    """Print the results of a build, and give its new images to the pipeline, in batches; return 1 when a model failed.

    An idle plan gives none, not even an empty list: no other job has to run.
    """
    import msgspec

    from slipway.github import runs
    from slipway.release import attesting

    rows = [(each.model, each.result, f"v{each.version}" if each.version else "-", each.text) for each in plan.models]
    table(("MODEL", "RESULT", "VERSION", "WHY"), [(*row[:3], one_line(row[3])) for row in rows])
    if not idle:
        runs.output("images", msgspec.json.encode(attesting.batches(plan, target)).decode())
    failed = [row for row in rows if row[1] in ("failed", "skipped")]
    if failed:
        _summarise("Build", rows, "What failed is not released; the rest goes on.")
    for row in failed:
        runs.annotate("error", f"{row[0]}: {row[3]}")
    return 1 if failed else 0


def _summarise(title: str, rows: list[tuple[str, str, str, str]], end: str) -> None:
    from slipway.github import runs

    cells = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    head = "| model | result | release | why |\n| --- | --- | --- | --- |"
    runs.summary("\n".join([f"### {title}", "", head, *cells, "", end]))


def _cell(text: str) -> str:
    """Escape a text, so that it cannot leave its cell."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("`", "'")
    return "<br>".join(line.strip() for line in safe.splitlines() if line.strip())


def _event(settings: Settings) -> Asked | None:
    """Return the request of the event of this run; None for a push of overlays, which needs no build.

    Raise `SlipwayError` for an announced version that is not in the store.
    """
    from slipway.git import Repository
    from slipway.github import events
    from slipway.release.build import Asked, overlays_only
    from slipway.release.due import Choice
    from slipway.store import store_of

    request = events.current(settings)
    if request.announced is not None:
        store_of(settings, request.environment).record(request.models[0], request.announced)
    if request.span is not None and overlays_only(Repository(settings.root), *request.span):
        return None
    choice = Choice.of(request.version, request.where, request.traffic)
    return Asked(request.models, request.environment, choice, request.train)


def _bundle(args: argparse.Namespace) -> int:
    from slipway.images import bundle
    from slipway.store import store_of

    settings = settings_of(args)
    settings.model(args.model)
    store = store_of(settings, args.env)
    record = store.find(args.model, version=args.version, where=pairs(args.where, "--where"))
    made = bundle.make(settings, store, record, args.to)
    say(f"the bundle of {record.id} is in {made.folder}, fingerprint {made.fingerprint[:8]}")
    return 0


def _render(args: argparse.Namespace) -> int:
    from slipway.gitops import rendering

    settings = settings_of(args)
    if args.env:
        settings.environment(args.env)
    found = [
        folder
        for folder in sorted(settings.root.glob(f"overlays/{args.env or '*'}/*"))
        if (folder / "kustomization.yaml").is_file() and (not args.models or folder.name in args.models)
    ]
    if not found:
        raise SlipwayError("there is no overlay to render", fix="slipway release writes one")
    for folder in found:
        say(f"---\n# {folder.relative_to(settings.root)}")
        say(rendering.build(folder, settings.root).decode().rstrip())
    return 0


def _traffic(args: argparse.Namespace) -> int:
    from slipway.release.decisions import traffic

    shares = {name: _percent(name, text) for name, text in pairs(args.shares, "the share").items()}
    return _decide(args, partial(traffic, shares=shares))


def _percent(name: str, text: str) -> int:
    if not re.fullmatch("[0-9]{1,3}", text):
        raise SlipwayError(f"{name}={text[:20]} is no share of the requests", fix="write whole percent: v6=90 v7=10")
    return int(text)


def _rollback(args: argparse.Namespace) -> int:
    from slipway.release.decisions import rollback

    return _decide(args, partial(rollback, reason=args.reason, to=args.to or None, left=args.left or None))


def _hold(args: argparse.Namespace) -> int:
    from slipway.release.decisions import hold

    return _decide(args, partial(hold, reason=args.reason))


def _lift(args: argparse.Namespace) -> int:
    from slipway.release.decisions import lift

    return _decide(args, lift)


def _decide(args: argparse.Namespace, change: Callable[..., Edited]) -> int:
    """Commit a person's decision about a model."""
    from slipway.review import change_body

    settings = settings_of(args)
    where = pushing.decision_place(settings, args.env, args.model, args)
    done = change(settings, args.model, args.env, place=where)
    pushing.finish(where, done, lambda: change_body.body(done))
    return 0
