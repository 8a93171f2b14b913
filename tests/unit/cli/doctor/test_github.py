"""GitHub: the rules of the branch, the rights of workflows, and the branches that get the keys of Actions."""

import pytest

from tests.forge_server import ALL, Token
from tests.forge_server.fixtures import NAME, TOKEN
from tests.unit.cli.doctor.conftest import DEPLOYING, RULES, RULESET

ANYBODY = {
    "type": "required_status_checks",
    "parameters": {"required_status_checks": [{"context": "ci"}]},
}
STRICT = {"type": "required_status_checks", "parameters": {"strict_required_status_checks_policy": True}}


def queue(groups, method):
    return {"type": "merge_queue", "parameters": {"grouping_strategy": groups, "merge_method": method}}


def without(kind):
    return [RULESET | {"rules": [rule for rule in RULES if rule["type"] != kind]}]


@pytest.mark.parametrize(
    ("rulesets", "says"),
    [
        (without("pull_request"), ["takes pushes of anybody", "takes what no owner approved", "takes rebases"]),
        (without("required_status_checks"), ["does not take the check ci"]),
        ([RULESET | {"rules": [*RULES, STRICT]}], ["takes what is up to date only"]),
        (without("non_fast_forward"), ["can be force-pushed"]),
        (without("deletion"), ["can be deleted"]),
        (
            [RULESET | {"rules": [*RULES[1:], {"type": "pull_request"}]}],
            ["takes what no owner approved", "takes rebases"],
        ),
        ([RULESET | {"rules": [*RULES, queue("HEADGREEN", "MERGE")]}], ["merges what failed"]),
        ([RULESET | {"rules": [*RULES, queue("ALLGREEN", "REBASE")]}], ["by REBASE, which ci has not judged"]),
        ([RULESET | {"rules": [*RULES, queue("ALLGREEN", "SQUASH")]}], []),
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
    """Each absent rule is named, and the bot's App has to pass every ruleset."""
    on_github.states[NAME].rulesets = [*rulesets, DEPLOYING]
    found = place.missing
    assert len(found) == len(says)
    assert all(say in line and "Settings → Rules" in line for say, line in zip(says, found, strict=True))


@pytest.mark.parametrize("rulesets", [[], [RULESET | {"enforcement": "evaluate"}]], ids=["none", "not-enforced"])
def test_a_branch_without_rules(place, on_github, rulesets):
    """All rules are missing; no finding is about who may bypass them."""
    on_github.states[NAME].rulesets = [*rulesets, DEPLOYING]
    assert len(place.missing) == 6


def test_the_classic_protection(place, on_github):
    """It counts as rules do, but no App may pass its checks."""
    state = on_github.states[NAME]
    state.rulesets = [DEPLOYING]
    state.protection["main"] = {
        "required_pull_request_reviews": {"require_code_owner_reviews": True},
        "required_status_checks": {"strict": False, "contexts": ["ci"], "checks": [{"context": "ci", "app_id": 15368}]},
        "allow_force_pushes": {"enabled": False},
        "allow_deletions": {"enabled": False},
    }
    assert [line.split(", w")[0] for line in place.missing] == [
        "github: main takes rebases",
        "github: main is guarded by the classic protection",
    ]


def test_a_token_without_permissions(place, on_github):
    """Nothing is missing; what it may not see is unknown, with the permission that is needed."""
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
    """It sees all; a token that may only read sees all but the bypass list."""
    on_github.tokens[TOKEN] = Token("ada", "User", permissions)
    assert len(place.found("missing", "unknown")) == (permissions is not ALL)


def test_no_token_or_no_answer(place, on_github, monkeypatch):
    """One line says why GitHub cannot be asked, and what to do."""
    monkeypatch.setenv("GITHUB_TOKEN", "")
    assert [line for line in place.found("unknown") if "gh auth token" in line]
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    on_github.tokens["another"] = Token()
    assert [line for line in place.found("unknown") if "Bad credentials" in line]
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:9")
    assert [line for line in place.found("unknown") if "127.0.0.1" in line]


def test_what_workflows_may_do(place, on_github):
    """The defaults of old repositories give too many rights."""
    on_github.states[NAME].workflow = {
        "default_workflow_permissions": "write",
        "can_approve_pull_request_reviews": True,
    }
    assert [line.split(" → ")[0] for line in place.missing] == [
        "github: workflows may write all, unless a job says less",
        "github: workflows may approve pull requests",
    ]


def test_owners_whom_github_does_not_know(place, on_github):
    """A line of CODEOWNERS that GitHub ignores is missing."""
    error = {"line": 2, "kind": "Unknown owner", "path": ".github/CODEOWNERS", "suggestion": "make sure @ada exists"}
    on_github.states[NAME].codeowners_errors = [error]
    said = "github: .github/CODEOWNERS, line 2: GitHub says: Unknown owner → make sure @ada exists"
    assert place.missing == [said]


@pytest.mark.parametrize(
    "rulesets", [[], [DEPLOYING | {"rules": [{"type": "creation"}]}], [DEPLOYING | {"enforcement": "evaluate"}]]
)
def test_a_branch_with_the_key_needs_a_ruleset(place, on_github, rulesets):
    """Each branch of the bot's environment needs one that says who may push; main does not."""
    on_github.states[NAME].rulesets = [RULESET, *rulesets]
    [line] = place.missing
    assert "anybody who may write may push to deploy/*, and so gets the bot's key" in line
    on_github.states[NAME].environments["bot"]["branches"] = ["main"]
    assert place.missing == []


def test_variables_and_secrets_are_found(place, on_github):
    """They are found on any page, and only their names are printed."""
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
    """Workflows of all branches get a secret of the repository."""
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
def test_branches_of_an_environment(place, on_github, name, branches, says):
    """No other branch may use an environment of Actions."""
    on_github.states[NAME].environments[name]["branches"] = branches
    found = place.missing
    assert len(found) == (1 if says else 0)
    assert all(says.replace("NAME", name) in line and f"Environments → {name}" in line for line in found)


def test_absent_environments_of_actions(place, on_github):
    """They are missing, and no finding is about their variables."""
    on_github.states[NAME].environments = {}
    assert [line.split(" → ")[0] for line in place.missing] == [
        "github: there is no environment prod of Actions",
        "github: there is no environment bot of Actions",
    ]


def test_production_is_for_one_branch(place, on_github):
    """Branches that may release may not act for production."""
    on_github.states[NAME].environments["prod"]["branches"] = ["main", "deploy/*"]
    [line] = place.missing
    assert "the environment prod of Actions may be used by deploy/*" in line


def test_each_production_has_an_identity_of_its_own(place, on_github):
    """Where its store is a bucket, the account is that of its environment, and not that of the repository."""
    text = (place.root / "slipway.yaml").read_text()
    more = "  prod-eu: {store: gs://slipway-none/eu, namespace: slipway-prod-eu, promotes_from: test}\nmodels:"
    place.write("slipway.yaml", text.replace("models:", more))
    state = on_github.states[NAME]

    def said():
        return [line for line in place.missing if "prod-eu" in line and "environment" in line.split(" → ")[0]]

    assert said()[0].startswith("github: there is no environment prod-eu of Actions")
    state.environments["prod-eu"] = {"branches": ["main"]}
    assert [line.split(" → ")[0] for line in said()] == [
        "github: the variable GCP_SERVICE_ACCOUNT of the environment prod-eu is not set"
    ]
    state.variables = {"GCP_SERVICE_ACCOUNT": "slipway-test@x"}
    state.environments["prod-eu"]["variables"] = {"GCP_SERVICE_ACCOUNT": "slipway-test@x"}
    assert "is that of the repository" in said()[0]
    state.environments["prod-eu"]["variables"] = {"GCP_SERVICE_ACCOUNT": "slipway-prod-eu@x"}
    assert said() == []


@pytest.mark.parametrize("pattern", ["deploy/**", "deploy/**/*"])
def test_a_ruleset_for_the_branches_that_release(place, on_github, pattern):
    """To a ruleset `deploy/**` is `deploy/*`; a workflow that starts on more would have branches that nobody guards."""
    names = {"ref_name": {"include": [f"refs/heads/{pattern}"]}}
    on_github.states[NAME].rulesets = [RULESET, DEPLOYING | {"conditions": names}]
    assert place.missing == []
