"""The plan of a release: `slipway build` writes it, and `slipway release --built` checks and commits it.

The second step runs no code of a model. A plan comes from a machine that ran such code, so its values are checked.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from slipway.errors import SlipwayError
from slipway.files import write
from slipway.gitops import edits, training_folder
from slipway.gitops.branches import Place, Stand
from slipway.images import build as images
from slipway.images.build import Image
from slipway.model import Parameter
from slipway.models.discovery import training_digest
from slipway.overlays.types import Overlay
from slipway.release.due import Choice, DueVersion, choose, decide, names_of
from slipway.release.maker import UNNEEDED, Maker, PlatformImage
from slipway.release.release import Outcome, Released, Result, Run
from slipway.settings import FILE as SETTINGS
from slipway.settings import Settings
from slipway.store import Store
from slipway.store.records import encode

FILE = "plan.json"


class Made(Struct, frozen=True, kw_only=True):
    """An image that a build made or found."""

    reference: str
    """`<registry>/<name>@sha256:<digest>`"""
    size: int = 0
    """Compressed bytes; 0 if unknown."""
    new: bool = False
    """True if this build made it."""
    sbom: str = ""
    """Name of the SBOM file beside the plan; empty if there is none."""

    @property
    def image(self) -> Image:
        """Return the image in the type that builders use."""
        return Image(self.reference, self.size)


class Planned(Struct, frozen=True, kw_only=True):
    """The plan of one model."""

    model: str
    result: str
    text: str
    version: int | None = None
    """The version to release; None if there is none."""
    fingerprint: str = ""
    function: Made | None = None
    digest: str = ""
    """The training digest of the code, if the plan declares a training."""
    because: str = ""
    """The reason for declaring a training."""
    trainer: Made | None = None
    trainer_fingerprint: str = ""
    parameters: dict[str, Parameter] = {}
    """The model's training parameters, if it has a training service."""


class Plan(Struct, frozen=True, kw_only=True):
    """The result of a build at one commit."""

    environment: str
    commit: str
    branch: str
    traffic: int = 100
    explicit: bool = False
    """True if a person chose the version."""
    platform: Made | None = None
    """The image of the platform, if pods need it."""
    platform_fingerprint: str = ""
    models: list[Planned]

    def of(self, model: str) -> Planned:
        """Return the plan of a model."""
        return next(planned for planned in self.models if planned.model == model)


def save(plan: Plan, folder: Path) -> None:
    """Write a plan into a folder."""
    write(folder / FILE, encode(plan))


def read(folder: Path) -> Plan:
    """Return the plan in a folder. Raise `SlipwayError` when it is missing or damaged."""
    path = folder / FILE
    fix = f"slipway build --to {folder}"
    try:
        return msgspec.json.decode(path.read_bytes(), type=Plan)
    except FileNotFoundError as error:
        raise SlipwayError(f"{folder} holds no {FILE}", fix=fix) from error
    except msgspec.MsgspecError as error:
        raise SlipwayError(f"{path} is damaged: {error}", fix=fix) from error


def release_built(
    settings: Settings, plan: Plan, place: Place, report: Callable[[str], None] = lambda _: None
) -> Released:
    """Commit the releases and trainings of a plan that are still due at `place`, in one commit.

    Run no code of a model, and build nothing. Raise `SlipwayError` in the cases in which `release` does.
    """
    repository = place.repository
    if repository.latest() != plan.commit:
        problem = f"the plan was made at the commit {plan.commit[:12]}, which is not checked out"
        raise SlipwayError(problem, fix=f"git checkout {plan.commit}")
    _check(settings, plan)
    run = _run(settings, plan, place, report)
    return edits.retrying(lambda: run.attempt([each.model for each in plan.models]), place.pause)


def changes(settings: Settings, plan: Plan, place: Place) -> bool:
    """Return True if `release_built` may have something to commit at `place`."""
    if any(each.version or each.trainer for each in plan.models):
        return True
    return bool(plan.models) and _run(settings, plan, place).changes([each.model for each in plan.models])


def _run(settings: Settings, plan: Plan, place: Place, report: Callable[[str], None] = lambda _: None) -> _Commit:
    known = {each.fingerprint: each.function.image for each in plan.models if each.function}
    image = PlatformImage(plan.platform.image, plan.platform_fingerprint) if plan.platform else UNNEEDED
    maker = Maker(place.repository, plan.environment, images.unbuilt, report, known, image)
    return _Commit(settings, plan, maker, place)


def _check(settings: Settings, plan: Plan) -> None:
    """Raise `SlipwayError` when a plan has a wrong environment, a foreign image or a wrong training digest."""
    if not plan.models:
        return
    names_of(settings, [each.model for each in plan.models], plan.environment, Choice())
    registry = settings.environment(plan.environment).registry
    named = [made for each in plan.models for made in (each.function, each.trainer)]
    for made in filter(None, [*named, plan.platform]):
        if not images.lies_under(made.reference, registry):
            problem = f"the plan names an image outside of {registry}: {made.reference}"
            raise SlipwayError(problem, fix="make a new plan: slipway build")
    for each in plan.models:
        if each.trainer is not None and each.digest != training_digest(settings, each.model):
            problem = f"the plan has another training digest of {each.model} than its code"
            raise SlipwayError(problem, fix="make a new plan: slipway build")


class _Commit(Run):
    """One run of `release_built`."""

    def __init__(self, settings: Settings, plan: Plan, maker: Maker, place: Place) -> None:
        super().__init__(settings, plan.environment, maker, place, Choice(traffic=plan.traffic, explicit=plan.explicit))
        self.plan = plan

    def due(self, store: Store, overlay: Overlay) -> DueVersion:
        """Return the planned version if it is still due."""
        planned = self.plan.of(overlay.model)
        if planned.version is None:
            return DueVersion(None, planned.text, planned.result)
        if self.plan.explicit:
            return choose(Choice.of(planned.version, {}), self.settings, store, overlay)
        return decide(self.settings, store, overlay, newest=planned.version)

    def change(self, model: str, stand: Stand, overlay: Overlay) -> Result:
        """Return the changes of `Run.change` and the declaration of the planned training."""
        planned = self.plan.of(model)
        if (planned.version or planned.trainer) and (newer := self._newer_code(model, stand)):
            text = f"the newer commit {newer} changes the model, and its run releases it"
            return Result(Outcome(model, "superseded", text))
        found = super().change(model, stand, overlay)
        if planned.trainer is None or overlay.hold is not None:
            return found
        return self._with_training(found, planned, planned.trainer, stand, found.overlay or overlay)

    def _newer_code(self, model: str, stand: Stand) -> str:
        """Return the newest commit after the plan that changes the code or settings of a model; "" if there is none."""
        if stand.branch != self.plan.branch or self.plan.explicit:
            return ""
        folder = self.settings.folder(model).relative_to(self.settings.root).as_posix()
        paths = [folder, "model/common"]
        if self.settings.model(model) != self.on_branch.declared.get(model):
            paths.append(SETTINGS)
        span = f"{self.plan.commit}..{stand.commit}"
        return self.repository.run("log", "-1", "--format=%h", span, "--", *paths).decode().strip()

    def _with_training(self, found: Result, planned: Planned, made: Made, stand: Stand, overlay: Overlay) -> Result:
        files = training_folder.declare(
            self.snapshot,
            stand,
            overlay,
            made.reference,
            digest=planned.digest,
            fingerprint=planned.trainer_fingerprint,
            platform=self.plan.platform.reference if self.plan.platform else "",
            platform_fingerprint=self.plan.platform_fingerprint,
            parameters=planned.parameters,
        )
        if not files:
            return found
        facts = training_folder.facts(planned.model, planned.digest, made.reference, planned.because)
        text = f"its training is declared: {planned.because}"
        outcome = found.outcome._replace(note=text) if found.files else Outcome(planned.model, "training", text)
        return Result(outcome, {**found.files, **files}, {**found.facts, **facts}, overlay)
