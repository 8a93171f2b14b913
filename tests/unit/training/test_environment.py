"""Environments that are there already."""

from slipway.training import environment

LOCK = "msgspec==0.22.0 --hash=sha256:00\n"


def test_an_image_has_its_environments_beside_their_locks(tmp_path, monkeypatch):
    """The one whose lock says the same is taken, wherever the lock that is asked for lies, and nothing is installed."""
    for use, text in (("train", "numpy==2.4.6 --hash=sha256:00\n"), ("serve", LOCK)):
        (tmp_path / f"{use}.lock").write_text(text)
        (tmp_path / use / "bin").mkdir(parents=True)
        (tmp_path / use / "bin" / "python").touch()
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "requirements.lock").write_text(LOCK)
    monkeypatch.setenv("SLIPWAY_LOCKS", str(tmp_path))
    found = environment.python_for(tmp_path / "bundle" / "requirements.lock")
    assert found == tmp_path / "serve" / "bin" / "python"
