"""Attestations of a build's new images: what GitHub is to sign, in batches, and what became of each.

One provenance stands for as many images as GitHub takes. An SBOM is of one image, so each takes a step of its own in
the job `attest` of the workflow `release`. What is not attested is not released, and stops no other model.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from slipway.errors import SlipwayError
from slipway.github.runs import JOBS
from slipway.release.plan import Made, Plan, Planned

SUBJECTS = 1024
"""The most images that GitHub signs in one attestation."""
SBOMS = 8
"""The steps of the job that attest an SBOM."""


class Sbom(Struct, frozen=True, kw_only=True):
    """An image and the file of its SBOM."""

    name: str
    digest: str
    sbom: str


class Batch(Struct, frozen=True, kw_only=True):
    """The attestations of one job."""

    number: int
    subjects: str = ""
    """The file that lists the images of a provenance; empty if another batch has them."""
    sboms: list[Sbom] = []


class Attested(Struct, frozen=True, kw_only=True):
    """What became of a batch: `outcomes` by the ids of its steps, `provenance` and `sbom0` to `sbom7`."""

    batch: Batch
    outcomes: dict[str, str]


def batches(plan: Plan, folder: Path) -> list[Batch]:
    """Return the batches of a plan's new images, and write their lists beside the plan.

    Images beyond the jobs of a matrix are for the next run.
    """
    images = sorted({made for made in _named(plan) if made.new}, key=lambda made: made.reference)
    lists = [images[at : at + SUBJECTS] for at in range(0, len(images), SUBJECTS)]
    for number, part in enumerate(lists):
        lines = ("{1}  {0}\n".format(*made.reference.split("@sha256:")) for made in part)
        (folder / _subjects(number)).write_text("".join(lines), encoding="utf-8")
    sboms = [
        Sbom(name=name, digest=digest, sbom=made.sbom)
        for made in images
        if made.sbom
        for name, _, digest in [made.reference.partition("@")]
    ]
    number = max(len(lists), -(-len(sboms) // SBOMS))
    return [
        Batch(
            number=at,
            subjects=_subjects(at) if at < len(lists) else "",
            sboms=sboms[at * SBOMS : (at + 1) * SBOMS],
        )
        for at in range(min(number, JOBS))
    ]


def attested_only(plan: Plan, built: Path, attested: Path) -> Plan:
    """Return a plan without the models that have an unattested new image; each of them has failed.

    `attested` is the folder with what became of the batches, and `built` the one with their lists.
    """
    provenance, sboms = _signed(built, attested)

    def unsigned(made: Made | None) -> str:
        if made is None or not made.new:
            return ""
        digest = made.reference.partition("@")[2]
        missing = [] if digest in provenance else ["provenance"]
        missing += ["SBOM"] if made.sbom and digest not in sboms else []
        return f"its image {made.reference} has no attested {' and '.join(missing)}" if missing else ""

    def checked(planned: Planned) -> Planned:
        needed = (planned.function, planned.trainer, plan.platform if planned.function or planned.trainer else None)
        problem = next(filter(None, map(unsigned, needed)), "")
        if not problem:
            return planned
        text = f"{problem}: run the failed jobs of this run again"
        return Planned(model=planned.model, result="failed", text=text)

    return msgspec.structs.replace(plan, models=[checked(planned) for planned in plan.models])


def _signed(built: Path, attested: Path) -> tuple[set[str], set[str]]:
    """Return the digests of the images with a provenance, and of those with an SBOM."""
    provenance: set[str] = set()
    sboms: set[str] = set()
    for path in sorted(attested.glob("*.json")):
        try:
            found = msgspec.json.decode(path.read_bytes(), type=Attested)
        except (msgspec.MsgspecError, OSError) as error:
            raise SlipwayError(f"{path} is damaged: {error}", fix="run the job attest again") from error
        if found.batch.subjects and found.outcomes.get("provenance") == "success":
            lines = (built / _subjects(found.batch.number)).read_text(encoding="utf-8").splitlines()
            provenance |= {f"sha256:{line.split()[0]}" for line in lines}
        done = (
            sbom.digest for at, sbom in enumerate(found.batch.sboms) if found.outcomes.get(f"sbom{at}") == "success"
        )
        sboms |= set(done)
    return provenance, sboms


def _named(plan: Plan) -> Iterator[Made]:
    yield from filter(None, [plan.platform, *(made for each in plan.models for made in (each.function, each.trainer))])


def _subjects(number: int) -> str:
    return f"subjects-{number}.txt"
