"""Wheels in a model's folder are what is installed, or are refused by name."""

import shutil
import subprocess
from pathlib import Path

import pytest

from slipway import digests
from slipway import settings as settings_file
from slipway.errors import SlipwayError
from slipway.models import environment, locks, wheels
from tests import wheels as built

SETTINGS = "environments:\n  test: {store: store, namespace: test}\n"


class Place:
    """A repository with the model `fruit`, and its wheels."""

    def __init__(self, root: Path) -> None:
        self.root, self.folder = root, root / "model" / "fruit"
        self.wheels = self.folder / "wheels"
        self.folder.mkdir(parents=True)
        (root / "slipway.yaml").write_text(SETTINGS)
        (self.folder / "model.py").write_text("")
        self.needs("ourlib==1.0")

    def needs(self, *lines: str) -> None:
        (self.folder / "requirements.txt").write_text("\n".join(lines))

    def lock(self, use: environment.Use = "train") -> Path:
        return environment.compile_lock(settings_file.load(self.root), "fruit", use)

    def read(self) -> list[wheels.Wheel]:
        return wheels.read(self.folder, self.root)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "repository")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SLIPWAY_CACHE", str(tmp_path / "cache"))
    # Locks are made for these packages alone, so that little is asked of an index.
    monkeypatch.setattr(environment, "platform_packages", lambda _use: set())
    return tmp_path / "cache"


def value(python: Path, module: str) -> str:
    return subprocess.check_output([python, "-c", f"import {module}; print({module}.VALUE)"], text=True).strip()


def test_a_wheel_is_locked_and_installed_with_what_it_needs(place, cache):  # noqa: ARG001
    """Its dependency comes from the index, or from another wheel, which `requirements-serve.txt` need not name."""
    path = built.write(place.wheels, "ourlib", "1.0", value="ours", needs=["idna>=3", "base-lib"])
    base = built.write(place.wheels, "base-lib", "2.0+team", value="base")
    place.needs("ourlib==1.0", "base-lib==2.0+team")
    (place.folder / "requirements-serve.txt").write_text("ourlib==1.0\n")
    for use in ("train", "serve"):
        lock = place.lock(use)
        found = {each.name: each for each in locks.packages(lock.read_text())}
        assert found.keys() == {"base-lib", "idna", "ourlib"}
        assert found["ourlib"][1:4] == ("1.0", (digests.of_file(path),), f"wheels/{path.name}")
        assert found["base-lib"][1:4] == ("2.0+team", (digests.of_file(base),), f"wheels/{base.name}")
        assert not found["idna"].origin and len(found["idna"].hashes) > 1
        python = environment.python_for(lock)
        assert (value(python, "ourlib"), value(python, "base_lib")) == ("ours", "base")


def test_a_package_of_the_same_name_in_the_index_is_never_taken(place, cache):  # noqa: ARG001
    """Not one of the same version, and not a newer one, though another package asks for any version."""
    path = built.write(place.wheels, "six", "1.16.0", value="ours")
    place.needs("six==1.16.0", "python-dateutil==2.9.0.post0")
    lock = place.lock()
    (found,) = (each for each in locks.packages(lock.read_text()) if each.name == "six")
    assert (found.version, found.hashes) == ("1.16.0", (digests.of_file(path),))
    assert value(environment.python_for(lock), "six") == "ours"


def test_another_wheel_of_the_same_version_makes_another_lock(place, cache):  # noqa: ARG001
    """The digest decides; the environment of the old lock can be made when the folder has the new one."""
    built.write(place.wheels, "ourlib", "1.0", value="old")
    old = place.lock()
    built.write(place.wheels, "ourlib", "1.0", value="new")
    new = place.lock()
    assert [value(environment.python_for(lock), "ourlib") for lock in (old, new)] == ["old", "new"]
    with pytest.raises(SlipwayError, match="the training began with fruit/wheels/ourlib"):
        wheels.of_model(place.folder, old.read_text())


def test_a_wheel_that_is_not_beside_its_lock_is_not_looked_for_elsewhere(place, cache):
    """A damaged artifact is refused."""
    built.write(place.wheels, "ourlib", "1.0")
    lock = place.lock()
    (lock.parent / "wheels/ourlib-1.0-py3-none-any.whl").write_bytes(b"another")
    with pytest.raises(SlipwayError, match="is another file"):
        environment.python_for(lock)
    shutil.rmtree(lock.parent / "wheels")
    with pytest.raises(SlipwayError, match="is not there"):
        environment.python_for(lock)
    assert not list((cache / "environments").glob("*/complete"))


def test_the_lock_of_a_model_without_wheels_says_nothing_of_them(place, cache):  # noqa: ARG001
    """It is as the resolver writes it."""
    place.needs("idna==3.10")
    text = place.lock().read_text()
    assert text.startswith("idna==3.10 \\\n    --hash=sha256:") and "#" not in text
    assert list(locks.parts(text)) == [""]


def broken(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


def damaged(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"VALUE = 1", b"VALUE = 2"))


def linked(path: Path) -> None:
    path.rename(path.parents[1] / "elsewhere.whl")
    path.symlink_to("../elsewhere.whl")


def renamed(name: str):
    return lambda path: path.rename(path.parent / name)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (broken, "is no wheel as its name says: it cannot be read"),
        (damaged, "ourlib.py in it is damaged"),
        (linked, "is no file of this repository"),
        (renamed("ourlib.whl"), "no name of a wheel"),
        (renamed("Ourlib-1.0-py3-none-any.whl"), "the name is not written as it has to be"),
        (renamed("ourlib-1.00-py3-none-any.whl"), "the name is not written as it has to be"),
        (renamed("ourlib-2.0-py3-none-any.whl"), "it says of itself that it is ourlib 1.0"),
        (renamed("theirs-1.0-py3-none-any.whl"), "it says of itself that it is ourlib 1.0"),
        (renamed("ourlib-1.0-cp27-cp27m-win32.whl"), "does not fit this Python and platform"),
        (lambda path: built.write(path.parent, "ourlib", "1.1"), "are both ourlib"),
        (lambda path: built.write(path.parent, "other", "1.0"), "no line of requirements.txt names other"),
        (lambda path: built.write(path.parent, "ourlib", "1.0", python=">=4"), "needs Python >=4"),
        (lambda path: built.write(path.parent, "ourlib", "1.0", python="three"), "which means nothing"),
        (lambda path: (path.parent / "ourlib-1.0.tar.gz").touch(), "nothing would install it"),
        (lambda path: (path.parent / "a-1-py3-none-any.whl").mkdir(), "is no file of this repository"),
    ],
)
def test_a_wheel_that_cannot_be_used_is_refused(place, change, says):
    """The message names the file, and no environment is made."""
    change(built.write(place.wheels, "ourlib", "1.0"))
    with pytest.raises(SlipwayError, match=says) as caught:
        place.read()
    assert "model/fruit/wheels/" in caught.value.problem and caught.value.fix


@pytest.mark.parametrize(
    "lines", [["ourlib==1.1"], ["ourlib==1.0+cpu"], ["ourlib==1.0; os_name == 'nt'", "ourlib==2.0; os_name != 'nt'"]]
)
def test_a_pin_of_another_version_than_the_wheel_s_is_refused(place, lines):
    """An index would give that one."""
    built.write(place.wheels, "ourlib", "1.0")
    place.needs(*lines)
    with pytest.raises(SlipwayError, match=r"and the wheel is 1\.0") as caught:
        place.read()
    assert "write ourlib==1.0" in caught.value.fix


def test_a_lock_with_anything_but_the_wheel_is_refused(place):
    """As if the resolver had taken the package from elsewhere."""
    built.write(place.wheels, "ourlib", "1.0")
    found, other = place.read(), "0" * 64
    line = f"./wheels/ourlib-1.0-py3-none-any.whl \\\n    --hash=sha256:{found[0].sha256}\n"
    assert wheels.named(found, line, "x").startswith("ourlib==1.0 \\\n")
    more = line.rstrip() + f" \\\n    --hash=sha256:{other}\n"
    for lock in (more, line.replace(found[0].sha256, other), f"ourlib==1.0 --hash=sha256:{found[0].sha256}\n"):
        with pytest.raises(SlipwayError, match="is not locked to wheels/ourlib"):
            wheels.named(found, lock, "model/fruit/requirements.txt")
