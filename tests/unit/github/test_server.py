"""The server that stands in for GitHub: git over HTTP, and the effects of pushes and merges."""

import json
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

from slipway.errors import SlipwayError
from slipway.github.api import connect
from tests.forge_server import ALL, Token
from tests.forge_server.fixtures import NAME, TOKEN

RULESET = {
    "id": 5,
    "name": "main",
    "enforcement": "active",
    "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}},
    "rules": [{"type": "pull_request", "parameters": {}}, {"type": "deletion"}],
    "bypass_actors": [{"actor_id": 77, "actor_type": "Integration", "bypass_mode": "always"}],
}


def test_a_branch_that_moves_meanwhile(clone, on_github):
    """The given number of pushes is refused because somebody else was first, and that commit stays."""
    on_github.states[NAME].moving = 2
    clone.commit()
    for _ in range(2):
        done = clone.push()
        assert done.returncode == 1 and "[remote rejected] main -> main" in done.stderr
        clone.git("pull", "--quiet", "--rebase", "origin", "main")
    assert clone.push().returncode == 0
    assert clone.git("log", "--format=%an", "origin/main").split("\n") == ["Ada", "GitHub", "GitHub", "Ada"]


def test_many_pushes_at_once(clone, on_github, tmp_path):
    """Of pushes on top of the same commit one lands. Pushes to different branches all land."""
    codes = {}
    for number in range(6):
        subprocess.run(["git", "clone", "--quiet", clone.root, str(tmp_path / f"c{number}")], check=True)

    def push(number: int) -> None:
        root = tmp_path / f"c{number}"
        for arguments in (
            ["commit", "--quiet", "--allow-empty", "-m", f"{number}"],
            ["push", on_github.clone_url(NAME, TOKEN), "HEAD:main"],
            ["push", on_github.clone_url(NAME, TOKEN), f"HEAD:own{number}"],
        ):
            done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False)
            codes[number, arguments[-1]] = done.returncode

    threads = [threading.Thread(target=push, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes[number, "HEAD:main"] for number in range(6)) == [0, 1, 1, 1, 1, 1]
    assert all(codes[number, f"HEAD:own{number}"] == 0 for number in range(6))


def test_a_protected_branch(clone, on_github):
    """A push to a protected branch is refused in GitHub's words, unless the account is on the list."""
    state = on_github.states[NAME]
    state.protection["main"] = {}
    on_github.tokens[TOKEN] = Token()
    clone.commit()
    done = clone.push()
    assert done.returncode == 1
    assert "remote: error: GH006: Protected branch update failed for refs/heads/main." in done.stderr
    assert clone.push("origin", "main:refs/heads/other").returncode == 0
    on_github.tokens[TOKEN].bypass = True
    assert clone.push().returncode == 0
    assert [push["accepted"] for push in state.pushes[-3:]] == [False, True, True]


def test_a_ruleset(clone, on_github):
    """A ruleset covers the branches that it names, and lets the Apps on its list pass."""
    on_github.states[NAME].rulesets = [RULESET]
    on_github.tokens[TOKEN] = Token(app_id=76)
    clone.commit()
    done = clone.push()
    assert "remote: error: GH013: Repository rule violations found for refs/heads/main." in done.stderr
    assert "remote: - Changes must be made through a pull request." in done.stderr
    assert "Cannot delete this branch" in clone.push("origin", ":main").stderr
    on_github.tokens[TOKEN].app_id = 77
    assert clone.push().returncode == 0
    on_github.tokens[TOKEN].app_id = 76
    on_github.states[NAME].rulesets = [RULESET | {"enforcement": "disabled"}]
    clone.commit(content="y\n")
    assert clone.push().returncode == 0


def test_who_may_push_and_read(clone, on_github, tmp_path):
    """A push needs a known token with write access. Only a private repository needs one for reading."""
    on_github.tokens |= {TOKEN: Token(permissions={"contents": "read"}), "ghs_good": Token()}
    clone.commit()
    said = clone.push().stderr
    assert "403" in said and f"Permission to {NAME}.git denied" in said
    for token in ("", "ghs_wrong"):
        assert clone.push(on_github.clone_url(NAME, token), "main").returncode != 0
    assert clone.push(on_github.clone_url(NAME, "ghs_good"), "main").returncode == 0
    anonymous = ["git", "clone", "--quiet", on_github.clone_url(NAME)]
    assert subprocess.run([*anonymous, tmp_path / "a"], capture_output=True, check=False).returncode == 0
    on_github.states[NAME].private = True
    assert subprocess.run([*anonymous, tmp_path / "b"], capture_output=True, check=False).returncode != 0


def test_a_large_push(clone):
    """A large push, which git sends in chunks, lands."""
    (clone.root / "large").write_bytes(Path("/dev/urandom").open("rb").read(3_000_000))  # noqa: SIM115
    clone.commit()
    assert clone.push().returncode == 0


def test_a_merge_is_real(github, clone, on_github):
    """A merge is a commit of two parents on the base. A conflict cannot be merged."""
    clone.propose("one", "file")
    second = clone.propose("two", "other")
    clone.git("switch", "--quiet", "--create", "three", "main")
    clone.commit("file", "against one\n")
    clone.git("push", "--quiet", "origin", "three")
    for branch in ("one", "two", "three"):
        github.propose(branch, "main", f"Title of {branch}", "")
    remote = github._api.get_repo(NAME)
    on_github.states[NAME].delete_branch_on_merge = True
    remote.get_pull(1).merge()
    with pytest.raises(Exception, match="Head branch was modified"):
        remote.get_pull(2).merge(sha=clone.git("rev-parse", "main"))
    remote.get_pull(2).merge(sha=second)
    with pytest.raises(Exception, match="not mergeable"):
        remote.get_pull(3).merge()
    clone.git("fetch", "--quiet", "--prune", "origin")
    log = clone.git("log", "--first-parent", "--format=%s|%b|%p", "origin/main").split("\n")
    assert log[0].startswith("Merge pull request #2 from team/two|Title of two")
    assert clone.git("ls-tree", "--name-only", "origin/main").split() == ["file", "other", "readme"]
    assert clone.git("branch", "--remotes", "--format=%(refname:lstrip=3)").split() == ["main", "three"]


def test_pushes_change_pull_requests(github, clone):
    """A push updates its pull request, deleting the branch closes it, and pushing its commits to the base merges it."""
    clone.propose("change")
    clone.propose("gone")
    github.propose("change", "main", "One", "")
    github.propose("gone", "main", "Two", "")
    clone.git("switch", "--quiet", "change")
    new = clone.commit("more")
    clone.git("push", "--quiet", "origin", "change", ":gone")
    assert (github.pull_from("change").head, github.pull_from("gone").state) == (new, "closed")
    clone.git("push", "--quiet", "origin", "change:main")
    assert github.pull_from("change").state == "merged"


def test_a_branch_is_removed(github, clone):
    """The API deletes a branch, as after a merge."""
    clone.propose("change")
    github.propose("change", "main", "One", "")
    github._api.requester.requestJsonAndCheck("DELETE", f"/repos/{NAME}/git/refs/heads/change")
    assert github.pull_from("change").state == "closed"
    with pytest.raises(SlipwayError, match="head invalid"):
        github.propose("change", "main", "One", "")


def test_rights_are_told_apart(github, on_github):
    """Each path needs its own permission. Only administrators see who may pass a ruleset."""
    on_github.states[NAME].rulesets = [RULESET]
    on_github.tokens[TOKEN] = Token(permissions={})
    assert [rule["ruleset_id"] for rule in github.read("rules", "metadata: read", "rules/branches/main")] == [5, 5]
    assert "bypass_actors" not in github.read("a ruleset", "metadata: read", "rulesets/5")
    for path in ("actions/variables", "actions/secrets", "actions/permissions/workflow", "branches/main/protection"):
        with pytest.raises(SlipwayError, match="not accessible by integration"):
            github.read("it", "x: read", path)
    on_github.tokens[TOKEN] = Token(permissions=ALL)
    assert github.read("a ruleset", "administration: write", "rulesets/5")["bypass_actors"]


def test_as_a_program(tmp_path, monkeypatch, people, clone):  # noqa: ARG001
    """The program is set up by a file or over HTTP, and shows its state."""
    (tmp_path / "state.json").write_text(json.dumps({"repositories": {NAME: {"moving": 1}}}))
    command = [sys.executable, "-m", "tests.forge_server", "--root", str(tmp_path / "root")]
    with subprocess.Popen([*command, "--state", str(tmp_path / "state.json")], stdout=subprocess.PIPE) as server:
        try:
            url = server.stdout.readline().decode().strip()
            monkeypatch.setenv("GITHUB_API_URL", f"{url}/api/v3")
            for content in (b'{"tokens": {"made_up": {"login": "ada"}}}', b'{"repositories": {"team/other": {}}}'):
                urllib.request.urlopen(urllib.request.Request(f"{url}/_set", content)).close()
            monkeypatch.setenv("GITHUB_TOKEN", "made_up")
            assert connect().pull_from("main") is None
            with urllib.request.urlopen(f"{url}/_state") as answer:
                found = json.load(answer)
            assert sorted(found["repositories"]) == [NAME, "team/other"]
            assert found["repositories"][NAME]["moving"] == 1
            with pytest.raises(urllib.error.HTTPError, match="422"):
                urllib.request.urlopen(urllib.request.Request(f"{url}/_set", b'{"repositories": {"a/b": {"x": 1}}}'))
        finally:
            server.terminate()
