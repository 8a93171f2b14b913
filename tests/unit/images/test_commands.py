"""Commands of engines end with this process, and their errors say what to do."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from slipway.errors import SlipwayError
from slipway.images import commands

ROOT = Path(__file__).parents[3]


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """Return a function that puts a `buildah` with this script on the PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def make(script):
        (tmp_path / "buildah").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "buildah").chmod(0o755)

    return make


@pytest.mark.parametrize(
    ("said", "fix"),
    [
        ("unauthorized: authentication required", "log in with the right to it: buildah login registry.example"),
        ("requested access to the resource is denied", "log in with the right to it: buildah login registry.example"),
        ("dial tcp: lookup registry.example: no such host", "can be reached from here"),
        ("x509: certificate signed by unknown authority", "can be reached from here"),
        ("toomanyrequests: You have reached your pull rate limit", "the registry limits requests"),
        ("denied: quota exceeded for the project", "the registry has no more room for us"),
        ("the tag iris is immutable", "remove that, and run it again"),
        ("unsupported: the registry is in read-only mode", "the registry takes no images now"),
        ("name unknown: Repository models not found", "make the repository in the registry"),
        ("write /var/lib/containers/x: no space left on device", "make room on this machine"),
        ("mkdir /var/lib/containers: permission denied", ""),
        ("manifest invalid", ""),
    ],
)
def test_error_of_a_push_has_a_fix(engine, said, fix):
    """The error holds the engine's own words, and the fix where it is known."""
    engine(f"echo '{said}' >&2; exit 125")
    with pytest.raises(SlipwayError) as caught:
        commands.run("buildah", "push", "sha256:1", "docker://registry.example/team/iris:1")
    assert said in caught.value.problem
    assert fix in caught.value.fix
    assert bool(fix) == bool(caught.value.fix)


@pytest.mark.parametrize(
    ("said", "fix"),
    [
        ("ERROR: No matching distribution found for numpy==2.4.6", "set another base_image, or train it again"),
        (
            "No matching distribution found for a==1\nThese packages come from corp https://x: see",
            "UV_INDEX_<NAME>_USERNAME",
        ),
        ("DO NOT MATCH THE HASHES\nThese packages come from corp https://x: see", "set another base_image"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "set another base_image, or train it again"),
        ("reading manifest 3.99-slim in docker.io/library/python: manifest unknown", "base_image in slipway.yaml"),
        ("pull access denied for python", "log in with the right to it: buildah login ghcr.io"),
        ("Cannot connect to the Docker daemon at unix:///var/run/docker.sock", "see that `buildah info` works"),
    ],
)
def test_error_of_a_build_has_a_fix(engine, said, fix):
    """Base image, packages of the lock and the engine have fixes of their own."""
    engine(f"echo '{said}' >&2; exit 1")
    with pytest.raises(SlipwayError) as caught:
        commands.run("buildah", "build", "--build-arg=BASE_IMAGE=ghcr.io/team/python:3", "/context")
    assert fix in caught.value.fix


def test_error_shows_only_the_end_of_the_log(engine):
    """The last lines have the reason."""
    engine("for n in $(seq 100); do echo line $n >&2; done; exit 1")
    with pytest.raises(SlipwayError) as caught:
        commands.run("buildah", "build", "/context")
    assert "line 100" in caught.value.problem
    assert "line 80" not in caught.value.problem


def test_missing_or_killed_engine_is_an_error_with_a_fix(engine, tmp_path):
    engine("kill -9 $$")
    with pytest.raises(SlipwayError, match="buildah push was stopped by SIGKILL") as caught:
        commands.run("buildah", "push", "x")
    assert "enough memory" in caught.value.fix
    (tmp_path / "buildah").unlink()
    with pytest.raises(SlipwayError, match="no-such-engine cannot be run: No such file") as caught:
        commands.run("no-such-engine", "push", "x")
    assert "no-such-engine info" in caught.value.fix


STOPPED = """
import signal, sys
from slipway.images import commands
def stop(*_): raise KeyboardInterrupt
signal.signal(signal.SIGTERM, stop)
try:
    commands.run("buildah", "build", "/context")
except KeyboardInterrupt:
    print("stopped")
"""


def test_engine_clears_away_when_the_process_is_stopped(engine, tmp_path):
    """It gets the signal to end and is waited for. Its child processes end with it."""
    engine(
        f"trap 'echo cleared > {tmp_path}/end; exit 1' TERM\n"
        f"sleep 600 & echo $! > {tmp_path}/child.new; mv {tmp_path}/child.new {tmp_path}/child; echo begun >&2\nwait"
    )
    env = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen([sys.executable, "-c", STOPPED], stdout=subprocess.PIPE, text=True, env=env) as ours:
        while not (tmp_path / "child").exists():
            assert ours.poll() is None
        ours.send_signal(signal.SIGTERM)
        assert ours.communicate()[0] == "stopped\n"
    assert (tmp_path / "end").read_text() == "cleared\n"
    child = int((tmp_path / "child").read_text())
    assert not _runs(child)


def _runs(process: int) -> bool:
    status = Path(f"/proc/{process}/status")
    return status.exists() and "State:\tZ" not in status.read_text()
