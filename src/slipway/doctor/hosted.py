"""What the repository is set to on GitHub, as far as the token may see it."""

from typing import TYPE_CHECKING, Any

from slipway.doctor.findings import Finding, lacks, ok, unknown
from slipway.doctor.rules import ADMINISTRATION, Guard, guard
from slipway.errors import SlipwayError
from slipway.forge.failures import Refused
from slipway.forge.github import GitHub, connect
from slipway.git import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from slipway.settings import Settings

__all__ = ["APP_ID", "APP_KEY", "CHECK", "repository"]

CHECK = "ci"
"""The one check to require."""

APP_ID, APP_KEY = "SLIPWAY_APP_ID", "SLIPWAY_APP_PRIVATE_KEY"
_GOOGLE = ("GCP_SERVICE_ACCOUNT", "GCP_WORKLOAD_IDENTITY_PROVIDER")
_GOOGLE_REGISTRIES = ("pkg.dev", "gcr.io")

_RULES = "repository Settings → Rules → Rulesets"
_ACTIONS = "repository Settings → Actions → General → Workflow permissions"
_VALUES = "repository Settings → Secrets and variables → Actions"


def repository(settings: "Settings") -> "Iterator[Finding]":
    """What guards the branch, who may pass, what workflows may do, and what they are given."""
    try:
        github = connect(Repository(settings.root))
        github.read("the repository", "metadata: read")
    except SlipwayError as error:
        yield unknown("github", error.problem, error.fix)
        return
    yield ok("github", f"{github.name} answers")
    variables = _variables(github)
    yield from _branch(github, settings.branch, variables)
    yield from _owners(github)
    yield from _workflows(github)
    yield from _given(github, settings, variables)


def _branch(github: GitHub, branch: str, variables: "Mapping[str, str] | Refused") -> "Iterator[Finding]":
    try:
        found = guard(github, branch)
    except SlipwayError as error:
        yield unknown("github", error.problem, error.fix)
        return
    for holds, good, bad, rule in (
        (found.pull_request, "takes pull requests only", "takes pushes of anybody who may write", "a pull request"),
        (found.code_owners, "takes what owners approved", "takes what no owner approved", "review from Code Owners"),
        (CHECK in found.checks, f"takes the check {CHECK}", f"does not take the check {CHECK}", f"the check {CHECK}"),
        (found.up_to_date, "takes what is up to date", "takes what is behind it", "branches to be up to date"),
        (found.keeps_history, "takes no force push", "can be force-pushed", "no force push (block them)"),
        (found.stays, "cannot be deleted", "can be deleted", "no deletion (restrict them)"),
    ):
        yield _held(branch, found, holds, good, bad, f"{_RULES}: require {rule}")
    if found.pull_request or found.checks:
        yield from _bypass(github, branch, found, variables)


def _held(branch: str, found: Guard, holds: bool, good: str, bad: str, fix: str) -> Finding:
    if holds:
        return ok("github", f"{branch} {good}")
    if found.whole:
        return lacks("github", f"{branch} {bad}", fix)
    return unknown("github", f"no ruleset says that {branch} {good}; its protection cannot be read", _takes())


def _takes(permission: str = ADMINISTRATION) -> str:
    """Of who asks, and not of the bot: it does its work without."""
    return f"it takes a token of yours with `{permission}`, or your own eyes: repository Settings"


def _unseen(error: Refused, permission: str, about: str = "") -> Finding:
    """What cannot be told because GitHub does not answer that."""
    problem = f"{about}: {error.problem}" if about else error.problem
    return unknown("github", problem, _takes(permission) if error.status in (403, 404) else error.fix)


def _bypass(github: GitHub, branch: str, found: Guard, variables: "Mapping[str, str] | Refused") -> "Iterator[Finding]":
    """Whether the bot's App may commit what it releases where people may not push."""
    if not found.rulesets:
        fix = f"guard {branch} by a ruleset ({_RULES}) with the App on its bypass list"
        yield lacks("github", f"{branch} is guarded by the classic protection, whose checks no App may pass", fix)
    wanted = "" if isinstance(variables, Refused) else variables.get(APP_ID, "")
    for number in sorted(found.rulesets):
        try:
            ruleset = github.read(f"ruleset {number}", ADMINISTRATION, f"rulesets/{number}")
        except Refused as error:
            yield _unseen(error, "metadata: read")
            continue
        yield _passed(ruleset, wanted)


def _passed(ruleset: dict[str, Any], wanted: str) -> Finding:
    name = f"the ruleset {str(ruleset.get('name'))[:60]!r}"
    if "bypass_actors" not in ruleset:
        return unknown("github", f"whether the bot's App may pass {name} is not shown", _takes("administration: write"))
    apps = {
        str(actor.get("actor_id")) for actor in ruleset["bypass_actors"] if actor.get("actor_type") == "Integration"
    }
    if wanted in apps or (not wanted and apps):
        return ok("github", f"the bot's App may pass {name}" if wanted else f"an App may pass {name}")
    return lacks("github", f"the bot's App may not pass {name}, so it cannot commit releases", f"{_RULES}: Bypass list")


def _owners(github: GitHub) -> "Iterator[Finding]":
    """Lines of CODEOWNERS that GitHub passes over: who is named there is not known, or may not write."""
    try:
        errors = github.read("what is wrong with CODEOWNERS", "contents: read", "codeowners/errors")["errors"]
    except Refused as error:
        yield _unseen(error, "contents: read")
        return
    for each in errors:
        where = f"{each.get('path')}, line {each.get('line')}"
        fix = str(each.get("suggestion") or "name a team or a person who may write to this repository")
        yield lacks("github", f"{where}: GitHub says: {str(each.get('kind'))[:200]}", fix[:300])
    if not errors:
        yield ok("github", "every owner that CODEOWNERS names is known, and may write")


def _workflows(github: GitHub) -> "Iterator[Finding]":
    try:
        found = github.read("what workflows may do", ADMINISTRATION, "actions/permissions/workflow")
    except Refused as error:
        yield _unseen(error, ADMINISTRATION)
        return
    if found.get("default_workflow_permissions") == "read":
        yield ok("github", "workflows may only read, unless a job says more")
    else:
        yield lacks(
            "github", "workflows may write all, unless a job says less", f"{_ACTIONS}: read repository contents"
        )
    if found.get("can_approve_pull_request_reviews") is False:
        yield ok("github", "workflows may not approve pull requests")
    else:
        yield lacks("github", "workflows may approve pull requests", f"{_ACTIONS}: do not allow them to approve")


def _given(github: GitHub, settings: "Settings", variables: "Mapping[str, str] | Refused") -> "Iterator[Finding]":
    """Names alone; what a secret holds nobody can read."""
    google = any(
        each.store.startswith("gs://") or each.registry.split("/")[0].endswith(_GOOGLE_REGISTRIES)
        for each in settings.environments.values()
    )
    for name in [APP_ID, *(_GOOGLE if google else ())]:
        yield _named("variable", name, variables)
    try:
        yield _named("secret", APP_KEY, _all(github, "the names of secrets", "secrets: read", "secrets"))
    except Refused as error:
        yield _named("secret", APP_KEY, error)


def _named(kind: str, name: str, known: "Mapping[str, str] | Refused") -> Finding:
    if isinstance(known, Refused):
        return _unseen(known, f"{kind}s: read", f"whether the {kind} {name} is set")
    if name in known:
        return ok("github", f"the {kind} {name} is set")
    return lacks("github", f"the {kind} {name} is not set", f"{_VALUES}: gh {kind} set {name}")


def _variables(github: GitHub) -> "Mapping[str, str] | Refused":
    """Those of the repository and of its organisation; or why they cannot be read."""
    permission = "variables: read"
    try:
        own = _all(github, "the variables", permission, "variables")
    except Refused as error:
        return error
    try:
        return _all(github, "the organisation's variables", permission, "organization-variables", "variables") | own
    except Refused:
        return own


def _all(github: GitHub, what: str, permission: str, path: str, key: str = "") -> dict[str, str]:
    """Every page of a list of names, with values where there are any."""
    found: dict[str, str] = {}
    page = 1
    while True:
        answer = github.read(what, permission, f"actions/{path}?page={page}")
        entries = answer[key or path]
        found |= {entry["name"]: entry.get("value", "") for entry in entries}
        if not entries or len(found) >= answer["total_count"]:
            return found
        page += 1
