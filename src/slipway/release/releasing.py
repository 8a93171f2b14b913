"""`slipway release`: what is due becomes releases, for all models of a run in one commit."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from slipway import settings as settings_file
from slipway.errors import SlipwayError
from slipway.git import Head, Repository
from slipway.names import ReleaseName
from slipway.release import declare, edits, images
from slipway.release.due import Decision, due, held
from slipway.release.making import Maker, fingerprint_of
from slipway.release.overlay_types import Overlay, Release
from slipway.store import store_of
from slipway.training.digest import training_digest

if TYPE_CHECKING:
    from slipway.settings import Settings
    from slipway.store import Store

__all__ = ["Outcome", "Released", "decide", "release"]


class Outcome(NamedTuple):
    """What became of a model, and why: `released`, `nothing due`, `held`, `skipped` (it has no version) or `failed`."""

    model: str
    result: str
    text: str
    release: ReleaseName | None = None
    note: str = ""


class Released(NamedTuple):
    """What a run did; `commit` is None when there was nothing to commit."""

    outcomes: list[Outcome]
    commit: str | None
    branch: str

    @property
    def failed(self) -> bool:
        """Whether any model failed, or had nothing to release."""
        return any(outcome.result in ("failed", "skipped") for outcome in self.outcomes)


class _Choice(NamedTuple):
    """What a person asked for, instead of what is due."""

    version: int | None
    where: Mapping[str, str]
    traffic: int

    @property
    def explicit(self) -> bool:
        return self.version is not None or bool(self.where)


class _Change(NamedTuple):
    outcome: Outcome
    changes: Mapping[str, bytes | None] = {}
    facts: Mapping[str, str] = {}


def release(
    settings: "Settings",
    models: Sequence[str] = (),
    *,
    environment: str = "test",
    version: int | None = None,
    where: Mapping[str, str] | None = None,
    traffic: int = 100,
    builder: images.Builder | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> Released:
    """Release what is due of `models` (all of them when none is named) in an environment, in one commit.

    `version` or `where` (metadata of a version) choose what is not due by itself; only a hold stops them. `traffic`
    is the share in percent that a new release gets. A model that fails does not stop the others. Raises
    `SlipwayError` when nothing can be released at all: by what was asked, or by the state of the git repository.
    """
    choice = _Choice(version, where or {}, traffic)
    names = _names(settings, models, environment, choice)
    run = _Run(settings, environment, choice, builder or images.builder_for(settings, environment, report), report)
    return edits.retrying(lambda: run.attempt(names))


def _names(settings: "Settings", models: Sequence[str], environment: str, choice: _Choice) -> list[str]:
    source = settings.environment(environment).promotes_from
    if source is not None:
        raise SlipwayError(
            f"{environment} takes only what {source} has verified", fix=f"slipway promote MODEL --to {environment}"
        )
    if choice.version is not None and len(models) != 1:
        raise SlipwayError("--version is the version of one model", fix="name the model: slipway release MODEL …")
    if not 1 <= choice.traffic <= 100:
        raise SlipwayError(f"{choice.traffic} % is no share of the requests", fix="give 1 to 100")
    for name in models:
        settings.model(name)
    found = sorted(set(models)) or settings.models()
    if not found:
        raise SlipwayError("there is no model", fix="slipway new NAME makes one")
    return found


def decide(settings: "Settings", model: str, store: "Store", overlay: Overlay) -> Decision:
    """What is due of a model in an environment, by its settings, its code, its store and its overlay."""
    of = settings.model(model)
    if "predict" not in of.services:
        return Decision(None, "it does not predict (services in slipway.yaml)")
    versions = reversed(store.versions(model))
    digest = None if of.train == "manual" or overlay.hold else training_digest(settings, model)
    return due(
        overlay,
        (store.record(model, version) for version in versions),
        digest=digest,
        pin=of.pin.get(overlay.environment),
        fingerprint=lambda record: fingerprint_of(settings, record),
    )


class _Run:
    """One run of `release`; what is slow is done once, however often the head moves meanwhile."""

    def __init__(
        self,
        settings: "Settings",
        environment: str,
        choice: _Choice,
        builder: images.Builder,
        report: Callable[[str], None],
    ) -> None:
        self.settings, self.environment, self.choice = settings, environment, choice
        self.repository = Repository(settings.root)
        self.maker = Maker(self.repository, environment, builder, report)
        self.tries = 0

    def attempt(self, models: Sequence[str]) -> Released:
        """Decide on the head and commit; raises `Moved` when somebody else did meanwhile."""
        head = self.repository.ready()
        self.tries += 1
        if self.tries > 1:
            self.settings = settings_file.load(self.settings.root)
        results = [self._safely(model, head) for model in models]
        outcomes = [result.outcome for result in results]
        written = {path: content for result in results for path, content in result.changes.items()}
        if not written:
            return Released(outcomes, None, head.branch)
        message = _message(self.environment, [result for result in results if result.changes])
        commit = self.repository.commit(written, message, branch=head.branch, parent=head.commit)
        return Released(outcomes, commit, head.branch)

    def _safely(self, model: str, head: Head) -> _Change:
        try:
            return self._one(model, head)
        except SlipwayError as error:
            return _Change(Outcome(model, "failed", str(error)))

    def _one(self, model: str, head: Head) -> _Change:
        store = store_of(self.settings, self.environment)
        overlay = edits.read(self.repository, head.commit, self.settings, self.environment, model)
        decision = self._decide(model, store, overlay)
        if decision.record is None:
            result = "skipped" if decision.failed else "held" if overlay.hold else "nothing due"
            return _Change(Outcome(model, result, decision.reason))
        made = self.maker.make(self.settings, decision.record, overlay, head, again=self.choice.explicit)
        after = declare.with_share(overlay, made, self.choice.traffic)
        if after == overlay:
            return _Change(Outcome(model, "nothing due", f"{made.name} is what runs already", made.name))
        reason = decision.reason + ("; it was rejected before" if made.name in overlay.rejected else "")
        retention = self.settings.model(model).within(self.environment).retention
        kept, note = declare.retain(after, retention, lambda name: store.verified(model, name) is not None)
        return _Change(
            Outcome(model, "released", reason, made.name, note),
            edits.changes(self.repository, head.commit, kept),
            _facts(made, kept, reason),
        )

    def _decide(self, model: str, store: "Store", overlay: Overlay) -> Decision:
        if not self.choice.explicit:
            return decide(self.settings, model, store, overlay)
        if overlay.hold is not None:
            fix = f"slipway lift {model} --env {self.environment}, when the reason is gone"
            raise SlipwayError(held(overlay.hold), fix=fix)
        record = store.find(model, version=self.choice.version, where=self.choice.where)
        serving = overlay.serving()
        reason = f"v{record.version} was asked for"
        if serving is not None and record.version < serving.version:
            reason += (
                f", although v{serving.version} is newer: the next run of release brings the newest back unless"
                f" slipway.yaml pins it (pin: {{{self.environment}: {record.version}}}); slipway rollback also stops it"
            )
        return Decision(record, reason)


def _facts(made: Release, overlay: Overlay, reason: str) -> dict[str, str]:
    return {
        "Release": f"{overlay.model} {made.name}",
        "Version": made.record.model_id,
        "Why": reason,
        "Metrics": declare.shown_metrics(made.record.metrics),
        "Route": declare.shown(overlay.route),
        "Image": made.record.image,
        "From commit": made.record.commit,
    }


def _message(environment: str, results: Sequence[_Change]) -> str:
    names = [(result.outcome.model, result.outcome.release) for result in results]
    if len(names) == 1:
        subject = f"{environment}/{names[0][0]}: release {names[0][1]}"
    else:
        subject = f"{environment}: release " + ", ".join(f"{model} {name}" for model, name in names)
    bodies = [declare.announced("", result.facts).strip() for result in results]
    return "\n\n".join([subject, *bodies]) + "\n"
