"""A container that somebody else built: pulled before it is started, by whichever engine works here."""

import pytest

from slipway.errors import SlipwayError
from slipway.images import engines

IMAGE = f"registry.example/leaves@sha256:{'ab' * 32}"


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put an engine on the PATH, alone, that notes how it is called and does what `script` says; gives the calls."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("SLIPWAY_ENGINE", "SLIPWAY_RUN_OPTIONS"):
        monkeypatch.delenv(name, raising=False)

    def made(name, script):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n{script}\nexit 0\n')
        program.chmod(0o755)
        return lambda: (tmp_path / "calls").read_text().splitlines()

    return made


HAS_NOT = 'case "$1 $2" in "image inspect") exit 1;; esac\n'
ENDS = "case $1 in run) echo it has ended; exit 1;; esac\n"
CONFIG = '{"OCIv1": {"config": {"Entrypoint": ["serve"], "Cmd": ["leaves"], "User": "65532"}}}'
TELLS = f"case $1 in inspect) echo '{CONFIG}';; esac\n"


def serve():
    with (
        pytest.raises(SlipwayError, match="it has ended"),
        engines.serve(IMAGE, model_id="leaves/dev/1", release="dev"),
    ):
        pass


@pytest.mark.parametrize("name", ["docker", "podman"])
def test_an_image_that_is_not_here_is_pulled_first(install, name):
    """The time for a start is for the start alone."""
    calls = install(name, HAS_NOT + ENDS)
    serve()
    words = [call.split() for call in calls()]
    pulled = words.index(["pull", "--quiet", IMAGE])
    (started,) = [at for at, call in enumerate(words) if call[0] == "run"]
    assert pulled < started
    assert {"--env=MODEL_ID=leaves/dev/1", "--env=RELEASE=dev", "--env=PORT=8080", "--read-only"} <= {*words[started]}


def test_an_image_that_is_here_is_not_pulled(install):
    """It is known by its digest; the registry need not be there."""
    calls = install("docker", ENDS)
    serve()
    assert not [call for call in calls() if call.startswith("pull")]


def test_buildah_is_told_what_the_image_starts(install):
    """It is pulled first here, too, and the container is removed when it has ended."""
    calls = install("buildah", TELLS + ENDS)
    serve()
    words = [call.split() for call in calls()]
    assert [call[0] for call in words] == ["info", "pull", "inspect", "from", "run", "rm"]
    assert words[4][-2:] == ["serve", "leaves"]
    assert words[3][-2] == words[5][-1]


def test_who_the_container_runs_as(install):
    """As the image says."""
    install("buildah", TELLS)
    assert engines.user_of(IMAGE) == "65532"
