"""`slipway hold` and `slipway lift` stop and resume the releases of a model."""

import subprocess
import sys

import pytest

from slipway.errors import SlipwayError
from slipway.release.holds import hold, lift
from tests.unit.conftest import Site


def test_a_held_model_is_not_released_until_lifted(site: Site) -> None:
    """Lifting reports the due version and the command that releases it."""
    site.released()
    hold(site.settings, "iris", "test", reason="audit")
    site.publish()
    [outcome] = site.release("iris").outcomes
    assert outcome.result == "held" and "audit" in outcome.text
    [asked] = site.release("iris", version=2).outcomes
    assert asked.result == "failed" and "slipway lift iris --env test" in asked.text
    done = lift(site.settings, "iris", "test")
    assert done.lines[-1] == "due now: v2 is newer than the deployed v1: slipway release iris --env test"
    site.release("iris")
    assert site.versions() == {2: 100}


def test_a_model_can_be_held_before_its_first_release(site: Site) -> None:
    """A second hold changes nothing."""
    hold(site.settings, "iris", "test", reason="not yet")
    site.publish()
    assert site.release("iris").outcomes[0].result == "held"
    assert hold(site.settings, "iris", "test", reason="again").commit is None


def test_lifting_a_model_without_a_hold_changes_nothing(site: Site) -> None:
    """A line says that the model is not held."""
    assert lift(site.settings, "iris", "test").lines == ["test: iris is not held"]


def test_a_hold_without_a_reason_is_refused(site: Site) -> None:
    """A blank reason counts as none."""
    with pytest.raises(SlipwayError, match="no reason"):
        hold(site.settings, "iris", "test", reason=" ")


def test_an_unknown_model_is_refused(site: Site) -> None:
    """The error names the model."""
    with pytest.raises(SlipwayError, match="unknown model 'irsi'"):
        hold(site.settings, "irsi", "test", reason="audit")


def test_two_processes_hold_two_models_at_the_same_time(site: Site) -> None:
    """Both work in one work tree, and every change of both is committed."""
    script = """
import sys
from pathlib import Path
from slipway import settings
from slipway.release.holds import hold, lift
loaded = settings.load(Path(sys.argv[1]))
for _ in range(3):
    hold(loaded, sys.argv[2], "test", reason="a race")
    lift(loaded, sys.argv[2], "test")
hold(loaded, sys.argv[2], "test", reason="the end")
"""
    processes = [
        subprocess.Popen([sys.executable, "-c", script, str(site.root), model], stderr=subprocess.PIPE)
        for model in ("iris", "tumor")
    ]
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors.decode()
    assert site.git("rev-list", "--count", "HEAD") == "15"
    for model in ("iris", "tumor"):
        found = site.overlay(model).hold
        assert found is not None and found.reason == "the end"
