"""Engines make images and run them; one that works is chosen."""

import re

import pytest

from slipway.errors import SlipwayError
from slipway.images import engines


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A PATH that holds only the programs of the test."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("SLIPWAY_ENGINE", "SLIPWAY_BUILD_OPTIONS", "SLIPWAY_PUSH_OPTIONS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


IMAGE = f"sha256:{'cd' * 32}"
DIGEST = f"sha256:{'ab' * 32}"


def write_after(option, text):
    """Return a script that writes `text` to the file of an option, as engines write ids and digests."""
    return f'for word in "$@"; do [ "$before" = {option} ] && echo {text} > "$word"; before=$word; done; exit 0'


def install(path, name, script):
    """Put a program on the PATH that logs its arguments and then runs `script`."""
    program = path / name
    program.write_text(f'#!/bin/sh\necho "$@" >> {path}/calls\n{script}\n')
    program.chmod(0o755)


def test_docker_client_without_a_daemon_is_passed_over(path):
    """The next engine that works is taken."""
    install(path, "docker", "exit 1")
    install(path, "buildah", "exit 0")
    assert engines.find().name == "buildah"


def test_missing_engine_is_an_error_with_a_fix(path):
    """The fix names engines to install, and how to do without."""
    install(path, "docker", "exit 1")
    with pytest.raises(SlipwayError, match="no engine works here") as caught:
        engines.find()
    assert "install docker with buildx, podman or buildah" in caught.value.fix


def test_chosen_engine_has_to_work(path, monkeypatch):
    """`SLIPWAY_ENGINE` goes before the order. No other engine replaces it, and a typo is named."""
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


def test_build_gets_its_base_its_labels_and_the_machine_s_options(path, monkeypatch):
    """Options are read as by a shell. The image gets a fixed time and no name."""
    install(path, "buildah", write_after("--iidfile", IMAGE))
    monkeypatch.setenv("SLIPWAY_BUILD_OPTIONS", "--volume '/a b:/c'")
    built = engines.Buildah().build(path / "context", "function", "python:3.12", {"title": "iris"})
    assert built == IMAGE
    (call,) = (path / "calls").read_text().splitlines()
    call = re.sub(r"--iidfile \S+", "--iidfile FILE", re.sub("slipway-[0-9a-f]{16}", "MARK", call))
    assert call == (
        "build --layers --force-rm --timestamp 315532800 --target function"
        " --add-host MARK:127.0.0.1 --build-arg=BASE_IMAGE=python:3.12"
        f" --label=title=iris --volume /a b:/c --iidfile FILE {path}/context"
    )


def test_docker_gives_images_a_fixed_time(path):
    """It adds no attestation, which would make a list of the image."""
    install(path, "docker", f'echo "$SOURCE_DATE_EPOCH $BUILDX_NO_DEFAULT_ATTESTATIONS" >> {path}/told')
    with pytest.raises(FileNotFoundError):
        engines.Docker().build(path, "train", "python:3.12", {})
    assert (path / "told").read_text() == "315532800 1\n"
    assert "--load --target train" in (path / "calls").read_text()


def test_push_returns_the_digest_in_the_registry(path):
    """A registry on this machine needs no certificate."""
    install(path, "podman", write_after("--digestfile", DIGEST))
    assert engines.Podman().push(IMAGE, "localhost:5000/iris:1") == DIGEST
    assert "--tls-verify=false" in (path / "calls").read_text()
    assert f"tag {IMAGE} localhost:5000/iris:1" in (path / "calls").read_text()
    assert engines.Podman().push(IMAGE, "registry.example/iris:1") == DIGEST
    assert "--tls-verify=false" not in "".join((path / "calls").read_text().splitlines()[-2:])


@pytest.mark.parametrize(
    ("engine", "said", "calls"),
    [
        (
            engines.Docker(),
            f"Loaded image ID: {IMAGE}",
            [f"save --output FILE {IMAGE}", "load --quiet --input FILE"],
        ),
        (
            engines.Podman(),
            f"Loaded image: {IMAGE}",
            [f"save --quiet --format oci-archive --output FILE {IMAGE}", "load --quiet --input FILE"],
        ),
        (
            engines.Buildah(),
            IMAGE,
            [f"push --quiet {IMAGE} oci-archive:FILE", "pull --quiet oci-archive:FILE"],
        ),
    ],
    ids=lambda each: each.name if isinstance(each, engines.Engine) else "",
)
def test_an_image_goes_through_a_file(path, engine, said, calls):
    """It comes back under its id, and without a name."""
    install(path, engine.name, f"echo '{said}'")
    engine.save(IMAGE, path / "image.tar")
    assert engine.load(path / "image.tar") == IMAGE
    assert (path / "calls").read_text().replace(str(path / "image.tar"), "FILE").splitlines() == calls


def test_a_file_without_an_image_is_an_error(path):
    """The words of the engine are shown."""
    install(path, "docker", "echo 'nothing here'")
    with pytest.raises(SlipwayError, match="nothing here"):
        engines.Docker().load(path / "image.tar")


def test_docker_names_an_image_only_when_it_is_pushed(path):
    """The digest comes from docker's names for the image."""
    install(path, "docker", f"case $1 in image) echo '[\"registry.example/iris@{DIGEST}\"]';; esac")
    assert engines.Docker().push(IMAGE, "registry.example/iris:1") == DIGEST
    assert (path / "calls").read_text().splitlines()[:2] == [
        f"tag {IMAGE} registry.example/iris:1",
        "push --quiet registry.example/iris:1",
    ]


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("registry.example/iris:1", "registry.example/iris"),
        ("registry.example:5000/iris", "registry.example:5000/iris"),
        ("docker.io/team/iris:1", "team/iris"),
    ],
)
def test_digest_of_another_repository_is_not_taken(path, tag, name):
    """Docker may know an image by the names of several repositories."""
    other = f"sha256:{'ef' * 32}"
    known = f'["old.example/iris@{other}", "{name}-other@{other}", "{name}@{DIGEST}"]'
    install(path, "docker", f"case $1 in image) echo '{known}';; esac")
    assert engines.Docker().push(IMAGE, tag) == DIGEST
    install(path, "docker", f"case $1 in image) echo '[\"old.example/iris@{other}\"]';; esac")
    with pytest.raises(SlipwayError, match="the engine names no digest for it"):
        engines.Docker().push(IMAGE, tag)


def test_refused_push_leaves_no_name(path):
    """When the registry refuses, the image has no name on this machine."""
    install(path, "buildah", "case $1 in push) echo denied >&2; exit 125;; esac")
    with pytest.raises(SlipwayError, match="denied"):
        engines.Buildah().push(IMAGE, "registry.example/iris:1")
    assert "tag " not in (path / "calls").read_text()


@pytest.mark.parametrize(
    ("engine", "program", "call"),
    [
        (engines.Docker(), "docker", "buildx imagetools inspect --raw R/iris@sha256:1"),
        (engines.Podman(), "podman", "manifest inspect R/iris@sha256:1"),
        (engines.Buildah(), "skopeo", "inspect --raw docker://R/iris@sha256:1"),
    ],
    ids=["docker", "podman", "buildah"],
)
def test_each_engine_asks_for_a_manifest_in_its_own_way(path, engine, program, call):
    """The manifest of the registry is returned as it is."""
    install(path, program, "echo '{}'")
    assert engine.manifest("R/iris@sha256:1").strip() == "{}"
    assert (path / "calls").read_text().strip() == call


def test_buildah_without_skopeo_knows_no_manifest(path):
    """Buildah itself shows only lists of images."""
    install(path, "buildah", "exit 1")
    assert engines.Buildah().manifest("R/iris@sha256:1") == ""


def test_failed_container_is_removed_by_its_own_name(path):
    """Simultaneous builds do not touch one another's containers."""
    install(path, "buildah", "case $1 in run) echo broken >&2; exit 1;; esac")
    for _ in range(2):
        with pytest.raises(SlipwayError, match="broken"):
            engines.Buildah().execute(IMAGE, ["python", "-c", "pass"])
    calls = (path / "calls").read_text()
    made, removed = re.findall(r"--name (\S+)", calls), re.findall(r"^rm (\S+)", calls, re.MULTILINE)
    assert made == removed
    assert len(set(made)) == 2


def test_image_that_ends_at_once_is_an_error(path):
    """The error gives the last words of the container, without a wait."""
    install(path, "docker", 'echo \'{"severity": "CRITICAL", "message": "a digest is wrong"}\'; exit 1')
    with pytest.raises(SlipwayError, match="a digest is wrong"), engines.Docker().run("iris:1"):
        pass


FOREIGN = f"registry.example/leaves@sha256:{'ab' * 32}"


@pytest.fixture
def only_engine(tmp_path, monkeypatch):
    """Return a function that puts one engine on the PATH, which logs its calls and runs a script."""
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
        engines.serve(FOREIGN, model_id="leaves/dev/1", release="dev"),
    ):
        pass


@pytest.mark.parametrize("name", ["docker", "podman"])
def test_missing_image_is_pulled_before_its_start(only_engine, name):
    """A pull does not use up the time for the start."""
    calls = only_engine(name, HAS_NOT + ENDS)
    serve()
    words = [call.split() for call in calls()]
    pulled = words.index(["pull", "--quiet", FOREIGN])
    (started,) = [at for at, call in enumerate(words) if call[0] == "run"]
    assert pulled < started
    assert {"--env=MODEL_ID=leaves/dev/1", "--env=RELEASE=dev", "--env=PORT=8080", "--read-only"} <= {*words[started]}


def test_present_image_is_not_pulled(only_engine):
    """A digest names it, so the registry is not needed."""
    calls = only_engine("docker", ENDS)
    serve()
    assert not [call for call in calls() if call.startswith("pull")]


def test_buildah_starts_the_entrypoint_of_the_image(only_engine):
    """The image is pulled first. The container is removed at the end."""
    calls = only_engine("buildah", TELLS + ENDS)
    serve()
    words = [call.split() for call in calls()]
    assert [call[0] for call in words] == ["info", "pull", "inspect", "from", "run", "rm"]
    assert words[4][-2:] == ["serve", "leaves"]
    assert words[3][-2] == words[5][-1]


def test_user_is_read_from_the_configuration_of_the_image(only_engine):
    only_engine("buildah", TELLS)
    assert engines.user_of(FOREIGN) == "65532"
