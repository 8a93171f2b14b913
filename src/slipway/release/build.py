"""`slipway build`: the first of two steps of a release, which has the models' code run and the images built.

It needs no right to push to git. It writes a plan, which `slipway release --built` commits (`plan.py`).
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.git.line_ends import refuse_converted
from slipway.gitops import training_folder
from slipway.gitops.branches import Place, of_code
from slipway.gitops.snapshot import Snapshot
from slipway.images import build as images
from slipway.images import platform as platforms
from slipway.images import sbom
from slipway.images.build import Image
from slipway.images.bundle import Bundle
from slipway.overlays.types import Overlay
from slipway.release import trainings
from slipway.release.due import Choice, DueVersion, choose, names_of
from slipway.release.hands import Hands, Own
from slipway.release.maker import UNNEEDED, Maker, fingerprint_of
from slipway.release.plan import Made, Plan, Planned, save
from slipway.settings import Settings
from slipway.settings.types import Train
from slipway.store import Record, Store


class Asked(NamedTuple):
    """The request for a build."""

    models: Sequence[str] = ()
    """The models to build; all models if empty."""
    environment: str = "test"
    choice: Choice = Choice()
    train: Train = "none"


MakeHands = Callable[[Settings, str, str], Hands]
"""A function of settings, environment and commit that returns the hands of a build."""


def build(
    settings: Settings,
    asked: Asked,
    place: Place,
    target: Path,
    *,
    hands: MakeHands | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> Plan:
    """Test and train the models, build the images of the due versions, and return the plan.

    Read the overlays from the commit of `place`. `hands` do the work that runs code of models; by default it is done
    here. Write the plan and the SBOMs of new images into the folder `target`.
    Continue with the other models when one fails. Raise `SlipwayError` in the cases in which `release` does.
    """
    names = names_of(settings, asked.models, asked.environment, asked.choice)
    target.mkdir(parents=True, exist_ok=True)
    run = _Build(settings, asked, place, target, hands, report)
    models = [run.safely(model) for model in names]
    found = run.maker.found or UNNEEDED
    done = Plan(
        environment=asked.environment,
        commit=run.stand.code.commit,
        branch=run.stand.code.branch,
        traffic=asked.choice.traffic,
        explicit=asked.choice.explicit,
        platform=None if found == UNNEEDED else run.made(platforms.NAME, found.image, new=found.new),
        platform_fingerprint=found.fingerprint,
        models=models,
    )
    save(done, target)
    return done


def nothing(settings: Settings, target: Path) -> Plan:
    """Write an empty plan into the folder `target`, and return it."""
    code = of_code(Repository(settings.root))
    done = Plan(environment="", commit=code.commit, branch=code.branch, models=[])
    save(done, target)
    return done


def overlays_only(repository: Repository, before: str, after: str) -> bool:
    """Return True if only overlays differ between two commits. Return False if a commit is missing here."""
    if repository.commit_at(before) is None or repository.commit_at(after) is None:
        return False
    changed = repository.run("diff", "--name-only", "--no-renames", "-z", before, after).split(b"\0")
    return all(path.startswith(b"overlays/") for path in changed if path)


class _Build:
    """One run of `build`."""

    def __init__(
        self,
        settings: Settings,
        asked: Asked,
        place: Place,
        target: Path,
        hands: MakeHands | None,
        report: Callable[[str], None],
    ) -> None:
        self.settings, self.environment, self.choice, self.train = settings, *asked[1:]
        self.target, self.report, self.stand = target, report, place.stand()
        refuse_converted(place.repository.root)
        if hands is None:
            self.hands: Hands = Own(
                settings, self.environment, images.builder_for(settings, self.environment, report), report
            )
        else:
            self.hands = hands(settings, self.environment, self.stand.code.commit)
        is_built = settings.environment(self.environment).registry != images.UNBUILT
        builder = self.hands.image if is_built else images.unbuilt
        self.maker = Maker(place.repository, self.environment, builder, report, made=self._list)
        self.snapshot = Snapshot(place.repository, self.stand.commit, settings)

    def safely(self, model: str) -> Planned:
        """Return the plan of a model. Turn an error into a failed plan; report the traceback of unexpected ones."""
        self.report(f"{model}: what is due?")
        try:
            return self._plan(model)
        except SlipwayError as error:
            return Planned(model=model, result="failed", text=str(error))
        except Exception as error:  # noqa: BLE001 - the other models continue
            self.report(traceback.format_exc())
            return Planned(model=model, result="failed", text=f"{type(error).__name__}: {error}")

    def made(self, name: str, image: Image, *, new: bool) -> Made:
        """Return an image for the plan. Only a new image has an SBOM."""
        return Made(reference=image.reference, size=image.size, new=new, sbom=_list_of(name) if new else "")

    def _list(self, made: Bundle, image: Image) -> None:
        """Write the SBOM of a built image."""
        if not images.is_unbuilt(image.reference):
            (self.target / _list_of(made.model)).write_bytes(sbom.make(made, image))

    def _plan(self, model: str) -> Planned:
        store = self.snapshot.store(self.environment)
        overlay = self.snapshot.overlay(self.environment, model)
        wanted = self._wanted(store, overlay)
        if wanted.kind == "runner":
            self.maker.platform(self.settings, self.stand)  # before what may have to wait for another machine
            self.hands.train(model)
        due = choose(self.choice, self.settings, store, overlay)
        found = self._function(due.record, due.reason) if due.record else None
        if wanted.kind == "declare":
            return self._declared(found or Planned(model=model, result="training", text=wanted.reason), wanted)
        return found or _nothing_due(model, due, wanted)

    def _wanted(self, store: Store, overlay: Overlay) -> trainings.Wanted:
        """Decide about training by the code's training digest. Train nothing if a person chose a version."""
        if self.train == "none" or self.choice.explicit:
            return trainings.Wanted("nothing", "")
        declared = training_folder.read(self.snapshot, self.environment, overlay.model)
        return trainings.decide(self.settings, store, overlay, declared, self.train)

    def _function(self, record: Record, reason: str) -> Planned:
        self.hands.test(record.model, record)
        fingerprint = fingerprint_of(self.settings, record)
        image = self.maker.image(self.settings, record, fingerprint, self.stand)
        self.maker.platform(self.settings, self.stand)
        new = (str(record.id), fingerprint) in self.maker.images and not images.is_unbuilt(image.reference)
        return Planned(
            model=record.model,
            result="built",
            text=reason,
            version=record.version,
            fingerprint=fingerprint,
            function=self.made(record.model, image, new=new),
        )

    def _declared(self, found: Planned, wanted: trainings.Wanted) -> Planned:
        """Add the declaration of a training to a plan."""
        self.hands.test(found.model, None)
        image, fingerprint = self.hands.trainer(found.model)
        self.maker.platform(self.settings, self.stand)
        served = training_folder.has_service(self.settings, found.model)
        return msgspec.structs.replace(
            found,
            digest=wanted.digest,
            because=wanted.reason,
            trainer=Made(reference=image.reference, size=image.size, new=True),
            trainer_fingerprint=fingerprint,
            parameters=self.hands.parameters(found.model) if served else {},
        )


def _list_of(name: str) -> str:
    """Return the name of the SBOM file of an image."""
    return f"{name}.cdx.json"


def _nothing_due(model: str, due: DueVersion, wanted: trainings.Wanted) -> Planned:
    """Return the plan of a model that needs no image, with the reason."""
    result, text = due.result, due.reason
    if wanted.kind == "message":
        result, text = "to train", wanted.reason
    elif due.result == "skipped" and wanted.reason:
        result, text = "training", wanted.reason
    return Planned(model=model, result=result, text=text)
