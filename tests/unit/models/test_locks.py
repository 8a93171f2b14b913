"""A lock says where each package comes from, and is installed from there."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from slipway import digests
from slipway.models import locks
from tests import wheels as built

LOCK = """\
functions-framework==3.10.2 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
Our.Lib==1.0 ; sys_platform == 'linux' \\
    --hash=sha256:cc
    # from wheels/our_lib-1.0-py3-none-any.whl
msgspec==0.22.0 --hash=sha256:dd"""


def test_packages_have_their_origin():
    """A package of a wheel is known by its digest, too."""
    found = [(each.name, each.hashes, each.origin, each.content) for each in locks.packages(LOCK)]
    wheel = "wheels/our_lib-1.0-py3-none-any.whl"
    assert found == [
        ("functions-framework", ("aa", "bb"), "", "3.10.2"),
        ("our-lib", ("cc",), wheel, "1.0 (wheel cc)"),
        ("msgspec", ("dd",), "", "0.22.0"),
    ]
    assert locks.wheels(LOCK) == {wheel: "cc"}
    text = LOCK.replace(wheel, "corp https://packages.example/simple")
    (found,) = (each for each in locks.packages(text) if each.origin)
    assert (found.name, found.origin, found.content) == (
        "our-lib",
        "corp https://packages.example/simple",
        "1.0 (corp)",
    )
    assert locks.wheels(text) == {} and list(locks.parts(text)) == ["", found.origin]


def test_no_line_of_a_lock_is_lost():
    """What this module does not know is left to the installer, as an option or an address."""
    text = f"--index-url https://example.org\nnumpy @ https://example.org/numpy.whl --hash=sha256:ee\n{LOCK}\n"
    parts = locks.parts(text)
    assert sorted("".join(parts.values()).splitlines()) == sorted(text.splitlines())
    assert [origin for origin, lines in parts.items() if "Our.Lib" in lines] == ["wheels"]


@pytest.mark.long(10)
@pytest.mark.parametrize("right", [True, False])
def test_an_image_installs_the_very_wheel(tmp_path: Path, right: bool) -> None:
    """The file is run by Python alone, as in an image. A wheel with another digest is refused."""
    wheel = built.write(tmp_path / "wheels", "ourlib", "1.0", value="ours")
    sha256 = digests.of_file(wheel) if right else "0" * 64
    (tmp_path / "x.lock").write_text(f"ourlib==1.0 \\\n    --hash=sha256:{sha256}\n    # from wheels/{wheel.name}\n")
    venv.create(tmp_path / "environment", with_pip=False, symlinks=True)
    python = tmp_path / "environment/bin/python"
    command = [sys.executable, "-I", locks.__file__, str(python), "x.lock"]
    path = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=tmp_path, env=path, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == right, done.stderr
    told = subprocess.run([python, "-c", "import ourlib; print(ourlib.VALUE)"], capture_output=True, text=True)
    assert told.stdout.strip() == ("ours" if right else "")
    assert right or "THESE PACKAGES DO NOT MATCH THE HASHES" in done.stderr
