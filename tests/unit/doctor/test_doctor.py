"""What is missing is named, with what to do; what cannot be seen is not guessed."""

import os
import subprocess
import urllib.request

import pytest

from slipway.cli import main
from slipway.errors import SlipwayError
from tests.forge_server import ALL, Token
from tests.forge_server.fixtures import NAME, TOKEN
from tests.unit.doctor.conftest import CODE, DEPLOYING, OWNERS, RULES, RULESET, SHA


def test_nothing_is_missing(place, capsys):
    """One line for each thing, area by area; the exit status says so too."""
    assert main(["-C", str(place.root), "doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"{len(lines) - 1} ok, 0 missing, 0 unknown"
    areas = [line.split()[1] for line in lines[:-1]]
    assert list(dict.fromkeys(areas)) == ["tools:", "git:", "settings:", "stores:", "files:", "github:"]
    assert "ok       github: the bot's App may pass the ruleset 'main'" in lines


def test_something_is_missing(place, capsys):
    """It is told on its line with what to do, and the exit status is 1."""
    place.git("remote", "remove", "origin")
    assert main(["-C", str(place.root), "doctor"]) == 1
    line = "missing  git: there is no remote called origin: nothing can be pushed → git remote add origin URL"
    assert line in capsys.readouterr().out.splitlines()


def test_nothing_is_changed(place, on_github):
    """Neither here nor there."""
    before = sorted(place.root.rglob("*"))
    place.found("ok")
    assert sorted(place.root.rglob("*")) == before
    assert {request.split()[0] for request in on_github.requests} == {"GET"}


def test_no_settings(place):
    """Without the file there is nothing to look at; with a wrong one the rest cannot be told."""
    place.write("slipway.yaml", "environments: {test: {stroe: x}}\n")
    assert [line.split(":")[0] for line in place.missing] == ["settings"]
    (place.root / "slipway.yaml").unlink()
    with pytest.raises(SlipwayError, match=r"there is no slipway\.yaml"):
        place.found("ok")


def test_git_that_is_not_ready(place, tmp_path, monkeypatch):
    """No identity, no repository, no tools."""
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
    """And only then."""
    assert any("no registry is set" in line for line in place.found("ok"))
    text = (place.root / "slipway.yaml").read_text()
    place.write("slipway.yaml", text.replace("namespace: slipway-test", "namespace: t, registry: ghcr.io/team"))
    git = tmp_path / "bin/git"
    git.parent.mkdir()
    git.symlink_to(subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip())
    monkeypatch.setenv("PATH", str(git.parent))
    assert any("no engine works here" in line for line in place.missing)


def test_a_base_image_that_can_change(place):
    """Is advice: a release pins what it builds."""
    text = (place.root / "slipway.yaml").read_text()
    place.write("slipway.yaml", text.replace("@sha256:" + "0" * 64, ""))
    assert place.missing == []
    assert any("the base image is python:3.11-slim → pin it" in line for line in place.found("ok"))


def test_stores(place, gcs_server, monkeypatch):
    """A bucket that is not there or does not answer is missing; whether one takes more cannot be told by reading."""
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
    """A directory without the right to."""
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
    """As GitHub reads it: the last line that matches counts, a line without an owner frees what it matches."""
    place.write(".github/CODEOWNERS", text)
    assert [line.split(":")[1].split()[2] for line in place.missing] == bad


def test_owners_who_are_not_named_yet(place):
    """The file as it comes has to be filled in; without one anybody approves anything."""
    place.write(".github/CODEOWNERS", OWNERS.replace("@team/approvers", "@OWNER/approvers"))
    assert [line.split(" → ")[0] for line in place.missing] == [
        "files: overlays/prod/ is owned by @OWNER/approvers, whom nobody has named yet"
    ]
    (place.root / ".github/CODEOWNERS").unlink()
    assert any("there is no .github/CODEOWNERS" in line for line in place.missing)


def test_owners_of_what_is_there_too(place):
    """A line that frees one model of prod is found once it has a file."""
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
def test_actions(place, uses, good):
    """Named by commit or of this repository, in workflows and in actions of one's own."""
    place.write(".github/actions/setup/action.yaml", f"runs: {{using: composite, steps: [{{uses: '{uses}'}}]}}\n")
    expected = [] if good else [f"files: {uses} in .github/actions/setup/action.yaml is no commit"]
    assert [line.split(": whoever")[0] for line in place.missing] == expected


def test_a_workflow_that_is_no_yaml(place):
    """Cannot be looked at."""
    place.write(".github/workflows/bad.yml", "a: [\n")
    assert any(".github/workflows/bad.yml cannot be read as YAML" in line for line in place.missing)


ANYBODY = {
    "type": "required_status_checks",
    "parameters": {"required_status_checks": [{"context": "ci"}], "strict_required_status_checks_policy": True},
}


def without(kind):
    return [RULESET | {"rules": [rule for rule in RULES if rule["type"] != kind]}]


@pytest.mark.parametrize(
    ("rulesets", "says"),
    [
        (without("pull_request"), ["takes pushes of anybody", "takes what no owner approved"]),
        (without("required_status_checks"), ["does not take the check ci", "takes what is behind it"]),
        (without("non_fast_forward"), ["can be force-pushed"]),
        (without("deletion"), ["can be deleted"]),
        ([RULESET | {"rules": [*RULES[1:], {"type": "pull_request"}]}], ["takes what no owner approved"]),
        (
            [RULESET | {"rules": [RULES[0], ANYBODY, *RULES[2:]]}],
            ["takes a check ci of anybody who may write"],
        ),
        ([RULESET | {"bypass_actors": []}], ["the bot's App may not pass the ruleset 'main'"]),
        (
            [RULESET | {"bypass_actors": [{"actor_id": 78, "actor_type": "Integration"}]}],
            ["the bot's App may not pass the ruleset 'main'"],
        ),
        (
            [RULESET | {"bypass_actors": [{"actor_id": 77, "actor_type": "RepositoryRole"}]}],
            ["the bot's App may not pass the ruleset 'main'"],
        ),
        (
            [RULESET, RULESET | {"id": 6, "name": "more", "bypass_actors": []}],
            ["the bot's App may not pass the ruleset 'more'"],
        ),
    ],
)
def test_rules_of_the_branch(place, on_github, rulesets, says):
    """Each that is not there is named, and who commits releases has to pass every one of them."""
    on_github.states[NAME].rulesets = [*rulesets, DEPLOYING]
    found = place.missing
    assert len(found) == len(says)
    assert all(say in line and "Settings → Rules" in line for say, line in zip(says, found, strict=True))


@pytest.mark.parametrize("rulesets", [[], [RULESET | {"enforcement": "evaluate"}]], ids=["none", "not-enforced"])
def test_a_branch_without_rules(place, on_github, rulesets):
    """Everything is missing, but for the list of who may pass what is not there."""
    on_github.states[NAME].rulesets = [*rulesets, DEPLOYING]
    assert len(place.missing) == 6


@pytest.mark.parametrize(
    "rulesets", [[], [DEPLOYING | {"rules": [{"type": "creation"}]}], [DEPLOYING | {"enforcement": "evaluate"}]]
)
def test_whoever_may_push_gets_the_key(place, on_github, rulesets):
    """Nobody says who may push to a branch that the bot's environment is open for; main alone needs no such ruleset."""
    on_github.states[NAME].rulesets = [RULESET, *rulesets]
    [line] = place.missing
    assert "anybody who may write may push to deploy/**, and so gets the bot's key" in line
    on_github.states[NAME].environments["bot"]["branches"] = ["main"]
    assert place.missing == []


def test_the_classic_protection(place, on_github):
    """Counts as well, but no App may pass its checks."""
    state = on_github.states[NAME]
    state.rulesets = [DEPLOYING]
    state.protection["main"] = {
        "required_pull_request_reviews": {"require_code_owner_reviews": True},
        "required_status_checks": {"strict": True, "contexts": ["ci"], "checks": [{"context": "ci", "app_id": 15368}]},
        "allow_force_pushes": {"enabled": False},
        "allow_deletions": {"enabled": False},
    }
    assert [line.split(", whose")[0] for line in place.missing] == ["github: main is guarded by the classic protection"]


def test_what_the_token_may_not_see(place, on_github):
    """Is unknown, with the permission that it takes; nothing is said to be missing for that."""
    on_github.states[NAME].rulesets = [*without("deletion"), DEPLOYING]
    on_github.tokens[TOKEN] = Token(permissions={"metadata": "read", "contents": "read"})
    assert place.missing == []
    found = place.found("unknown")
    wanted = ["secrets: read", "environments: read", "actions: read", "administration: read", "administration: write"]
    for permission in wanted:
        assert any(permission in line for line in found), permission
    assert any("no ruleset says that main cannot be deleted; its protection cannot be read" in line for line in found)


@pytest.mark.parametrize("permissions", [ALL, ALL | {"administration": "read"}], ids=["write", "read"])
def test_the_token_of_an_administrator(place, on_github, permissions):
    """Sees all of it; who may only read sees all but who may pass."""
    on_github.tokens[TOKEN] = Token("ada", "User", permissions)
    assert len(place.found("missing", "unknown")) == (permissions is not ALL)


def test_no_token_or_no_answer(place, on_github, monkeypatch):
    """One line says that GitHub was not asked, and what it takes."""
    monkeypatch.setenv("GITHUB_TOKEN", "")
    assert [line for line in place.found("unknown") if "gh auth token" in line]
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    on_github.tokens["another"] = Token()
    assert [line for line in place.found("unknown") if "Bad credentials" in line]
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:9")
    assert [line for line in place.found("unknown") if "127.0.0.1" in line]


def test_what_workflows_may_do(place, on_github):
    """The defaults of old repositories are too much."""
    on_github.states[NAME].workflow = {
        "default_workflow_permissions": "write",
        "can_approve_pull_request_reviews": True,
    }
    assert [line.split(" → ")[0] for line in place.missing] == [
        "github: workflows may write all, unless a job says less",
        "github: workflows may approve pull requests",
    ]


def test_variables_and_secrets(place, on_github):
    """Are found on any page of them, and only their names are told."""
    bot = on_github.states[NAME].environments["bot"]
    bot["variables"] = {f"A{number}": "7" for number in range(70)} | {"SLIPWAY_APP_ID": "77"}
    bot["secrets"] = [f"A{number}" for number in range(130)] + ["SLIPWAY_APP_PRIVATE_KEY"]
    assert place.missing == []
    bot["variables"], bot["secrets"] = {}, []
    assert [line.rpartition(": ")[2] for line in place.missing] == [
        "gh variable set SLIPWAY_APP_ID --env bot",
        "gh secret set SLIPWAY_APP_PRIVATE_KEY --env bot",
    ]


def test_a_key_that_any_branch_may_read(place, on_github):
    """A secret of the repository is given to whatever anybody pushes."""
    on_github.states[NAME].secrets = ["SLIPWAY_APP_PRIVATE_KEY"]
    [line] = place.missing
    assert "is the repository's own: a workflow of any branch may read it" in line


@pytest.mark.parametrize("name", ["prod", "bot"])
@pytest.mark.parametrize(
    ("branches", "says"),
    [
        ("protected", ""),
        (["main"], ""),
        (None, "any branch may use the environment NAME of Actions"),
        (["main", "*"], "the environment NAME of Actions may be used by *"),
        (["main", "release/**"], "the environment NAME of Actions may be used by release/**"),
    ],
)
def test_environments_of_actions(place, on_github, name, branches, says):
    """Only some branches may use them."""
    on_github.states[NAME].environments[name]["branches"] = branches
    found = place.missing
    assert len(found) == (1 if says else 0)
    assert all(says.replace("NAME", name) in line and f"Environments → {name}" in line for line in found)


def test_environments_of_actions_that_are_not_there(place, on_github):
    """Are told, and what they would keep is not asked for."""
    on_github.states[NAME].environments = {}
    assert [line.split(" → ")[0] for line in place.missing] == [
        "github: there is no environment prod of Actions",
        "github: there is no environment bot of Actions",
    ]


def test_production_is_for_one_branch(place, on_github):
    """What may release may not act for production."""
    on_github.states[NAME].environments["prod"]["branches"] = ["main", "deploy/**"]
    [line] = place.missing
    assert "the environment prod of Actions may be used by deploy/**" in line


def test_owners_whom_github_does_not_know(place, on_github):
    """A line that GitHub passes over guards nothing."""
    error = {"line": 2, "kind": "Unknown owner", "path": ".github/CODEOWNERS", "suggestion": "make sure @ada exists"}
    on_github.states[NAME].codeowners_errors = [error]
    said = "github: .github/CODEOWNERS, line 2: GitHub says: Unknown owner → make sure @ada exists"
    assert place.missing == [said]
