"""Tools, git, the images that are built from, and stores."""

import os
import subprocess
import urllib.request

import pytest


def test_git_that_is_not_ready(place, tmp_path, monkeypatch):
    """An absent identity, repository or tool is missing."""
    (tmp_path / "gitconfig").write_text("")
    for name in ("EMAIL", "GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"):
        monkeypatch.delenv(name, raising=False)
    assert any("git does not know who you are" in line for line in place.missing)
    (place.root / ".git").rename(tmp_path / "elsewhere")
    assert any("is not a git repository" in line and "git init" in line for line in place.missing)
    monkeypatch.setenv("PATH", str(tmp_path))
    said = place.missing
    assert any("tools: git is not installed" in line for line in said)
    assert any("kustomize is not installed → make tools" in line for line in said)


def test_an_engine_is_needed_with_a_registry(place, tmp_path, monkeypatch):
    """Without a registry no engine is needed."""
    assert any("no registry is set" in line for line in place.found("ok"))
    text = (place.root / "slipway.yaml").read_text()
    place.write("slipway.yaml", text.replace("namespace: slipway-test", "namespace: t, registry: ghcr.io/team"))
    git = tmp_path / "bin/git"
    git.parent.mkdir()
    git.symlink_to(subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip())
    monkeypatch.setenv("PATH", str(git.parent))
    assert any("no engine works here" in line for line in place.missing)


def test_a_base_image_that_can_change(place):
    """It is in order, with advice: a release pins what it builds."""
    text = (place.root / "slipway.yaml").read_text()
    place.write("slipway.yaml", text.replace("@sha256:" + "0" * 64, ""))
    assert place.missing == []
    assert any("the base image is python:3.11-slim → pin it" in line for line in place.found("ok"))


def test_stores(place, gcs_server, monkeypatch):
    """A bucket that does not answer is missing; the right to write is unknown, as reading does not show it."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_server)
    monkeypatch.setenv("SLIPWAY_STORE_TIMEOUT", "2")
    text = (place.root / "slipway.yaml").read_text()
    place.write("slipway.yaml", text.replace(".slipway/store/test", "gs://slipway-none/x"))
    assert any(line.startswith("stores: test: cannot list gs://slipway-none") for line in place.missing)
    request = urllib.request.Request(
        f"{gcs_server}/storage/v1/b", b'{"name": "slipway-none"}', {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request).close()
    assert not any(line.startswith("stores") for line in place.missing)
    assert [line for line in place.found("unknown") if line.startswith("stores: test: whether gs://slipway-none/x can")]
    assert [line.split(" → ")[0] for line in place.missing] == [
        "github: the variable GCP_SERVICE_ACCOUNT is not set",
        "github: the variable GCP_SERVICE_ACCOUNT_READER is not set",
        "github: the variable GCP_WORKLOAD_IDENTITY_PROVIDER is not set",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="who is root may write anywhere")
def test_a_store_that_cannot_be_written(place):
    """A directory without the right to write is missing."""
    (place.root / ".slipway").mkdir(mode=0o500)
    assert any("cannot be written" in line for line in place.missing)
