"""`slipway promote` and `copy`: releases go to the next environment, by the same image.

`promote --due` brings open promotions up to date, opens those that are due, and closes those that are done.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.cli import pushing, tending
from slipway.cli.console import Group, progress, refuse_given, say, settings_of, share
from slipway.errors import SlipwayError
from slipway.text import one_line

if TYPE_CHECKING:
    from slipway.github.api import GitHub, Pull
    from slipway.gitops.branches import Place, Proposed, Pushed
    from slipway.gitops.snapshot import Snapshot
    from slipway.release.candidates import Wish
    from slipway.settings import Settings

_STOPPED = "<!-- slipway: stopped -->"


def add(group: Group) -> None:
    examples = ["slipway promote wine", "slipway promote wine --push --traffic 10", "slipway promote --due --push"]
    examples += ["slipway promote --due --push --questions asked", "slipway promote --due --push --answers told"]
    about = "take a verified release to the next environment"
    verb = group.add("promote", _promote, about, examples, "traffic", "push", "emergency")
    verb.add_argument("models", nargs="*", metavar="MODEL", help="one model, unless --due")
    verb.add_argument("--to", metavar="ENV", help="the environment (default: the only one that takes promotions)")
    verb.add_argument("--release", metavar="RELEASE", help="this release (default: the newest verified on the route)")
    verb.add_argument("--branch", metavar="NAME", help="commit on this branch of this clone only")
    verb.add_argument("--due", action="store_true", help="all models of environments whose promotion is automatic")
    verb.add_argument("--allow-unbuilt", action="store_true", help="allow an image that nobody has built")
    verb.add_argument("--again", action="store_true", help="allow a release that the environment has rejected")
    verb.add_argument("--accept-breaking", default="", metavar="WHY", help="allow what breaks callers, and say why")
    apart = verb.add_mutually_exclusive_group()
    about = "run no code of a model: leave what it has to be asked in this new folder, and propose nothing"
    apart.add_argument("--questions", type=Path, metavar="DIR", help=about)
    about = "run no code of a model: argue by what slipway answer left in this folder"
    apart.add_argument("--answers", type=Path, metavar="DIR", help=about)

    about = "ask models what promote --questions left, without rights"
    answer = group.add("answer", _answer, about, ["slipway answer asked --to told"])
    answer.add_argument("questions", type=Path, metavar="DIR", help="the folder with the questions")
    answer.add_argument("--to", type=Path, required=True, metavar="DIR", help="the folder for the answers")

    examples = ["slipway copy --env prod", "slipway copy wine --env prod", "slipway copy --missing"]
    about = "copy the artifacts of merged promotions into their store"
    copy = group.add("copy", _copy, about, examples, "models")
    where = copy.add_mutually_exclusive_group(required=True)
    where.add_argument("--env", help="the environment that took the promotion")
    where.add_argument("--missing", action="store_true", help="only tell what each environment lacks")


def _promote(args: argparse.Namespace) -> int:
    settings = settings_of(args)
    if not args.push:
        refuse_given(args, "only --push argues its case", "--questions", "--answers")
    if args.questions is not None and args.questions.exists():
        raise SlipwayError(f"{args.questions} is there already", fix="name a new folder, or delete it")
    if args.due:
        status = _promote_due(settings, args)
    elif len(args.models) != 1:
        raise SlipwayError("name one model to promote", fix="slipway promote MODEL, or --due for all")
    else:
        status = _promote_one(settings, args.models[0], args)
    if args.questions is not None:
        from slipway.github import runs
        from slipway.review.questions import asked

        runs.output("questions", str(len(asked(args.questions)) or ""))
    return status


def _answer(args: argparse.Namespace) -> int:
    from slipway.review import questions

    questions.answer(settings_of(args), args.questions, args.to, progress)
    return 0


def _promote_one(settings: Settings, model: str, args: argparse.Namespace) -> int:
    from slipway.gitops.branches import Proposed
    from slipway.release.candidates import Wish
    from slipway.release.promote import promote, target_of

    wish = Wish(
        args.release or None,
        share(args.traffic),
        allow_unbuilt=args.allow_unbuilt,
        again=args.again,
        accept_breaking=args.accept_breaking,
    )
    environment = target_of(settings, args.to or None)
    where = _place(settings, environment, model, args)
    if isinstance(where, Proposed):
        _propose(settings, model, environment, wish, where, args)
        return 0
    refuse_given(args, "what needs no pull request argues nothing", "--questions", "--answers")
    pushing.finish(where, promote(settings, model, wish, to=environment, place=where).edited, str)
    pushing.drop(environment, [model], where)
    return 0


def _place(settings: Settings, environment: str, model: str, args: argparse.Namespace) -> Place:
    from slipway.git import Repository
    from slipway.gitops.branches import Here, Proposed

    if args.branch and args.push:
        raise SlipwayError("--branch is for this clone, and --push makes its own branch", fix="leave one of them out")
    if args.branch:
        return Proposed(Here(Repository(settings.root)), args.branch)
    return pushing.decision_place(settings, environment, model, args)


def _propose(
    settings: Settings,
    model: str,
    environment: str,
    wish: Wish,
    where: Proposed,
    args: argparse.Namespace,
    opened: Pull | None = None,
) -> bool:
    """Propose a promotion: first gather what argues for it, then commit exactly that, then open its pull request.

    With `--questions`, leave what its models have to be asked, and propose nothing; return True then. Leave the pull
    request `opened` as it is where nothing has changed of what it was argued by.
    """
    from slipway.gitops.branches import Agreed, Tried
    from slipway.release.promote import promote
    from slipway.review import argued, comparison, questions

    if not args.push:
        pushing.finish(where, promote(settings, model, wish, to=environment, place=where).edited, str)
        return False
    place = Tried(where.base, where.branch)
    tried = promote(settings, model, wish, to=environment, place=place)
    after = tried.edited.after
    if after is None:
        pushing.finish(where, tried.edited, str)
    elif opened is not None and place.is_proposed and argued.stands(opened, tried, argued.inputs(tried)):
        say(f"{environment}: {model}: {opened.url} stays: nothing has changed of what it was argued by")
    elif args.questions is not None:
        questions.leave(tried, args.questions)
        say(f"{environment}: {model}: its code is to be asked about {tried.source.name}")
        return True
    else:
        compared = questions.comparing(args.answers) if args.answers else comparison.compare
        body = argued.argue(tried, compared)
        done = promote(settings, model, wish, to=environment, place=Agreed(where.base, where.branch, after))
        pushing.finish(where, done.edited, lambda: body)
    return False


def _copy(args: argparse.Namespace) -> int:
    from slipway.github import runs
    from slipway.release.promote import copy, lacking

    if args.missing:
        refuse_given(args, "--missing looks at all models", "models")
        found = lacking(settings_of(args))
        for environment, lines in found.items():
            for line in lines:
                say(f"{environment}: {one_line(line)}")
        say(f"to copy: {', '.join(found) or 'nothing'}")
        runs.matrix("environments", [*found])
        return 0
    for line in copy(settings_of(args), args.models, args.env) or ["nothing is missing"]:
        say(line)
    return 0


def _promote_due(settings: Settings, args: argparse.Namespace) -> int:
    """Bring open promotions up to date, and open those that are automatic and due; return 1 when one failed.

    First drop the releases that no retention keeps, in any environment. They get no requests, so this needs no pull
    request. At the end, close the pull requests that change nothing any more. Have those checked anew whose overlay has
    changed since on the branch: a check that has passed says nothing of that. Do not propose a release again whose pull
    request was closed, or merged and reverted.
    """
    from slipway.git import Repository
    from slipway.github import api
    from slipway.gitops.branches import Apart
    from slipway.gitops.snapshot import Snapshot
    from slipway.release.promote import target_of

    if not args.push or args.emergency:
        raise SlipwayError("--due opens pull requests", fix="slipway promote --due --push, without --emergency")
    options = ("--release", "--traffic", "--branch", "--allow-unbuilt", "--again", "--accept-breaking")
    refuse_given(args, "--due promotes all that is due", *options)
    base = Apart(Repository(settings.root), settings.branch)
    settings = Snapshot(base.repository, base.stand().commit).settings
    if args.to is not None:
        target_of(settings, args.to)
    for model in args.models:
        settings.model(model)
    sources = {
        environment: each.promotes_from
        for environment, each in settings.environments.items()
        if each.promotes_from is not None and args.to in (None, environment)
    }
    dropping = sources if args.to else settings.environments
    failed = sum(not _dropped(environment, args.models or settings.models(), base) for environment in dropping)
    snapshot = Snapshot(base.repository, base.stand().commit, settings)
    promotions = _Promotions(snapshot, base, api.connect(base.repository), args)
    for environment, source in sources.items():
        models = snapshot.models(source)
        for model in sorted(models & {*(args.models or models)}):
            failed += not promotions.update(environment, model)
    failed += not tending.tend(settings, base, promotions.hub)
    return 1 if failed else 0


def _dropped(environment: str, models: Sequence[str], base: Pushed) -> bool:
    """Drop the releases that no retention keeps; return False if that fails."""
    try:
        pushing.drop(environment, models, base)
    except SlipwayError as error:
        say(f"{environment}: nothing is dropped: {one_line(str(error))}")
        return False
    return True


def _branch(environment: str, model: str) -> str:
    return f"promote/{environment}/{model}"


class _Promotions:
    """Hold the state of the remote that one run decides on."""

    def __init__(self, snapshot: Snapshot, base: Pushed, hub: GitHub, args: argparse.Namespace) -> None:
        self.snapshot, self.settings, self.base, self.hub, self.args = snapshot, snapshot.settings, base, hub, args
        self.branches = set(base.remote.branches("promote/"))

    def update(self, environment: str, model: str) -> bool:
        """Bring a model's promotion up to date; on failure tell its pull request why, and return False.

        A hold is told too, and is no failure: nobody has to mend anything.
        """
        from slipway.github.markdown import fence
        from slipway.gitops.branches import Proposed
        from slipway.release.due import HeldError

        branch = _branch(environment, model)
        opened: Pull | None = None
        try:
            pull = self.hub.pull_from(branch) if branch in self.branches else None
            opened = pull if pull is not None and pull.state == "open" else None
            wish = self._wish(environment, model, opened)
            place = Proposed(self.base, branch)
            waits = wish and _propose(self.settings, model, environment, wish, place, self.args, opened)
        except SlipwayError as error:
            say(f"{environment}: {model} cannot be promoted: {one_line(str(error))}")
            told = f"{_STOPPED}\n**It cannot be merged as it stands:**\n\n{fence(str(error))}"
            _tell(self.hub.comment, opened, told)
            return isinstance(error, HeldError)
        if wish and not waits:
            _tell(self.hub.recomment, opened, f"{_STOPPED}\nIt is up to date again.")
        return True

    def _wish(self, environment: str, model: str, opened: Pull | None) -> Wish | None:
        """Return the promotion to propose; None for none.

        The open pull request of a person stays as it is. One that was opened by itself gives way to a newer release.
        """
        proposed = self._proposed(environment, model) if opened is not None else None
        if self.settings.environment(environment).promotion == "manual" or (proposed and not proposed.automatic):
            return proposed
        return self._due(environment, model) or proposed

    def _due(self, environment: str, model: str) -> Wish | None:
        """Return the automatic promotion that is due, unless its pull request was closed or reverted."""
        from slipway.release import candidates
        from slipway.review.promotion_body import marker

        target = self.snapshot.overlay(environment, model)
        found, reason = candidates.due(self.snapshot, target)
        if found is None:
            say(f"{environment}: {model}: {one_line(reason)}")
            return None
        # The branch may have been deleted with the pull request that was closed.
        last = self.hub.pull_from(_branch(environment, model))
        if last is not None and last.state != "open" and marker(target, found) in last.body:
            said = "closed unmerged" if last.state == "closed" else "merged, and reverted since"
            say(f"{environment}: {model}: {last.url} was {said}: slipway promote {model} proposes it again")
            return None
        return candidates.Wish(str(found.name), automatic=True)

    def _proposed(self, environment: str, model: str) -> Wish | None:
        """Return the promotion that the branch of an open pull request proposes."""
        from slipway.gitops.snapshot import Snapshot
        from slipway.images import build as images
        from slipway.release import candidates, promote

        repository = self.base.repository
        tip = self.base.remote.fetch(_branch(environment, model))
        after = Snapshot(repository, tip, self.settings).overlay(environment, model)
        before = self.snapshot.overlay(environment, model)
        automatic = promote.is_automatic(self.snapshot, tip, before)
        for release in after.releases:
            origin, share = release.record.origin, after.route.get(release.name)
            if origin is not None and share is not None and not before.has(release.name):
                return candidates.Wish(
                    origin.release,
                    share,
                    allow_unbuilt=images.is_unbuilt(release.record.image),
                    again=not {*before.rejected} <= {*after.rejected},
                    automatic=automatic,
                    accept_breaking=release.record.accepted,
                )
        return None


def _tell(write: Callable[[int, str, str], None], pull: Pull | None, text: str) -> None:
    """Write below a pull request, where there is one; a locked conversation is no failure of the promotion."""
    if pull is None:
        return
    try:
        write(pull.number, _STOPPED, text)
    except SlipwayError as error:
        say(f"{pull.url} takes no comment: {one_line(str(error))}")
