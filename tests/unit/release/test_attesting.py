"""New images are attested in batches, and what is not attested stops its own model alone."""

from pathlib import Path

import msgspec
import pytest

from slipway.errors import SlipwayError
from slipway.release import attesting
from slipway.release.attesting import JOBS, SBOMS, SUBJECTS, Attested, attested_only, batches
from slipway.release.plan import Made, Plan, Planned


def made(number: int, *, new: bool = True, sbom: bool = True) -> Made:
    reference = f"registry.example/m{number}@sha256:{number:064x}"
    return Made(reference=reference, new=new, sbom=f"m{number}.cdx.json" if sbom else "")


def plan(*images: Made, platform: Made | None = None) -> Plan:
    models = [
        Planned(model=f"m{at}", result="built", text="it is due", version=1, function=image)
        for at, image in enumerate(images)
    ]
    return Plan(environment="test", commit="c", branch="main", platform=platform, models=models)


def report(of: Plan, built: Path, target: Path, **failed: str) -> None:
    """Write what the jobs of all batches leave, where all steps succeed but the `failed`."""
    target.mkdir()
    for batch in batches(of, built):
        steps = ["provenance", *(f"sbom{at}" for at in range(SBOMS))]
        outcomes = dict.fromkeys(steps, "success") | failed
        (target / f"{batch.number}.json").write_bytes(msgspec.json.encode(Attested(batch=batch, outcomes=outcomes)))


def failed(of: Plan) -> dict[str, str]:
    return {each.model: each.text for each in of.models if each.result == "failed"}


def test_one_provenance_stands_for_many_images(tmp_path: Path) -> None:
    """Each new image is listed once, in one list for as many as GitHub takes, and each SBOM is in one batch."""
    images = [made(number) for number in range(SUBJECTS + 1)]
    found = batches(plan(*images, images[0], made(9999, new=False)), tmp_path)
    assert [batch.subjects for batch in found[:3]] == ["subjects-0.txt", "subjects-1.txt", ""]
    listed = [(tmp_path / f"subjects-{number}.txt").read_text().splitlines() for number in (0, 1)]
    assert [len(lines) for lines in listed] == [SUBJECTS, 1]
    assert sorted(listed[0] + listed[1])[1] == f"{1:064x}  registry.example/m1"
    sboms = [sbom.digest for batch in found for sbom in batch.sboms]
    assert sorted(sboms) == [f"sha256:{number:064x}" for number in range(SUBJECTS + 1)]
    assert max(len(batch.sboms) for batch in found) == SBOMS


def test_nothing_new_has_no_batch(tmp_path: Path) -> None:
    """An image that is there already was attested when it was made."""
    assert batches(plan(made(1, new=False)), tmp_path) == []
    assert batches(plan(made(1, sbom=False)), tmp_path)[0].sboms == []


def test_no_run_has_more_jobs_than_a_matrix_takes(tmp_path: Path) -> None:
    """What is beyond them is not attested in this run, and not released."""
    of = plan(*(made(number) for number in range(JOBS * SBOMS + 3)))
    assert len(batches(of, tmp_path)) == JOBS
    report(of, tmp_path, tmp_path / "attested")
    assert len(failed(attested_only(of, tmp_path, tmp_path / "attested"))) == 3


def test_a_failed_sbom_stops_its_own_model(tmp_path: Path) -> None:
    """The others are released."""
    of = plan(*(made(number) for number in range(3)), made(7, new=False))
    report(of, tmp_path, tmp_path / "attested", sbom1="failure")
    kept = attested_only(of, tmp_path, tmp_path / "attested")
    assert failed(kept).keys() == {"m1"} and "has no attested SBOM" in failed(kept)["m1"]
    assert [each for each in kept.models if each.model != "m1"] == [each for each in of.models if each.model != "m1"]


@pytest.mark.parametrize("left", ["failure", "nothing", "cancelled"])
def test_without_a_provenance_no_new_image_is_released(tmp_path: Path, left: str) -> None:
    """What was released before goes on."""
    of = plan(made(0), made(1, new=False))
    if left != "nothing":
        report(of, tmp_path, tmp_path / "attested", provenance=left)
    assert failed(attested_only(of, tmp_path, tmp_path / "attested")).keys() == {"m0"}


def test_the_image_of_the_platform_counts_for_all(tmp_path: Path) -> None:
    """Each release names it; a model that nothing is due for does not fail."""
    of = plan(made(0), platform=made(5))
    idle = Planned(model="idle", result="nothing due", text="v1 runs already")
    of = msgspec.structs.replace(of, models=[*of.models, idle])
    report(of, tmp_path, tmp_path / "attested", sbom1="failure")
    assert failed(attested_only(of, tmp_path, tmp_path / "attested")).keys() == {"m0"}


def test_damaged_reports_are_refused(tmp_path: Path) -> None:
    """The error names the file."""
    (tmp_path / "0.json").write_text("{")
    with pytest.raises(SlipwayError, match=r"0\.json is damaged"):
        attested_only(plan(made(0)), tmp_path, tmp_path)


def test_the_limits_are_those_of_github() -> None:
    """README.md of actions/attest, and the documentation of workflows."""
    assert (attesting.SUBJECTS, attesting.JOBS) == (1024, 256)
