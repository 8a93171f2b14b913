"""Which engine makes the images, and what it is told."""

import pytest

from slipway.errors import SlipwayError
from slipway.release import engines


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A PATH with nothing on it but what a test puts there."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("SLIPWAY_ENGINE", "SLIPWAY_BUILD_OPTIONS", "SLIPWAY_PUSH_OPTIONS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def install(path, name, script):
    """Put a program on the PATH that notes how it was called and then does what `script` says."""
    program = path / name
    program.write_text(f'#!/bin/sh\necho "$@" >> {path}/calls\n{script}\n')
    program.chmod(0o755)


def test_a_client_without_an_engine_is_no_engine(path):
    """Docker's client alone is passed over for the engine that works."""
    install(path, "docker", "exit 1")
    install(path, "buildah", "exit 0")
    assert engines.find().name == "buildah"


def test_without_any_engine_the_message_says_what_to_install(path):
    """Nothing on the PATH works: what would, and how to do without."""
    install(path, "docker", "exit 1")
    with pytest.raises(SlipwayError, match="no engine works here") as caught:
        engines.find()
    assert "install docker with buildx, podman or buildah" in caught.value.fix


def test_an_engine_can_be_chosen_and_has_to_work(path, monkeypatch):
    """`SLIPWAY_ENGINE` goes before the order, is never replaced by another, and a typo is named."""
    install(path, "docker", "exit 0")
    install(path, "podman", "exit 0")
    monkeypatch.setenv("SLIPWAY_ENGINE", "podman")
    assert engines.find().name == "podman"
    monkeypatch.setenv("SLIPWAY_ENGINE", "buildah")
    with pytest.raises(SlipwayError, match="no engine works here: buildah"):
        engines.find()
    monkeypatch.setenv("SLIPWAY_ENGINE", "podmann")
    with pytest.raises(SlipwayError, match="podmann") as caught:
        engines.find()
    assert caught.value.fix == "did you mean 'podman'?"


def test_a_build_gets_its_arguments_and_the_machines_options(path, monkeypatch):
    """Options of the machine are read as a shell reads them, and stand before the context."""
    install(path, "buildah", "exit 0")
    monkeypatch.setenv("SLIPWAY_BUILD_OPTIONS", "--volume '/a b:/c'")
    engines.Buildah().build(path / "context", "registry.example/iris:1", {"MODEL": "iris"})
    assert (path / "calls").read_text().strip() == (
        f"build --layers --build-arg MODEL=iris --volume /a b:/c --tag registry.example/iris:1 {path}/context"
    )


@pytest.mark.parametrize(
    ("said", "fix"),
    [
        ("unauthorized: authentication required", "log in with the right to push: buildah login registry.example"),
        ("dial tcp: lookup registry.example: no such host", "can be reached from here"),
        ("manifest invalid", ""),
    ],
)
def test_a_registry_that_refuses_is_told_with_what_to_do(path, said, fix):
    """The engine's own words come with the step that mends it, where that is known."""
    install(path, "buildah", f"echo '{said}' >&2; exit 125")
    with pytest.raises(SlipwayError, match=said.split(":")[0]) as caught:
        engines.Buildah().push("registry.example/team/iris:1")
    assert fix in caught.value.fix


def test_a_push_gives_the_digest_in_the_registry(path):
    """The digest is the one that the engine writes after the push; a registry on this machine needs no certificate."""
    digest = f"sha256:{'ab' * 32}"
    install(
        path,
        "podman",
        f'for last in "$@"; do [ "$before" = --digestfile ] && echo {digest} > "$last"; before=$last; done',
    )
    assert engines.Podman().push("localhost:5000/iris:1") == digest
    assert "--tls-verify=false" in (path / "calls").read_text()
    assert engines.Podman().push("registry.example/iris:1") == digest
    assert "--tls-verify=false" not in (path / "calls").read_text().splitlines()[-1]


def test_an_image_that_ends_at_once_says_so(path):
    """A container that stops before it is ready is an error with its last words, not a wait."""
    install(path, "docker", 'echo \'{"severity": "CRITICAL", "message": "a digest is wrong"}\'; exit 1')
    with pytest.raises(SlipwayError, match="a digest is wrong"), engines.Docker().run("iris:1"):
        pass
