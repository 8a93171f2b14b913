"""`slipway trace`: from an answer, or whatever else is known of it, back to data, commit, pull request and run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.git import Repository
from slipway.provenance import declared, finding, of_release, of_version
from slipway.provenance.links import Chain
from slipway.provenance.pulls import Pulls
from slipway.store import store_of

if TYPE_CHECKING:
    from slipway.provenance.finding import Subject
    from slipway.provenance.links import Link
    from slipway.provenance.of_version import Version
    from slipway.settings import Settings

__all__ = ["trace"]


def trace(settings: Settings, what: str) -> Chain:
    """The chain behind what `finding.find` takes; it is told as far as it goes, and says where it does not hold.

    Raises `SlipwayError` when nothing is named that way, or more than one release.
    """
    subject = finding.find(settings, what)
    repository = Repository(settings.root)
    if subject.declared is None:
        # Neither a release nor a version of that name: the store says what there is.
        store_of(settings, subject.model_id.environment).record(subject.model_id.model, subject.model_id.version)
    found = of_version.read(settings, subject)
    asked = Pulls(repository)
    links = [
        *_of_release(settings, repository, subject, found, asked),
        *_of_version(settings, repository, subject, found, asked),
    ]
    return Chain(asked=what, subject=str(subject), links=[link for link in links if link is not None])


def _of_release(
    settings: Settings, repository: Repository, subject: Subject, found: Version, asked: Pulls
) -> list[Link | None]:
    chosen, record = subject.declared, subject.record
    if chosen is None or record is None:
        return []
    files = {name: file.sha256 for name, file in found.record.artifact.files.items()} if found.record else {}
    return [
        of_release.answer(subject),
        of_release.release(repository, chosen, record),
        of_release.origin(repository, subject, record, asked),
        of_release.image(repository, chosen, record),
        of_release.fingerprint(settings, repository, subject, files) if found.record else None,
    ]


def _of_version(
    settings: Settings, repository: Repository, subject: Subject, found: Version, asked: Pulls
) -> list[Link | None]:
    tip = subject.declared.tip if subject.declared else declared.followed(repository, settings.branch)[0]
    artifact = of_version.artifact(subject, found)
    if subject.declared is None:
        artifact.notes.append(f"{subject.model_id} was never released, as far as the history here knows")
    return [
        artifact,
        of_version.version(found),
        of_version.data(found),
        of_version.commit(repository, tip, found, asked),
        of_version.runs(subject, found),
        of_version.verified(settings, subject),
    ]
