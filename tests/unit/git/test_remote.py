"""Fetches and pushes with git as teams have it: hooks, kept headers, partial clones, branches in each other's way."""

import base64
import subprocess
from pathlib import Path

import pytest

from slipway.errors import SlipwayError
from slipway.git import Moved, Repository
from slipway.git.remote import Remote
from tests.forge_server.fixtures import NAME
from tests.forge_server.server import Forge
from tests.forge_server.state import Token
from tests.unit.git.conftest import git

BOUND = {"id": 7, "name": "main", "rules": [{"type": "pull_request"}], "bypass_actors": []}


@pytest.fixture
def root(on_github: Forge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Clone a remote with one file on `main`, whose pushes need the token of a bot that may bypass its rules."""
    monkeypatch.setenv("GITHUB_SERVER_URL", on_github.url)
    folder = tmp_path / "clone"
    git(tmp_path, "init", "--quiet", "--initial-branch=main", "clone")
    (folder / "file").write_text("content")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    git(folder, "push", "--quiet", str(on_github.bare(NAME).path), "main")
    git(folder, "remote", "add", "origin", on_github.clone_url(NAME))
    git(folder, "fetch", "--quiet")
    on_github.tokens["ghs_made_up"] = Token(bypass=True)
    on_github.tokens["of somebody"] = Token()
    return folder


def ahead(root: Path, text: str = "more") -> str:
    """Return a commit that follows the remote's main."""
    repository = Repository(root)
    return repository.record({"file": text.encode()}, "More", Remote(repository).fetch("main"))


def test_a_race_that_was_lost_past_a_ruleset(root: Path, forge: Forge) -> None:
    """The words on the bypassed rules do not make the lost race a refusal."""
    state = forge.repository(NAME)
    state.rulesets = [BOUND]
    remote, commit = Remote(Repository(root)), ahead(root)
    state.moving = 1
    with pytest.raises(Moved) as caught:
        remote.push(commit, "main")
    assert "Bypassed rule violations" in str(caught.value) and "rejected" in str(caught.value)
    remote.push(commit := ahead(root, "again"), "main")
    assert forge.bare(NAME).branch("main") == commit


def test_a_ruleset_that_binds(root: Path, forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the right to bypass, the error names the rules."""
    forge.repository(NAME).rulesets = [BOUND]
    monkeypatch.setenv("GITHUB_TOKEN", "of somebody")
    with pytest.raises(SlipwayError, match=r"which is protected:\n(.*\n)*.*GH013"):
        Remote(Repository(root)).push(ahead(root), "main")


@pytest.mark.parametrize("says", ["timed out", "Permission denied", "protected branch", "! [rejected] (fetch first)"])
def test_a_hook_that_stops_a_push(root: Path, forge: Forge, says: str) -> None:
    """The error is of the hook, whatever it prints, and the push is not tried again."""
    hook = root / ".git/hooks/pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\necho ran >> {root}/ran\ngit rev-parse nothing\necho '{says}' >&2\nexit 1\n")
    hook.chmod(0o755)
    before = forge.bare(NAME).branch("main")
    with pytest.raises(SlipwayError, match="the hook pre-push of this clone stops the push") as caught:
        Remote(Repository(root)).push(ahead(root), "main")
    assert says in str(caught.value) and (root / "ran").read_text() == "ran\n"
    assert forge.bare(NAME).branch("main") == before
    hook.write_text("#!/bin/sh\nfalse\nexit 0\n")
    Remote(Repository(root)).push(commit := ahead(root), "main")
    assert forge.bare(NAME).branch("main") == commit


@pytest.mark.parametrize("kept", ["http.extraheader", "http.{}/.extraheader", "http.{}/team/models.extraheader"])
def test_a_header_that_the_checkout_keeps(root: Path, forge: Forge, kept: str) -> None:
    """Git sends one header, and it is that of the token which was given."""
    secret = base64.b64encode(b"x-access-token:of somebody").decode()
    git(root, "config", kept.format(forge.url), f"AUTHORIZATION: basic {secret}")
    forge.repository(NAME).rulesets = [BOUND]
    Remote(Repository(root)).push(commit := ahead(root), "main")
    assert forge.bare(NAME).branch("main") == commit


def test_configuration_by_variables_is_kept(root: Path, forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token is added to what GIT_CONFIG_COUNT has already."""
    git(root, "remote", "set-url", "origin", "short:team/models.git")
    for name, text in {"COUNT": "1", "KEY_0": f"url.{forge.url}/.insteadOf", "VALUE_0": "short:"}.items():
        monkeypatch.setenv(f"GIT_CONFIG_{name}", text)
    Remote(Repository(root)).push(commit := ahead(root), "main")
    assert forge.bare(NAME).branch("main") == commit


@pytest.mark.parametrize("kind", ["--filter=blob:none", pytest.param("--filter=tree:0", marks=pytest.mark.long(10))])
def test_a_partial_clone(root: Path, forge: Forge, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads by the token; without one, an error says so at once, and nothing seems empty."""
    forge.repository(NAME).private = True
    subprocess.run(["git", "-C", forge.bare(NAME).path, "config", "uploadpack.allowFilter", "true"], check=True)
    for name in ("read", "blind"):
        url = forge.clone_url(NAME, "ghs_made_up")
        git(root.parent, "clone", "--quiet", "--no-checkout", kind, url, name)
        git(root.parent / name, "remote", "set-url", "origin", forge.clone_url(NAME))
    part = Repository(root.parent / "read")
    assert part.read([f"{part.latest()}:file"]) == {f"{part.latest()}:file": b"content"}
    monkeypatch.delenv("GITHUB_TOKEN")
    blind = Repository(root.parent / "blind")
    with pytest.raises(SlipwayError, match="terminal prompts disabled") as caught:
        blind.read([f"{blind.latest()}:file"])
    assert "--filter" in caught.value.fix


@pytest.mark.parametrize(("old", "new"), [("hold", "hold/prod/iris"), ("hold/prod/iris", "hold"), ("a/b", "a/b/c")])
def test_a_branch_in_the_place_of_a_deleted_one(root: Path, forge: Forge, old: str, new: str) -> None:
    """What this clone remembers of a deleted branch is in the way of no other one, for fetches and pushes."""
    remote, commit = Remote(Repository(root)), ahead(root)
    for fetched in (False, True):
        remote.replace(commit, old, None)
        assert git(root, "for-each-ref", f"refs/remotes/origin/{old}")
        forge.bare(NAME).git("update-ref", "-d", f"refs/heads/{old}")
        if fetched:
            forge.bare(NAME).git("update-ref", f"refs/heads/{new}", commit)
            assert remote.find(new) == commit
        else:
            remote.replace(commit, new, None)
        assert git(root, "rev-parse", f"refs/remotes/origin/{new}") == commit
        forge.bare(NAME).git("update-ref", "-d", f"refs/heads/{new}")
        assert remote.find(new) is None


def test_a_branch_in_the_way_there(root: Path, forge: Forge) -> None:
    """The error names the branch, which somebody has to delete."""
    forge.bare(NAME).git("update-ref", "refs/heads/hold", "main")
    with pytest.raises(SlipwayError, match=r"refuses the push to hold/prod/iris:(\n.*)*refs/heads/hold'") as caught:
        Remote(Repository(root)).replace(ahead(root), "hold/prod/iris", None)
    assert "delete the branch" in caught.value.fix
