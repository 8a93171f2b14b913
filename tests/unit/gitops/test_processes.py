"""A verb starts few git processes. A wrapper around the real git counts them."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from slipway.cli import main
from tests.unit.conftest import Site

Count = Callable[..., int]


@pytest.fixture
def count(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Count:
    """Run a verb and return the number of git processes that it started."""
    log, folder = tmp_path / "git.log", tmp_path / "wrapper"
    folder.mkdir()
    wrapper = folder / "git"
    wrapper.write_text(f'#!/bin/sh\necho "$*" >> {log}\nexec {shutil.which("git")} "$@"\n')
    wrapper.chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"

    def counted(*words: str) -> int:
        log.write_text("")
        with monkeypatch.context() as patch:
            patch.setenv("PATH", path)
            assert main(["-C", str(site.root), *words]) == 0
        return len(log.read_text().splitlines())

    return counted


def test_a_release_and_a_promotion(site: Site, count: Count) -> None:
    """A release starts at most 15 git processes, and a promotion at most 16."""
    site.publish()
    assert count("release", "iris") <= 15
    site.verify(next(iter(site.overlay().route)))
    assert count("promote", "iris", "--allow-unbuilt") <= 16
    assert count("release", "iris") <= 8


def test_many_models(site: Site, count: Count) -> None:
    """The number of processes does not grow with the number of models."""
    site.released()
    site.released("tumor")
    verbs = ("status", "history", "release")
    before = {verb: count(verb) for verb in verbs}
    for number in range(20):
        _copy(site, f"copy{number}")
    site.set("  tumor:", "".join(f"  copy{number}: {{train: manual}}\n" for number in range(20)) + "  tumor:")
    assert before["status"] <= 3
    assert {verb: count(verb) for verb in verbs} == before


def _copy(site: Site, name: str) -> None:
    """Copy the published and released model iris under another name."""
    store = site.root / ".slipway/store/test"
    site.write(f"model/{name}/model.py", "")
    shutil.copytree(site.root / "overlays/test/iris", site.root / "overlays/test" / name)
    shutil.copytree(store / "iris", store / name)
    for path in (site.root / "overlays/test" / name).rglob("*.yaml"):
        # The record's digest is that of other manifests.
        path.write_text(re.sub("\nmanifests: .*", "\nmanifests: ''", path.read_text().replace("iris", name)))
    for path in (store / name / "versions").iterdir():
        path.write_text(json.dumps({**json.loads(path.read_text()), "model": name}))
