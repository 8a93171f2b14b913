"""`slipway status`, `history`, `diff`, `check`, `trace`, `reproduce`, `audit` and `doctor`: these verbs only read."""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.cli.console import Group, progress, say, settings_of, table
from slipway.errors import SlipwayError
from slipway.text import counted, format_time, parse_time

if TYPE_CHECKING:
    from slipway.cli.doctor import Finding
    from slipway.gitops.history import Moment
    from slipway.release.status import Row
    from slipway.settings import Settings

_COMMIT = re.compile("[0-9a-f]{40}")
_NO_CHANGE = "Nothing that runs changes by this."
_WHAT = "v7-1a2b3c4d, test/iris/v7-1a2b3c4d, iris/test/7, sha256:…, 8 digits of a fingerprint, or https://…"


def add(group: Group) -> None:
    examples = ["slipway status", "slipway status wine --env prod", "slipway status --remote"]
    status = group.add("status", _status, "show what runs where, and what is due", examples, "models", "only env")
    about = "read the branch that the cluster follows from the remote; nothing of this clone changes"
    status.add_argument("--remote", action="store_true", help=about)

    examples = ["slipway history wine", "slipway history --env prod --at 2026-11-20"]
    about = "show each change of what runs, or the state at a time"
    history = group.add("history", _history, about, examples, "models", "only env")
    history.add_argument("--at", metavar="TIME", help="2026-11-21 (its end), '2026-11-21 10:00', 2026-11-21T10:00:00Z")

    examples = ["slipway diff", "slipway diff --base origin/main --head HEAD --format markdown"]
    diff = group.add("diff", _diff, "show how a change alters the rendered manifests", examples, "base", "head")
    markdown = "markdown is for a comment (default: text)"
    diff.add_argument("--format", choices=["text", "markdown"], default="text", help=markdown)
    diff.add_argument("--comment", action="store_true", help="comment on the pull request of this workflow as well")

    examples = ["slipway check", "slipway check --base origin/main --head HEAD"]
    group.add("check", _check, "check what a change of overlays claims", examples, "base", "head")

    examples = ["slipway trace v7-1a2b3c4d", "slipway trace iris/test/7 --json"]
    examples.append("slipway trace https://wine.example.org")
    trace = group.add("trace", _trace, "trace an answer to its image, artifact, data and commit", examples)
    trace.add_argument("what", metavar="WHAT", help=_WHAT)
    trace.add_argument("--json", action="store_true", help="print JSON")

    examples = ["slipway reproduce v7-1a2b3c4d", "slipway reproduce iris/test/7 --keep run"]
    reproduce = group.add("reproduce", _reproduce, "train a version again from its record, and compare", examples)
    reproduce.add_argument("what", metavar="WHAT", help=_WHAT)
    reproduce.add_argument("--keep", type=Path, metavar="DIR", help="keep the training's results in this new folder")

    examples = ["slipway audit", "slipway audit wine --env prod"]
    about = "hold what is declared to what its own commits render"
    group.add("audit", _audit, about, examples, "models", "only env")

    group.add("doctor", _doctor, "tell what is set up and what is missing, here and on GitHub", ["slipway doctor"])


def _status(args: argparse.Namespace) -> int:
    from slipway.release import status

    settings = settings_of(args)
    if args.remote:
        rows, notes = _remote_status(settings, args)
    else:
        snapshot = status.checked_out(settings)
        rows, notes = status.status(settings, args.models, args.env, snapshot), status.place(snapshot)
    table(["ENV", "MODEL", "ROUTE", "NEWEST", "VERIFIED", "NEXT"], rows)
    for note in notes:
        say(note)
    return 0


def _remote_status(settings: Settings, args: argparse.Namespace) -> tuple[list[Row], list[str]]:
    """Return the rows of the followed branch as the remote has it, by its own code, and a line with its commit."""
    from slipway import settings as settings_file
    from slipway.git import Repository
    from slipway.git.remote import Remote
    from slipway.gitops.snapshot import Snapshot
    from slipway.provenance.commits import check_out
    from slipway.release.status import status

    repository = Repository(settings.root)
    remote = Remote(repository)
    tip = remote.look(settings.branch)
    with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
        code = settings_file.load(check_out(repository, tip, Path(scratch) / "repository"))
        rows = status(code, args.models, args.env, Snapshot(repository, tip))
    return rows, [f"of {remote.name}/{settings.branch} at {tip[:12]}, read from {remote.shown}"]


def _history(args: argparse.Namespace) -> int:
    from slipway.gitops import history

    loaded = settings_of(args)
    if args.at:
        return _show_moment(history.at(loaded, parse_time(args.at), args.models, args.env))
    events = history.events(loaded, args.models, args.env)
    rows = [
        (format_time(event.when), event.environment, event.model, event.what, event.who, event.commit[:12])
        for event in events
    ]
    table(["WHEN", "ENV", "MODEL", "WHAT", "WHO", "COMMIT"], rows)
    return 0


def _show_moment(moment: Moment) -> int:
    from slipway.gitops.history import told
    from slipway.release.due import held

    say(told(moment))
    rows = [
        (overlay.environment, overlay.model, name, f"{percent} %", release.record.model_id, release.record.image)
        for overlay in moment.overlays
        for name, percent in sorted(overlay.route.items(), reverse=True)
        for release in [overlay.release(name)]
    ]
    if rows:
        table(["ENV", "MODEL", "RELEASE", "SHARE", "MODEL ID", "IMAGE"], rows)
    for overlay in moment.overlays:
        if overlay.hold:
            say(f"{overlay.environment}/{overlay.model} was {held(overlay.hold)}")
    return 0


def _check(args: argparse.Namespace) -> int:
    from slipway.github import runs
    from slipway.review.check import check

    settings = settings_of(args)
    _bring(settings, args.base, args.head)
    done = check(settings, base=args.base, head=args.head, fork=runs.fork())
    for line in done.lines:
        say(line)
    for violation in done.violations:
        say(f"✗ {violation}")
        runs.annotate("error", str(violation))
    if done.violations:
        say(f"{counted(len(done.violations), 'claim')} of this change failed")
        return 1
    say("all claims hold" if done.lines else "no overlay changes")
    return 0


def _diff(args: argparse.Namespace) -> int:
    from slipway.review import diff

    settings = settings_of(args)
    _bring(settings, args.base, args.head)
    found = diff.diff(settings, base=args.base, head=args.head)
    text = diff.markdown(found) if args.format == "markdown" else diff.text(found)
    if text:
        say(text.rstrip("\n"))
    if args.comment:
        _comment(diff.markdown(found))
    return 0


def _bring(settings: Settings, *commits: str | None) -> None:
    """Fetch commits of a pull request or a merge group, which a pipeline that runs the base's code does not have."""
    from slipway.git import Repository
    from slipway.git.remote import Remote

    repository = Repository(settings.root)
    for commit in commits:
        if commit is not None and _COMMIT.fullmatch(commit) and repository.commit_at(commit) is None:
            Remote(repository).bring(commit)


def _comment(text: str) -> None:
    """Comment on the pull request and on the page of the run; for a fork, which has no rights, on the page only."""
    from slipway.github import api, runs
    from slipway.review.diff import MARKER

    runs.summary(text or _NO_CHANGE)
    if runs.fork():
        return
    if text:
        api.connect().comment(runs.number(), MARKER, text)
    else:
        api.connect().recomment(runs.number(), MARKER, _NO_CHANGE)


def _trace(args: argparse.Namespace) -> int:
    from slipway.provenance.chain import as_json, lines
    from slipway.provenance.trace import trace

    chain = trace(settings_of(args), args.what)
    if args.json:
        say(json.dumps(as_json(chain), indent=2, ensure_ascii=False))
    else:
        for line in lines(chain):
            say(line)
    return 1 if chain.broken else 0


def _reproduce(args: argparse.Namespace) -> int:
    from slipway.provenance.reproduce import reproduce

    done = reproduce(settings_of(args), args.what, keep=args.keep, report=progress)
    for line in done.lines():
        say(line)
    return 0 if done.holds else 1


def _audit(args: argparse.Namespace) -> int:
    from slipway.github import runs
    from slipway.provenance.audit import audit

    wrong = count = 0
    for each in audit(settings_of(args), args.models, args.env):
        where = "/".join(filter(None, (each.environment, each.model, each.name)))
        count += 1
        wrong += bool(each.problems)
        for problem in each.problems:
            say(f"✗ {where}: {problem}")
            runs.annotate("error", f"{where}: {problem}")
        if not each.problems:
            say(f"{where}: {each.note or 'is as it was released'}")
    say(
        f"{wrong} of {counted(count, 'release')} changed since" if wrong else f"all of {counted(count, 'release')} hold"
    )
    return 1 if wrong else 0


def _doctor(args: argparse.Namespace) -> int:
    states = []
    for finding in examine(args.root):
        say(str(finding))
        states.append(finding.state)
    say(", ".join(f"{states.count(state)} {state}" for state in ("ok", "missing", "unknown")))
    return 1 if "missing" in states else 0


def examine(root: Path | None = None) -> Iterator[Finding]:
    """Yield the findings, area by area, each as soon as it is known.

    Raise `SlipwayError` where neither `root` nor a folder above it has a `slipway.yaml`.
    """
    from slipway import settings as file
    from slipway.cli import doctor
    from slipway.cli.doctor import cluster, github

    folder = root.resolve() if root else file.find_root()
    yield from doctor.tools(folder)
    yield from doctor.git(folder)
    try:
        settings = file.load(folder)
    except SlipwayError as error:
        if not (folder / file.FILE).is_file():
            raise
        yield doctor.missing("settings", error.problem, error.fix)
        return
    yield doctor.ok("settings", f"{len(settings.environments)} environments and {len(settings.models())} models")
    yield from doctor.images(settings)
    yield from doctor.stores(settings)
    yield from doctor.overlays(settings)
    yield from doctor.owners(settings)
    yield from doctor.actions(settings.root)
    yield from doctor.followed(settings.root, settings.branch)
    yield from cluster.manifests(settings)
    yield from cluster.secrets(settings)
    yield from github.repository(settings)
