"""An environment is made once, and chosen by the parts of an artifact."""

import subprocess
import sys

import pytest

from slipway.models import environment

LOCK = "msgspec==0.22.0 --hash=sha256:00\n"


def test_an_image_has_its_environments_beside_their_locks(tmp_path, monkeypatch):
    """The environment with an equal lock is used, and no package is installed."""
    for use, text in (("train", "numpy==2.4.6 --hash=sha256:00\n"), ("serve", LOCK)):
        (tmp_path / f"{use}.lock").write_text(text)
        (tmp_path / use / "bin").mkdir(parents=True)
        (tmp_path / use / "bin" / "python").touch()
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "requirements.lock").write_text(LOCK)
    monkeypatch.setenv("SLIPWAY_LOCKS", str(tmp_path))
    found = environment.python_for(tmp_path / "bundle" / "requirements.lock")
    assert found == tmp_path / "serve" / "bin" / "python"


def test_an_environment_whose_python_has_gone_is_made_anew(tmp_path, monkeypatch):
    """The machine's Python was upgraded, and the link to it is broken."""
    monkeypatch.setenv("SLIPWAY_CACHE", str(tmp_path / "cache"))
    (tmp_path / "empty.lock").write_text("")
    python = environment.python_for(tmp_path / "empty.lock")
    python.unlink()
    python.symlink_to(tmp_path / "python3.11.4")
    assert environment.python_for(tmp_path / "empty.lock") == python
    asked = "import sys; print(sys.version_info[:2])"
    told = [subprocess.check_output([which, "-c", asked]) for which in (python, sys.executable)]
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("files", "use"),
    [
        (["parts/limits.json", "code/model/iris/words.onnx", "code/model/iris/words.skops"], "serve"),
        (["parts/forest.skops", "parts/limits.json"], "estimators"),
        (["parts/forest.onnx", "parts/means.npy"], "onnx"),
        (["parts/forest.onnx", "parts/words.skops"], "mixed"),
    ],
)
def test_an_artifact_is_served_where_all_its_parts_can_be_loaded(files, use):
    """Only the forms of the parts count."""
    assert environment.use_for(files) == use
