"""Tools, git, base images, stores, owners of files, and actions that are not pinned."""

import os
import re
import shutil
import subprocess
import urllib.request

import pytest

from slipway.cli.doctor import followed
from tests.unit.cli.doctor.conftest import CODE, OWNERS, SHA
from tests.unit.conftest import ROOT


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


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        (OWNERS, []),
        ("* @ada\n", []),
        ("*.yaml @ada\n" + OWNERS, []),
        (OWNERS.replace("/.github/", ".github/"), []),
        (OWNERS.replace("/manifests/", "/manifests"), []),
        (OWNERS.replace("/manifests/", "manifests/**"), []),
        (OWNERS.replace("/overlays/prod/", "/overlays/"), []),
        (OWNERS.replace("/overlays/prod/", "overlays/*/"), []),
        (OWNERS + "# nothing\n\n*.md\n", []),
        (OWNERS.replace("@ada", "@ada # and nobody else"), []),
        ("", ["overlays/prod/", "manifests/", "slipway.yaml", ".github/", *CODE]),
        *((OWNERS.replace(f"/{place} ", f"/{place}"), [place]) for place in ("src/", "Makefile")),
        (OWNERS.replace("/overlays/prod/", "/overlays/test/"), ["overlays/prod/"]),
        (OWNERS.replace("/overlays/prod/", "/overlays/prod/*"), ["overlays/prod/"]),
        (OWNERS.replace("/manifests/ @ada", "/manifests/"), ["manifests/"]),
        (OWNERS.replace("/manifests/ @ada", "/manifests/ ada"), ["manifests/"]),
        (OWNERS.replace("/manifests/ @ada", "#/manifests/ @ada"), ["manifests/"]),
        (OWNERS.replace("/slipway.yaml", "/model/slipway.yaml"), ["slipway.yaml"]),
        (OWNERS.replace("/slipway.yaml", "slipway?yaml"), []),
        (OWNERS + "*.yaml\n", ["manifests/function/kustomization.yaml", "slipway.yaml", ".github/workflows/ci.yaml"]),
        (OWNERS + "/.github/workflows/\n", [".github/workflows/ci.yaml"]),
        (OWNERS + "/.github/CODEOWNERS\n", [".github/CODEOWNERS"]),
        (OWNERS + "/overlays/prod/iris/\n", []),
    ],
)
def test_owners(place, text, bad):
    """CODEOWNERS is read as GitHub does: the last match counts, and a line may take the owner away."""
    place.write(".github/CODEOWNERS", text)
    assert [line.split(":")[1].split()[2] for line in place.missing] == bad


def test_placeholders_are_no_owners(place):
    """The file as it comes has to be filled in; without the file anybody may approve anything."""
    place.write(".github/CODEOWNERS", OWNERS.replace("@team/approvers", "@OWNER/approvers"))
    assert [line.split(" → ")[0] for line in place.missing] == [
        "files: overlays/prod/ is owned by @OWNER/approvers, whom nobody has named yet"
    ]
    (place.root / ".github/CODEOWNERS").unlink()
    assert any("there is no .github/CODEOWNERS" in line for line in place.missing)


def test_each_file_needs_an_owner(place):
    """A line that takes the owner from one model of prod is found once there is a file."""
    place.write(".github/CODEOWNERS", OWNERS + "/overlays/prod/iris/\n")
    place.write("overlays/prod/iris/route.yaml", "")
    assert any("nobody owns overlays/prod/iris/route.yaml" in line for line in place.missing)


@pytest.mark.parametrize(
    ("uses", "good"),
    [
        (f"a/b@{SHA}", True),
        (f"a/b/c/d@{SHA}", True),
        ("./.github/actions/setup", True),
        ("docker://alpine@sha256:" + "0" * 64, True),
        ("a/b@v4", False),
        ("a/b@main", False),
        (f"a/b@{SHA[:12]}", False),
        ("a/b", False),
        ("docker://alpine:3", False),
    ],
)
def test_actions_are_pinned(place, uses, good):
    """An action is named by commit, or is this repository's own, in workflows and in actions."""
    place.write(".github/actions/setup/action.yaml", f"runs: {{using: composite, steps: [{{uses: '{uses}'}}]}}\n")
    expected = [] if good else [f"files: {uses} in .github/actions/setup/action.yaml is no commit"]
    assert [line.split(": whoever")[0] for line in place.missing] == expected


def test_another_branch_than_workflows_follow(place):
    """Each line of a workflow that names another branch is told; patterns and workflows of others are not."""
    text = "on:\n  push:\n    branches: [main, 'deploy/*']\nref: refs/heads/main\nrun: slipway check # main\n"
    place.write(".github/workflows/own.yaml", text)
    place.write(".github/workflows/other.yaml", "on:\n  push:\n    branches: [pages]\n")
    assert place.missing == []
    place.write("slipway.yaml", (place.root / "slipway.yaml").read_text() + "\nbranch: trunk\n")
    told = [line for line in place.missing if "follows trunk" in line]
    assert [line.split(" ")[1] for line in told] == [f".github/workflows/own.yaml:{number}" for number in (3, 4)]


def test_the_workflows_that_come_along_follow_main(place):
    """The workflows of this repository name one branch, and all its names are found."""
    shutil.copytree(ROOT / ".github/workflows", place.root / ".github/workflows", dirs_exist_ok=True)
    assert next(iter(followed(place.root, "main"))).state == "ok"
    told = [finding.what for finding in followed(place.root, "trunk")]
    texts = [path.read_text() for path in (ROOT / ".github/workflows").glob("*.yaml")]
    written = re.findall(r"^[^#\n]*\bmain\b", "\n".join(texts), re.MULTILINE)
    assert len(told) >= len(written) > 5


def test_a_workflow_that_is_no_yaml(place):
    """It is missing, because it cannot be read."""
    place.write(".github/workflows/bad.yml", "a: [\n")
    assert any(".github/workflows/bad.yml cannot be read as YAML" in line for line in place.missing)


def test_a_folder_of_a_larger_repository(place):
    """It is refused with the reason: overlays, workflows and owners have their places at the top of a repository."""
    inner = place.root / "team/models"
    inner.mkdir(parents=True)
    for path in ("slipway.yaml", "model", "manifests", ".github"):
        (place.root / path).rename(inner / path)
    place.git("add", "--all")
    place.git("commit", "--quiet", "-m", "One folder among others")
    place.root = inner
    [line] = [line for line in place.missing if line.startswith("git:")]
    assert f"{inner} is not the top of its git repository" in line
    assert "keep slipway.yaml at the top of a repository of its own" in line
    assert len(place.missing) == 1
