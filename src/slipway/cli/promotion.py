"""`slipway promote`, for one model or for all that are due."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from slipway.cli import pushing
from slipway.cli.arguments import share
from slipway.cli.output import say
from slipway.errors import SlipwayError
from slipway.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from slipway.github.api import GitHub, Pull
    from slipway.gitops.places import Place, Pushed, Stand
    from slipway.release.promote import Promoted, Wish
    from slipway.settings import Settings

__all__ = ["branch_of", "close", "due", "one"]

_STOPPED = "<!-- slipway: stopped -->"


def one(settings: Settings, model: str, args: argparse.Namespace) -> int:
    """Promote a model as it was asked for."""
    from slipway.cli.outcomes import dropped
    from slipway.gitops.places import Proposed
    from slipway.release import promote

    chosen = (args.release or None, share(args.traffic), args.allow_unbuilt, args.again)
    wish = promote.Wish(*chosen, accept_breaking=args.accept_breaking)
    environment = promote.target_of(settings, args.to)
    where = _place(settings, environment, model, args)
    _promote(settings, model, environment, wish, where)
    if not isinstance(where, Proposed):
        dropped(settings, environment, [model], where)
    return 0


def _promote(settings: Settings, model: str, environment: str, wish: Wish, where: Place) -> None:
    from slipway.release import promote

    done = promote.promote(settings, model, wish, to=environment, place=where)
    for line in done.edited.lines:
        say(line)
    say(f"committed {done.edited.commit[:12]}" if done.edited.commit else "nothing to commit")
    pushing.propose(settings, where, done.edited, lambda: _argued(done))


def _argued(done: Promoted) -> str:
    from slipway.review.promotion_body import body

    return body(done.settings, done)


def _place(settings: Settings, environment: str, model: str, args: argparse.Namespace) -> Place:
    from slipway.git import Repository
    from slipway.gitops.places import Here, Proposed

    if args.branch and args.push:
        raise SlipwayError("--branch is of this clone alone, and --push has its own", fix="leave one of them out")
    if args.branch:
        return Proposed(Here(Repository(settings.root)), args.branch)
    return pushing.place(settings, environment, branch_of(environment, model), args)


def branch_of(environment: str, model: str) -> str:
    """The branch on which a model is promoted into an environment."""
    return f"promote/{environment}/{model}"


def due(settings: Settings, args: argparse.Namespace) -> int:
    """Bring the open promotions up to date, and open those that are automatic and due; one that fails stops no other.

    A release whose pull request was closed, or merged and taken back, is not proposed again by itself. What no
    retention keeps any longer is dropped before, without a pull request: it answers nobody. In the end pull requests
    are closed that change nothing any more.
    """
    from slipway.git import Repository
    from slipway.github import api
    from slipway.gitops import edits
    from slipway.gitops.edits import settings_at
    from slipway.gitops.places import Apart

    _check_due(args)
    base = Apart(Repository(settings.root), settings.branch)
    settings = settings_at(base.repository, base.stand().commit)
    _check_named(settings, args)
    sources = {
        environment: each.promotes_from
        for environment, each in settings.environments.items()
        if each.promotes_from is not None and args.to in (None, environment)
    }
    failed = sum(not _dropped(settings, environment, args.models or settings.models(), base) for environment in sources)
    stand = base.stand()
    run = _Due(settings, base, stand, api.connect(base.repository))
    for environment, source in sources.items():
        models = edits.models_at(base.repository, stand.commit, source)
        for model in sorted(models & {*(args.models or models)}):
            failed += not run.safely(environment, model)
    close(settings, base, run.hub)
    return 1 if failed else 0


def _check_due(args: argparse.Namespace) -> None:
    """Refuse what is about one promotion."""
    if not args.push or args.emergency:
        raise SlipwayError("--due is about pull requests", fix="slipway promote --due --push")
    given = {
        "--release": args.release,
        "--traffic": args.traffic is not None,
        "--branch": args.branch,
        "--allow-unbuilt": args.allow_unbuilt,
        "--again": args.again,
        "--accept-breaking": args.accept_breaking,
    }
    if names := ", ".join(name for name, value in given.items() if value):
        raise SlipwayError(f"{names}: of one promotion, and --due is about all", fix="slipway promote MODEL; or --due")


def _check_named(settings: Settings, args: argparse.Namespace) -> None:
    """Raise `SlipwayError` for an environment that takes no promotions, or a model that is not there."""
    from slipway.release import promote

    if args.to is not None:
        promote.target_of(settings, args.to)
    for model in args.models:
        settings.model(model)


def _dropped(settings: Settings, environment: str, models: Sequence[str], base: Pushed) -> bool:
    """Drop what no retention keeps any longer; False where that fails, which stops no promotion."""
    from slipway.cli.outcomes import dropped

    try:
        dropped(settings, environment, models, base)
    except SlipwayError as error:
        say(f"{environment}: nothing is dropped: {one_line(str(error))}")
        return False
    return True


class _Due:
    """One run over what can be promoted."""

    def __init__(self, settings: Settings, base: Pushed, stand: Stand, hub: GitHub) -> None:
        self.settings, self.base, self.stand, self.hub = settings, base, stand, hub
        self.branches = set(base.remote.branches("promote/"))

    def safely(self, environment: str, model: str) -> bool:
        """Do what is to be done of a model; False, and the reason on its pull request, when that fails."""
        from slipway.gitops.places import Proposed

        branch = branch_of(environment, model)
        opened = None
        try:
            opened = self._opened(branch)
            wish = self._wish(environment, model, opened)
            if wish:
                _promote(self.settings, model, environment, wish, Proposed(self.base, branch))
        except SlipwayError as error:
            say(f"{environment}: {model} cannot be promoted: {one_line(str(error))}")
            _tell(self.hub.comment, opened, _stopped(error))
            return False
        if wish:
            _tell(self.hub.recomment, opened, f"{_STOPPED}\nIt is up to date again.")
        return True

    def _opened(self, branch: str) -> Pull | None:
        """The open pull request of a branch."""
        pull = self.hub.pull_from(branch) if branch in self.branches else None
        return pull if pull is not None and pull.state == "open" else None

    def _wish(self, environment: str, model: str, opened: Pull | None) -> Wish | None:
        """What to propose, None for nothing: what the open pull request has, else what is due where that is automatic.

        What was proposed by itself gives way to what is due since.
        """
        proposed = self._proposed(environment, model) if opened is not None else None
        if self.settings.environment(environment).promotion == "manual" or (proposed and not proposed.automatic):
            return proposed
        return self._due(environment, model) or proposed

    def _due(self, environment: str, model: str) -> Wish | None:
        from slipway.gitops import edits
        from slipway.release import candidates
        from slipway.review.promotion_body import marker

        target = edits.read(self.base.repository, self.stand.commit, self.settings, environment, model)
        found, reason = candidates.due(self.base.repository, self.stand.commit, self.settings, target)
        if found is None:
            say(f"{environment}: {model}: {one_line(reason)}")
            return None
        # Asked whether there is such a branch or not: it may have been deleted with what was closed.
        last = self.hub.pull_from(branch_of(environment, model))
        if last is not None and last.state != "open" and marker(target, found) in last.body:
            said = "closed unmerged" if last.state == "closed" else "merged, and was taken back since"
            say(f"{environment}: {model}: {last.url} was {said}: slipway promote {model} proposes it again")
            return None
        return candidates.Wish(str(found.name), automatic=True)

    def _proposed(self, environment: str, model: str) -> Wish | None:
        """What the branch of an open pull request proposes."""
        from slipway.gitops import edits
        from slipway.images import build as images
        from slipway.release import promote

        repository = self.base.repository
        tip = self.base.remote.fetch(branch_of(environment, model))
        after = edits.read(repository, tip, self.settings, environment, model)
        before = edits.read(repository, self.stand.commit, self.settings, environment, model)
        automatic = f"{promote.AUTOMATIC}: yes" in repository.run("log", "-1", "--format=%B", tip).decode()
        for release in after.releases:
            origin, share = release.record.origin, after.route.get(release.name)
            if origin is not None and share is not None and not before.has(release.name):
                return promote.Wish(
                    origin.release,
                    share,
                    allow_unbuilt=images.is_unbuilt(release.record.image),
                    again=not {*before.rejected} <= {*after.rejected},
                    automatic=automatic,
                    accept_breaking=release.record.accepted,
                )
        return None


def _tell(write: Callable[[int, str, str], None], pull: Pull | None, text: str) -> None:
    """Write below a pull request, where there is one; what was done counts where its conversation is locked, too."""
    if pull is None:
        return
    try:
        write(pull.number, _STOPPED, text)
    except SlipwayError as error:
        say(f"{pull.url}: that cannot be said there: {one_line(str(error))}")


def _stopped(error: SlipwayError) -> str:
    from slipway.github.markdown import fence

    return f"{_STOPPED}\n**It cannot be merged as it stands:**\n\n{fence(str(error))}"


_BRANCHES = ("hold/", "lift/", "promote/", "rollback/", "traffic/")
_MARKER = "<!-- slipway: overtaken -->"


def close(settings: Settings, base: Pushed, hub: GitHub) -> None:
    """Close those whose overlays `base` has already as they propose them; one where that fails stops no other."""
    for pull in hub.open_from(*_BRANCHES):
        try:
            if pull.base == base.branch and _changes_nothing(settings, base, pull.branch):
                hub.close(pull.number)
                say(f"{pull.url} changes nothing any more, and is closed")
                why = f"It changes nothing any more: {base.branch} has all of it."
                hub.comment(pull.number, _MARKER, f"{_MARKER}\n{why}")
        except SlipwayError as error:
            say(f"{pull.url}: {one_line(str(error))}")


def _changes_nothing(settings: Settings, base: Pushed, branch: str) -> bool:
    """Whether a merge would leave every overlay as it is; what touches anything else is not ours to judge."""
    from slipway.release.build import overlays_only
    from slipway.review import claims

    repository = base.repository
    tip, head = base.remote.fetch(base.branch), base.remote.fetch(branch)
    commits = claims.compared(repository, settings, tip, head)
    found = claims.claims(repository, commits)
    return overlays_only(repository, commits.fork, head) and all(claim.before == claim.after for claim in found)
