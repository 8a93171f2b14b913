"""The start of a function, and the checks that prevent it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slipway.errors import SlipwayError
from slipway.images import running
from slipway.images.bundle import Bundle
from tests.unit.serving import tiny

Start = Callable[..., tuple[int, dict[str, Any], str]]


def test_whole_bundle_starts(bundled: Bundle, start: Start) -> None:
    """One line of the log has the identity and the time of the start."""
    status, line, _ = start(bundled.folder)
    assert (status, line["severity"]) == (0, "INFO")
    assert (line["model_id"], line["release"]) == ("tiny/dev/1", "dev")
    assert line["fingerprint"] == bundled.fingerprint
    assert line["milliseconds"] > 0


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


SPOILT: list[tuple[str, Callable[[Path], object], list[str]]] = [
    ("flipped", lambda folder: flip(folder / "artifact/parts/rate.json"), ["artifact/parts/rate.json", "sha256"]),
    ("missing", lambda folder: (folder / "artifact/schema.json").unlink(), ["artifact/schema.json is missing"]),
    ("added", lambda folder: (folder / "artifact/code/x.py").touch(), ["artifact/code/x.py is not declared"]),
    ("no bundle.json", lambda folder: (folder / "bundle.json").unlink(), ["no bundle.json", "slipway serve"]),
    ("no JSON", lambda folder: (folder / "bundle.json").write_text("{"), ["bundle.json is not as slipway"]),
]


@pytest.mark.parametrize(("spoil", "told"), [spoilt[1:] for spoilt in SPOILT], ids=[spoilt[0] for spoilt in SPOILT])
def test_damaged_bundle_does_not_start(
    bundled: Bundle, start: Start, spoil: Callable[[Path], object], told: list[str]
) -> None:
    """The process ends with status 1 and one line that names the file."""
    spoil(bundled.folder)
    status, line, said = start(bundled.folder)
    assert (status, line["severity"]) == (1, "CRITICAL")
    assert all(part in said for part in told), said


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"predictions": [4.0, 8.5]}, ["1 golden prediction", "row 1", "8.5", "8.0", "0.5", "on `self`"]),
        ({"code": "import nowhere.at_all\n" + tiny.CODE}, ["nowhere", "requirements"]),
        ({"code": tiny.CODE.replace("prices = []", "import nowhere; prices = []")}, ["nowhere", "requirements"]),
        ({"code": tiny.CODE.replace("prices = []", "prices = 1 / 0")}, ["ZeroDivisionError"]),
        ({"code": tiny.CODE + "raise SystemExit(0)\n"}, ["SystemExit"]),
        ({"code": tiny.CODE.replace("class Tiny", "class Other")}, ["Tiny"]),
    ],
)
def test_model_that_fails_its_checks_does_not_start(
    tmp_path: Path, start: Start, changes: dict[str, Any], told: list[str]
) -> None:
    """Wrong golden predictions, a missing library or failing code end the process with one line that says which."""
    status, line, _ = start(tiny.bundled(tmp_path, **changes).folder)
    assert (status, line["severity"]) == (1, "CRITICAL")
    assert all(part in json.dumps(line) for part in told), line


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"MODEL_ID": "iris/test/7"}, "MODEL_ID is iris/test/7, and the bundle holds tiny"),
        ({"MODEL_ID": "tiny"}, "'tiny' is not a model id"),
        ({"SLIPWAY_MAX_ROWS": "many"}, "SLIPWAY_MAX_ROWS is 'many'"),
        ({"THREADS": "abc"}, "THREADS is 'abc'"),
        ({"THREADS": "0"}, "THREADS is '0'"),
    ],
)
def test_wrong_environment_does_not_start(bundled: Bundle, start: Start, env: dict[str, str], told: str) -> None:
    """An invalid variable is refused at the start, not at a request."""
    status, line, _ = start(bundled.folder, **env)
    assert status == 1
    assert told in line["message"]


def test_limit_below_the_golden_rows_does_not_matter(bundled: Bundle, start: Start) -> None:
    """Limits hold for callers, not for the checks at the start."""
    assert start(bundled.folder, SLIPWAY_MAX_ROWS="1", SLIPWAY_MAX_BODY="1")[0] == 0


def test_functions_framework_ends_when_the_function_does_not_start(bundled: Bundle) -> None:
    """The server ends with its function, and does not restart it again and again."""
    flip(bundled.folder / "artifact/golden.json")
    told = r"ended with status 1: .*artifact/golden.json has changed"
    with pytest.raises(SlipwayError, match=told), running.start(bundled.folder):
        pass


def test_bundle_starts_anywhere(bundled: Bundle, start: Start, tmp_path: Path) -> None:
    """Nothing in a bundle names the place where it was made."""
    moved = tmp_path / "else where"
    shutil.move(bundled.folder, moved)
    shutil.rmtree(tmp_path / "repository")
    assert start(moved)[0] == 0
