"""The current code continues the versions and releases of earlier code."""

import os
from pathlib import Path

import pytest

from slipway.cli import main
from tests import tools
from tests.earlier import given
from tests.turns import in_turns
from tests.unit.conftest import KUSTOMIZE, Site


class Run:
    """Run verbs in a repository, and return their output."""

    def __init__(self, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
        self.site, self._capsys = site, capsys

    def __call__(self, *words: str, status: int = 0) -> str:
        self._capsys.readouterr()
        found = main(["-C", str(self.site.root), *words])
        printed = self._capsys.readouterr()
        assert found == status, printed.err
        return printed.out + printed.err


@pytest.fixture(autouse=True)
def kustomize(people: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    folder = Path(tools.find("kustomize", KUSTOMIZE)).parent
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the current verbs in the repository of a team with earlier releases."""
    return Run(given.renewed(tmp_path / "team"), capsys)


# Berry has parts in all forms, so that each change tries every reader; the others take their turns.
MODELS = ["berry", given.BY_HAND[0], *(each for each in given.VERSIONS if each != "berry")]


@pytest.mark.parametrize("model", in_turns(MODELS, seconds=3))
def test_an_earlier_version_is_released_and_served(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The function of its new release answers the golden predictions over HTTP."""
    run = Run(given.renewed(tmp_path / "team", released=False), capsys)
    version = given.BY_HAND[1] if model == given.BY_HAND[0] else 1
    assert "released" in run("release", model, "--version", str(version))
    [release] = run.site.overlay(model).releases
    assert (release.version, release.record.artifact) == (
        version,
        run.site.store().record(model, version).artifact.digest,
    )
    assert f"{model}-{release.name}" in run("render", model, "--env", "test")
    said = run("verify", f"test/{model}/{release.name}")
    assert f"{model} {release.name} is verified now" in said and "largest difference 0" in said


def test_an_earlier_rejection_stays(run: Run) -> None:
    """The release does not come back after both holds are lifted, in test or in production."""
    assert "held by Ada" in run("release", "fruit")
    assert "nothing is due: v1 is deployed; v2 was rejected" in run("lift", "fruit", "--env", "test")
    assert "nothing to commit" in run("release", "fruit")
    run("lift", "fruit", "--env", "prod")
    rejected = next(iter(run.site.overlay("fruit", "test").rejected))
    assert "rejected" in run("promote", "fruit", "--release", str(rejected), "--allow-unbuilt", status=1)
    assert run.site.versions("fruit") == run.site.versions("fruit", "prod") == {1: 100}


def test_an_earlier_rollback_is_reverted(run: Run) -> None:
    """Git reverts it in test. A person then promotes the same image again."""
    run.site.git("revert", "--no-edit", ":/test/fruit: roll back")
    assert run.site.versions("fruit") == {1: 20, 2: 80}
    run("lift", "fruit", "--env", "prod")
    run("promote", "fruit", "--allow-unbuilt", "--again")
    found = run.site.overlay("fruit", "prod")
    assert found.rejected == ()
    assert [release.record.fingerprint for release in found.releases if release.name in found.route] == [
        run.site.overlay("fruit", "test").releases[0].record.fingerprint
    ]


def test_earlier_commits_are_shown(run: Run) -> None:
    """History, status and trace read the commits of earlier code."""
    told = run("history", "fruit")
    assert told.count("rolled back to") == 2 and "callers complain" in told
    assert "held by Ada" in run("status", "fruit")
    [release] = run.site.overlay("fruit", "prod").releases
    traced = run("trace", f"prod/fruit/{release.name}")
    assert "fruit/test/1" in traced and "model/fruit/fruit.csv" in traced
    then = run.site.git("log", "-1", "--format=%cI", ":/test/fruit: traffic")
    earlier = run("history", "fruit", "--env", "test", "--at", then)
    assert "80 %" in earlier and "20 %" in earlier


def test_an_earlier_overlay_is_rendered(run: Run) -> None:
    """Kustomize renders the overlay of each model and environment."""
    told = run("render")
    for folder in (run.site.root / "overlays").glob("*/*/"):
        assert f"# overlays/{folder.parent.name}/{folder.name}" in told
