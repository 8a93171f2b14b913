"""Production with two releases of iris, a branch `change` that changes them, and a shop of parcels."""

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from slipway.git import Repository
from slipway.gitops import release_folder
from slipway.gitops.branches import Here, Proposed
from slipway.gitops.snapshot import Snapshot
from slipway.names import ReleaseName
from slipway.overlays.types import Overlay
from slipway.release.candidates import Wish
from slipway.release.promote import promote
from slipway.review import worker
from slipway.review.check import Checked, check
from slipway.review.comparison import Version
from tests.unit.conftest import Site
from tests.unit.review.shop import Shop

FOLDER = "overlays/prod/iris"
FOREIGN = f"ghcr.io/mallory/iris@sha256:{'0' * 64}"


@pytest.fixture
def team(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Promote two releases of test to production, where the second answers, and verify a third in test."""
    made_once = tmp_path_factory.getbasetemp() / "in-production"
    if made_once.is_dir():
        shutil.rmtree(site.root)
        shutil.copytree(made_once, site.root)
        return site
    for _ in range(2):
        site.released()
        promote(site.settings, "iris", Wish(allow_unbuilt=True), to="prod")
        site.verify(next(iter(site.overlay(environment="prod").route)), environment="prod")
    site.released()
    shutil.copytree(site.root, made_once)
    return site


def propose(team: Site, **wish: Any) -> None:
    """Promote the release that test serves, on the branch `change`."""
    place = Proposed(Here(Repository(team.root)), "change")
    promote(team.settings, "iris", Wish(**{"allow_unbuilt": True} | wish), to="prod", place=place)


def look(team: Site, **options: Any) -> Checked:
    return check(team.settings, base="main", head="change", **options)


def said(team: Site, **options: Any) -> list[str]:
    """Return the problems of the change, each behind its path below the overlay."""
    wrong = look(team, **options).violations
    assert all(violation.fix for violation in wrong)
    return [f"{violation.path.removeprefix(f'{FOLDER}/')}: {violation.problem}" for violation in wrong]


def commit(team: Site, changes: dict[str, bytes | None], branch: str = "change") -> None:
    """Commit files on a branch, which begins at main if it is not there yet."""
    repository = Repository(team.root)
    tip = repository.commit_at(branch) or team.head
    if repository.commit_at(branch) is None:
        team.git("branch", branch)
    repository.commit(changes, "By hand", branch=branch, parent=tip)


def overlay(team: Site, revision: str, environment: str = "prod") -> Overlay:
    return Snapshot(Repository(team.root), revision, team.settings).overlay(environment, "iris")


def put(team: Site, after: Overlay, branch: str = "change") -> None:
    """Write an overlay on a branch just as slipway would write it."""
    repository = Repository(team.root)
    commit(team, Snapshot(repository, repository.commit_at(branch) or team.head).changes(after), branch)


def squash(team: Site) -> None:
    """Make one commit of the change."""
    base = team.git("merge-base", "main", "change")
    made = team.git("commit-tree", "-p", base, "-m", "One commit", "change^{tree}")
    team.git("update-ref", "refs/heads/change", made)


def redeclare(team: Site, **changes: Any) -> None:
    """Put another release in place of the proposed one, written as slipway writes it."""
    before = overlay(team, "change")
    old = before.releases[0]
    record = msgspec.structs.replace(old.record, **changes)
    name = str(ReleaseName.of(record.version, record.fingerprint))
    record = msgspec.structs.replace(record, release=name, model_id=f"iris/prod/{record.version}")
    made = release_folder.make(Snapshot(Repository(team.root), team.head), record)
    route = {made.name: 100}
    others = [release for release in before.releases if release != old]
    put(team, msgspec.structs.replace(before, releases=(made, *others), route=route))
    squash(team)


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask versions in forks of this process, which has imported their libraries already."""
    import pandas  # noqa: F401
    import sklearn.metrics  # noqa: F401

    def ask(version: Version, _python: Path, wanted: Any, type_: type[Any]) -> Any:
        read, write = os.pipe()
        child = os.fork()
        if not child:
            os.close(read)
            with suppress(BaseException), open(write, "wb") as file:  # noqa: PTH123 - a pipe
                told = msgspec.json.decode(msgspec.json.encode(wanted), type=type(wanted))
                file.write(msgspec.json.encode(worker.answer(worker.Question(version.folder.absolute(), told))))
            os._exit(0)
        os.close(write)
        with open(read, "rb") as file:  # noqa: PTH123 - a pipe
            found = file.read()
        os.waitpid(child, 0)
        return msgspec.json.decode(found, type=type_)

    monkeypatch.setattr(Version, "_ask", ask)


@pytest.fixture
def shop(site: Site) -> Shop:
    """Return the shop with nothing published yet."""
    made = Shop(site.root)
    made.begin()
    return made
