"""The repository's settings on GitHub, as far as the token may see them: rules, workflows, variables and secrets."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import NamedTuple
from urllib.parse import quote

from slipway.cli.doctor import Finding, by_token, either, missing, ok, unknown, unreadable
from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.github.api import GitHub, connect
from slipway.github.failures import Refused
from slipway.github.protection import ADMINISTRATION, Guard, guard, restricted
from slipway.settings import Settings

CHECK = "ci"
"""The check that the branch requires."""

_RULES = "repository Settings → Rules → Rulesets"
_ACTIONS = "repository Settings → Actions → General → Workflow permissions"
_ENVIRONMENTS = "repository Settings → Environments"
_VALUES = "repository Settings → Secrets and variables → Actions"

Names = Mapping[str, str] | Refused
"""Values by name (GitHub tells only the names of secrets), or the reason why they cannot be read."""

BOT = "bot"
"""The environment of Actions that keeps the key of the bot's App."""

APP_ID, APP_KEY = "SLIPWAY_APP_ID", "SLIPWAY_APP_PRIVATE_KEY"
_GOOGLE = ("GCP_SERVICE_ACCOUNT", "GCP_SERVICE_ACCOUNT_READER", "GCP_WORKLOAD_IDENTITY_PROVIDER")
_GOOGLE_REGISTRIES = ("pkg.dev", "gcr.io")
# The workflow `release` starts on these, and on the branch that the cluster follows.
_RELEASING = ("deploy/*", "trainpred/*")


def repository(settings: Settings) -> Iterator[Finding]:
    """Check rules of the branch, who may bypass them, owners, rights of workflows, and their variables."""
    try:
        github = connect(Repository(settings.root))
        github.read("the repository", "metadata: read")
    except SlipwayError as error:
        yield unknown("github", error.problem, error.fix)
        return
    yield ok("github", f"{github.name} answers")
    given = _given(github)
    variables = (each for each in (given.bot_variables, given.variables) if not isinstance(each, Refused))
    app = next((each[APP_ID] for each in variables if APP_ID in each), "")
    yield from _branch(github, settings.branch, app)
    yield from _seen("contents: read", _owners(github))
    yield from _seen(ADMINISTRATION, _workflows(github))
    yield from _actions(github, settings, given)


def _seen(permission: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """Yield findings, and the reason in place of those that GitHub refuses to show."""
    try:
        yield from findings
    except Refused as error:
        yield unreadable(error, permission)


def _branch(github: GitHub, branch: str, app: str) -> Iterator[Finding]:
    try:
        found = guard(github, branch)
    except SlipwayError as error:
        yield unknown("github", error.problem, error.fix)
        return
    for holds, good, bad, rule in (
        (found.pull_request, "takes pull requests only", "takes pushes of anybody who may write", "a pull request"),
        (found.code_owners, "takes what owners approved", "takes what no owner approved", "review from Code Owners"),
        (CHECK in found.checks, f"takes the check {CHECK}", f"does not take the check {CHECK}", f"the check {CHECK}"),
        (found.keeps_history, "takes no force push", "can be force-pushed", "no force push (block them)"),
        (found.merged_whole, "takes merges", "takes rebases, which ci has not judged", "merge methods merge or squash"),
        (found.stays, "cannot be deleted", "can be deleted", "no deletion (restrict them)"),
    ):
        yield _held(branch, found, holds, good, bad, f"{_RULES}: require {rule}")
    if found.up_to_date:
        problem = f"{branch} takes what is up to date only: each commit of the bot makes all open pull requests stale"
        fix = f"{_RULES}: do not require branches to be up to date; the bot has those checked anew that it concerns"
        yield missing("github", problem, fix)
    if CHECK in found.checks:
        bad = f"takes a check {CHECK} of anybody who may write"
        rule = f"GitHub Actions as the source of the check {CHECK}"
        good = f"takes the check {CHECK} of GitHub Actions alone"
        yield _held(branch, found, CHECK in found.of_actions, good, bad, f"{_RULES}: require {rule}")
    for groups, method in sorted(found.queues):
        good, bad = f"the merge queue of {branch} merges what passed", f"the merge queue of {branch} merges what failed"
        fix = f"{_RULES}: Require merge queue: only merge non-failing pull requests"
        yield either("github", groups == "ALLGREEN", good, bad, fix)
        good, bad = f"it merges by {method}", f"it merges by {method}, which {CHECK} has not judged"
        yield either("github", method in ("MERGE", "SQUASH"), good, bad, f"{_RULES}: merge method merge or squash")
    if found.pull_request or found.checks:
        yield from _bypass(github, branch, found, app)


def _held(branch: str, found: Guard, holds: bool, good: str, bad: str, fix: str) -> Finding:
    if holds or found.whole:
        return either("github", holds, f"{branch} {good}", f"{branch} {bad}", fix)
    what = f"no ruleset says that {branch} {good}; its protection cannot be read"
    return unknown("github", what, by_token(ADMINISTRATION))


def _bypass(github: GitHub, branch: str, found: Guard, app: str) -> Iterator[Finding]:
    """Check that the bot's App may commit releases where people may not push."""
    if not found.rulesets:
        fix = f"guard {branch} by a ruleset ({_RULES}) with the App on its bypass list"
        yield missing("github", f"{branch} is guarded by the classic protection, whose checks no App may pass", fix)
    for number in sorted(found.rulesets):
        yield from _seen("metadata: read", _passed(github, number, app))


def _passed(github: GitHub, number: int, wanted: str) -> Iterator[Finding]:
    ruleset = github.read(f"ruleset {number}", ADMINISTRATION, f"rulesets/{number}")
    name = f"the ruleset {str(ruleset.get('name'))[:60]!r}"
    if "bypass_actors" not in ruleset:
        what = f"whether the bot's App may pass {name} is not shown"
        yield unknown("github", what, by_token("administration: write"))
        return
    apps = {str(each.get("actor_id")) for each in ruleset["bypass_actors"] if each.get("actor_type") == "Integration"}
    good = f"the bot's App may pass {name}" if wanted else f"an App may pass {name}"
    bad = f"the bot's App may not pass {name}, so it cannot commit releases"
    yield either("github", wanted in apps or (not wanted and bool(apps)), good, bad, f"{_RULES}: Bypass list")


def _owners(github: GitHub) -> Iterator[Finding]:
    """Check for lines of CODEOWNERS that GitHub ignores: their owner is unknown, or may not write."""
    errors = github.read("what is wrong with CODEOWNERS", "contents: read", "codeowners/errors")["errors"]
    for each in errors:
        where = f"{each.get('path')}, line {each.get('line')}"
        fix = str(each.get("suggestion") or "name a team or a person who may write to this repository")
        yield missing("github", f"{where}: GitHub says: {str(each.get('kind'))[:200]}", fix[:300])
    if not errors:
        yield ok("github", "every owner that CODEOWNERS names is known, and may write")


def _workflows(github: GitHub) -> Iterator[Finding]:
    found = github.read("what workflows may do", ADMINISTRATION, "actions/permissions/workflow")
    good, bad = "workflows may only read, unless a job says more", "workflows may write all, unless a job says less"
    reads = found.get("default_workflow_permissions") == "read"
    yield either("github", reads, good, bad, f"{_ACTIONS}: read repository contents")
    good, bad = "workflows may not approve pull requests", "workflows may approve pull requests"
    barred = found.get("can_approve_pull_request_reviews") is False
    yield either("github", barred, good, bad, f"{_ACTIONS}: do not allow them to approve")


class _Given(NamedTuple):
    """Hold the names that are set for all workflows, and those for jobs of the bot."""

    variables: Names
    secrets: Names
    bot_variables: Names
    bot_secrets: Names


def _given(github: GitHub) -> _Given:
    """Read all names that the token may see."""
    own = _names(github, "the variables", "variables: read", "actions/variables")
    more = _names(github, "the organisation's variables", "variables: read", "actions/organization-variables")
    both = own if isinstance(own, Refused) or isinstance(more, Refused) else {**more, **own}
    return _Given(
        both,
        _names(github, "the names of secrets", "secrets: read", "actions/secrets"),
        _names(github, f"the variables of {BOT}", "environments: read", f"environments/{BOT}/variables"),
        _names(github, f"the names of secrets of {BOT}", "environments: read", f"environments/{BOT}/secrets"),
    )


def _actions(github: GitHub, settings: Settings, given: _Given) -> Iterator[Finding]:
    """Check that names are set, and which branches may use them; nobody can read the value of a secret."""
    for name in settings.promoted():
        known = yield from _environment(github, name, {settings.branch})
        if known is not None and settings.environment(name).in_bucket:
            yield _identity(github, name, given.variables)
    used_by = yield from _environment(github, BOT, {settings.branch, *_RELEASING})
    if used_by is not None:
        for pattern in sorted(used_by & {*_RELEASING}):
            yield _pushed(github, pattern)
        yield _named("variable", APP_ID, given.bot_variables, BOT)
        yield _named("secret", APP_KEY, given.bot_secrets, BOT)
    if isinstance(given.secrets, Refused):
        yield unreadable(given.secrets, "secrets: read", f"whether the repository has the secret {APP_KEY} as well")
    elif APP_KEY in given.secrets:
        problem = f"the secret {APP_KEY} is the repository's own: a workflow of any branch may read it"
        yield missing("github", problem, f"keep it in the environment {BOT}, and gh secret delete {APP_KEY}")
    google = any(
        each.in_bucket or each.registry.split("/")[0].endswith(_GOOGLE_REGISTRIES)
        for each in settings.environments.values()
    )
    for name in _GOOGLE if google else ():
        yield _named("variable", name, given.variables)


def _identity(github: GitHub, name: str, usual: Names) -> Finding:
    """Check that an environment has an identity of its own: that of the repository is test's."""
    own = _names(github, f"the variables of {name}", "environments: read", f"environments/{name}/variables")
    account = _GOOGLE[0]
    known = {} if isinstance(own, Refused) or isinstance(usual, Refused) else own.items() & usual.items()
    if account in dict(known):
        problem = f"the variable {account} of the environment {name} is that of the repository"
        return missing("github", problem, f"give {name} an account that may write its store, and no other one")
    return _named("variable", account, own, name)


def _pushed(github: GitHub, pattern: str) -> Finding:
    """Check that a ruleset limits pushes to a branch: the workflow of a pushed branch gets the bot's key."""
    try:
        named = restricted(github, pattern)
    except Refused as error:
        return unreadable(error, "metadata: read", f"who may push to {pattern}")
    good = f"a ruleset names who may push to {pattern}"
    bad = f"anybody who may write may push to {pattern}, and so gets the bot's key, which writes production"
    fix = f"apply .github/ruleset-deploy.json (README.md), or take {pattern} out of the environment {BOT}"
    return either("github", named, good, bad, fix)


def _environment(github: GitHub, name: str, branches: set[str]) -> Generator[Finding, None, set[str] | None]:
    """Check that an environment of Actions is there, and only for these branches.

    Return the branches that may use it, as far as they can be seen; None where there is no such environment.
    """
    where = f"environments/{quote(name, safe='')}"
    fix = f"{_ENVIRONMENTS} → {name} → Deployment branches and tags: {', '.join(sorted(branches))}"
    try:
        policy = github.read(f"the environment {name}", "actions: read", where).get("deployment_branch_policy")
        known = set()
        if policy and policy.get("custom_branch_policies"):
            branch_policies = f"{where}/deployment-branch-policies"
            found = github.items(f"the branches of {name}", "actions: read", branch_policies, "branch_policies")
            known = {f"{'tag ' if each.get('type') == 'tag' else ''}{each['name']}" for each in found}
    except Refused as error:
        if error.status == 404:
            yield missing("github", f"there is no environment {name} of Actions", fix)
            return None
        yield unreadable(error, "actions: read", f"which branches may use the environment {name} of Actions")
        return set()
    if not policy:
        yield missing("github", f"any branch may use the environment {name} of Actions, and what it keeps", fix)
    elif foreign := sorted(known - branches):
        problem = f"the environment {name} of Actions may be used by {', '.join(foreign)[:200]}"
        yield missing("github", problem, fix)
    else:
        whose = ", ".join(sorted(known)) or "protected branches"
        yield ok("github", f"the environment {name} of Actions is for {whose} alone")
    return known


def _named(kind: str, name: str, known: Names, environment: str = "") -> Finding:
    about = f"the {kind} {name}" + (f" of the environment {environment}" if environment else "")
    if isinstance(known, Refused):
        return unreadable(known, f"{'environment' if environment else kind}s: read", f"whether {about} is set")
    place, option = (f"{_ENVIRONMENTS} → {environment}", f" --env {environment}") if environment else (_VALUES, "")
    fix = f"{place}: gh {kind} set {name}{option}"
    return either("github", name in known, f"{about} is set", f"{about} is not set", fix)


def _names(github: GitHub, what: str, permission: str, path: str) -> Names:
    """Read all pages of a list of names, with the values of variables."""
    try:
        found = github.items(what, permission, path, "secrets" if path.endswith("secrets") else "variables")
    except Refused as error:
        return error
    return {entry["name"]: entry.get("value", "") for entry in found}
