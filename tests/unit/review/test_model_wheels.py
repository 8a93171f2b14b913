"""`slipway check` refuses wheels in a change that could not be installed."""

from typing import Any

import pytest

from tests import wheels as built
from tests.unit.conftest import Site
from tests.unit.review.conftest import look, said

PINS = "ourlib==1.0\n"


@pytest.fixture
def change(site: Site) -> Site:
    """A repository on the branch `change`."""
    site.git("switch", "--quiet", "-c", "change")
    return site


def test_a_wheel_as_it_has_to_be_is_accepted(change: Site) -> None:
    """It is read from the commit, not from the work tree."""
    wheel = built.write(change.root / "model/iris/wheels", "ourlib", "1.0")
    change.write("model/iris/requirements.txt", PINS)
    change.commit()
    wheel.write_bytes(b"")
    assert look(change).violations == []


def damaged(site: Site) -> None:
    wheel = built.write(site.root / "model/iris/wheels", "ourlib", "1.0")
    wheel.write_bytes(wheel.read_bytes()[:99])


def linked(site: Site) -> None:
    wheel = built.write(site.root / "model/iris/wheels", "ourlib", "1.0")
    wheel.unlink()
    wheel.symlink_to("/etc/passwd")


@pytest.mark.parametrize(
    ("make", "pins", "says"),
    [
        (damaged, PINS, "is no wheel as its name says"),
        (linked, PINS, "is no file of this repository"),
        (lambda site: built.write(site.root / "model/iris/wheels", "ourlib", "1.0"), "", "names ourlib"),
        (lambda site: built.write(site.root / "model/iris/wheels", "ourlib", "1.0"), "ourlib==2.0", "the wheel is 1.0"),
        (
            lambda site: built.write(site.root / "model/iris/wheels", "ourlib", "1.0", tag="cp27-cp27m-win32"),
            PINS,
            "does not fit this Python and platform",
        ),
    ],
)
def test_a_wheel_that_cannot_be_installed_is_refused(change: Site, make: Any, pins: str, says: str) -> None:
    """The line names the model's folder and the file; nothing outside of the commit is read."""
    make(change)
    change.write("model/iris/requirements.txt", pins)
    change.commit()
    [problem] = said(change)
    assert problem.startswith("model/iris: model/iris/wheels/ourlib-1.0-") and says in problem
