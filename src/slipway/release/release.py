"""`slipway release`: release the due versions of all models of a run in one commit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from slipway import settings as settings_file
from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.git.line_ends import refuse_converted
from slipway.gitops import edits, release_folder, training_folder
from slipway.gitops.branches import Change, Here, Place, Stand
from slipway.gitops.snapshot import Snapshot
from slipway.images import build as images
from slipway.names import ReleaseName
from slipway.overlays.types import Overlay, Release
from slipway.release.due import Choice, DueVersion, Rejections, check_environment, choose, names_of
from slipway.release.maker import Maker
from slipway.settings import Settings
from slipway.store import Store

FAILED = ("failed", "skipped")
"""The results that make a run fail."""


class Outcome(NamedTuple):
    """The result of a run for one model, and the reason.

    The result is `released`, `nothing due`, `held`, `failed`, `skipped` (no version exists) or `superseded` (the run of
    a newer commit releases the model). Plans add `built`, `to train` and `training` (a training is declared).
    """

    model: str
    result: str
    text: str
    release: ReleaseName | None = None
    note: str = ""


class Released(NamedTuple):
    """The result of a run. `commit` is None if there was nothing to commit."""

    outcomes: list[Outcome]
    commit: str | None
    branch: str

    @property
    def failed(self) -> bool:
        """Return True if any model failed or has no version."""
        return any(outcome.result in FAILED for outcome in self.outcomes)


class Result(NamedTuple):
    """The outcome of a model, and the changes to commit for it."""

    outcome: Outcome
    files: Mapping[str, bytes | None] = {}
    facts: Mapping[str, str] = {}
    overlay: Overlay | None = None


def release(
    settings: Settings,
    models: Sequence[str] = (),
    *,
    environment: str = "test",
    choice: Choice | None = None,
    builder: images.Builder | None = None,
    report: Callable[[str], None] = lambda _: None,
    place: Place | None = None,
) -> Released:
    """Release the due versions of `models` in an environment in one commit. If `models` is empty, release all models.

    Commit to `place`, by default the current branch. A `choice` names a version that need not be due; only a hold stops
    it. Continue with the other models when one fails. Raise `SlipwayError` when the request is invalid, or when the
    git repository allows no commit.
    """
    choice = choice or Choice()
    names = names_of(settings, models, environment, choice)
    where = place or Here(Repository(settings.root))
    maker = Maker(where.repository, environment, builder or images.builder_for(settings, environment, report), report)
    run = Run(settings, environment, maker, where, choice)
    return edits.retrying(lambda: run.attempt(names), where.pause)


class Run:
    """One run of `release`. It repeats no slow work when the head of the branch moves."""

    def __init__(self, settings: Settings, environment: str, maker: Maker, place: Place, choice: Choice) -> None:
        self.settings, self.environment, self.choice = settings, environment, choice
        self.on_branch = settings  # each attempt loads the settings of the branch that gets the commit
        self.maker, self.place = maker, place
        self.repository = maker.repository
        self.snapshot: Snapshot

    def due(self, store: Store, overlay: Overlay) -> DueVersion:
        """Return the version of a model to release."""
        return choose(self.choice, self.settings, store, overlay)

    def change(self, model: str, stand: Stand, overlay: Overlay) -> Result:
        """Return the outcome and the changes for a model with this overlay."""
        found = self._released(model, stand, overlay)
        if stand.code.branch != stand.branch or self.settings.model(model).train == "declared":
            return found
        # Without a declaration, nothing would keep the files of the training up to date.
        gone = self.snapshot.differing(training_folder.folder(self.environment, model), {})
        facts = {"Training": "no longer declared"} if gone else {}
        return found._replace(files={**found.files, **gone}, facts={**found.facts, **facts})

    def attempt(self, models: Sequence[str]) -> Released:
        """Decide by the current commit of the place, and commit. Raise `Moved` when another commit came first."""
        stand = self._begin(models)
        results = [self._safely(model, stand) for model in models]
        outcomes = [result.outcome for result in results]
        written = {path: content for result in results for path, content in result.files.items()}
        commit = None
        if written:
            message = _message(self.environment, [result for result in results if result.files])
            overlays = [result.overlay for result in results if result.overlay]
            commit = self.place.commit(stand, Change(written, message, overlays))
        return Released(outcomes, commit, stand.branch)

    def changes(self, models: Sequence[str]) -> bool:
        """Return True if `attempt` would commit something now."""
        stand = self._begin(models)
        return any(self._safely(model, stand).files for model in models)

    def _begin(self, models: Sequence[str]) -> Stand:
        stand = self.place.stand()
        refuse_converted(self.repository.root)
        # The settings of the branch that gets the commit count: another commit may not know that it takes promotions.
        self.on_branch = Snapshot(self.repository, stand.commit).settings
        check_environment(self.on_branch, self.environment)
        self.settings = settings_file.load(self.settings.root)
        self.snapshot = Snapshot(self.repository, stand.commit, self.settings)
        if len(models) > 1:
            self.snapshot.load(self.environment)
        return stand

    def _safely(self, model: str, stand: Stand) -> Result:
        try:
            return self.change(model, stand, self.snapshot.overlay(self.environment, model))
        except SlipwayError as error:
            return Result(Outcome(model, "failed", str(error)))

    def _released(self, model: str, stand: Stand, overlay: Overlay) -> Result:
        store = self.snapshot.store(self.environment)
        due = self.due(store, overlay)
        if due.record is None:
            return Result(Outcome(model, due.result, due.reason))
        made = self.maker.make(self.snapshot, due.record, overlay, stand, again=self.choice.explicit)
        rejections = Rejections(overlay, store)
        chosen = rejections.forgive(made) if self.choice.explicit else overlay
        after = release_folder.with_share(chosen, made, self.choice.traffic)
        if after == overlay:
            return Result(Outcome(model, "nothing due", f"{made.name} runs already", made.name))
        reason = due.reason + ("; it was rejected before" if rejections.bars_release(made) else "")
        outcome = Outcome(model, "released", reason, made.name)
        return Result(outcome, self.snapshot.changes(after), _facts(made, after, reason), after)


def _facts(made: Release, overlay: Overlay, reason: str) -> dict[str, str]:
    return {
        "Release": f"{overlay.model} {made.name}",
        "Version": made.record.model_id,
        "Why": reason,
        "Metrics": release_folder.shown_metrics(made.record.metrics),
        "Route": release_folder.shown(overlay.route),
        "Image": made.record.image,
        "From commit": made.record.commit,
        **({"Built by": made.record.run} if made.record.run else {}),
    }


def _message(environment: str, results: Sequence[Result]) -> str:
    outcomes = [result.outcome for result in results]
    if len(outcomes) == 1:
        done = {"released": f"release {outcomes[0].release}", "training": "declare a training"}
        subject = f"{environment}/{outcomes[0].model}: {done.get(outcomes[0].result, 'withdraw the training')}"
    else:
        told = (f"{each.model} {each.release if each.result == 'released' else 'training'}" for each in outcomes)
        subject = f"{environment}: release {', '.join(told)}"
    bodies = [release_folder.announced("", result.facts).strip() for result in results]
    return "\n\n".join([subject, *bodies]) + "\n"
