"""A version of earlier code is reproduced by that code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from slipway.cli import main
from tests.earlier import given
from tests.unit.conftest import Site


def reproduced(site: Site, version: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Train a version of fruit again. Assert that the artifact is the same."""
    capsys.readouterr()
    assert main(["-C", str(site.root), "reproduce", f"fruit/test/{version}"]) == 0
    told = capsys.readouterr().out
    assert f"fruit/test/{version}: reproduced: 60 of 60 predictions are the same" in told
    assert ": the same\n" in told


@pytest.mark.long
@pytest.mark.usefixtures("people")
def test_an_earlier_version_is_reproduced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The platform of its commit trains it, although the repository no longer has that platform."""
    reproduced(given.renewed(tmp_path / "team"), 1, capsys)


@pytest.mark.long
@pytest.mark.usefixtures("people")
def test_a_platform_with_other_modules_is_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only verbs of the commit's platform are called, so its modules may have other names."""
    site = given.repository(tmp_path / "team")
    source = site.root / "src/slipway"
    for path in source.rglob("*.py"):
        text = path.read_text().replace("slipway.training.rows ", "slipway.training.table ")
        path.write_text(text.replace("slipway.schema ", "slipway.shape "))
    (source / "schema.py").rename(source / "shape.py")
    (source / "training/rows.py").rename(source / "training/table.py")
    site.commit("Move modules")
    command = [sys.executable, "-P", "-m", "slipway", "-C", str(site.root), "train", "fruit"]
    subprocess.run(command, cwd=site.root, env={**os.environ, "PYTHONPATH": str(source.parent)}, check=True)
    reproduced(site, 3, capsys)
