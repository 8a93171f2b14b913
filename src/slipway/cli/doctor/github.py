"""The repository's settings on GitHub, as far as the token may see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slipway.cli.doctor import actions
from slipway.cli.doctor.findings import Finding, by_token, missing, ok, unknown, unreadable
from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.github.api import GitHub, connect
from slipway.github.failures import Refused
from slipway.github.rules import ADMINISTRATION, Guard, guard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slipway.settings import Settings

__all__ = ["CHECK", "repository"]

CHECK = "ci"
"""The check that the branch requires."""

_RULES = "repository Settings → Rules → Rulesets"
_ACTIONS = "repository Settings → Actions → General → Workflow permissions"


def repository(settings: Settings) -> Iterator[Finding]:
    """Check rules of the branch, who may bypass them, owners, rights of workflows, and their variables."""
    try:
        github = connect(Repository(settings.root))
        github.read("the repository", "metadata: read")
    except SlipwayError as error:
        yield unknown("github", error.problem, error.fix)
        return
    yield ok("github", f"{github.name} answers")
    names = actions.read(github)
    yield from _branch(github, settings.branch, names.app)
    yield from _owners(github)
    yield from _workflows(github)
    yield from actions.findings(github, settings, names)


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
        (found.up_to_date, "takes what is up to date", "takes what is behind it", "branches to be up to date"),
        (found.keeps_history, "takes no force push", "can be force-pushed", "no force push (block them)"),
        (found.stays, "cannot be deleted", "can be deleted", "no deletion (restrict them)"),
    ):
        yield _held(branch, found, holds, good, bad, f"{_RULES}: require {rule}")
    if CHECK in found.checks:
        bad = f"takes a check {CHECK} of anybody who may write"
        rule = f"GitHub Actions as the source of the check {CHECK}"
        good = f"takes the check {CHECK} of GitHub Actions alone"
        yield _held(branch, found, CHECK in found.of_actions, good, bad, f"{_RULES}: require {rule}")
    if found.pull_request or found.checks:
        yield from _bypass(github, branch, found, app)


def _held(branch: str, found: Guard, holds: bool, good: str, bad: str, fix: str) -> Finding:
    if holds:
        return ok("github", f"{branch} {good}")
    if found.whole:
        return missing("github", f"{branch} {bad}", fix)
    return unknown(
        "github", f"no ruleset says that {branch} {good}; its protection cannot be read", by_token(ADMINISTRATION)
    )


def _bypass(github: GitHub, branch: str, found: Guard, app: str) -> Iterator[Finding]:
    """Check that the bot's App may commit releases where people may not push."""
    if not found.rulesets:
        fix = f"guard {branch} by a ruleset ({_RULES}) with the App on its bypass list"
        yield missing("github", f"{branch} is guarded by the classic protection, whose checks no App may pass", fix)
    for number in sorted(found.rulesets):
        try:
            ruleset = github.read(f"ruleset {number}", ADMINISTRATION, f"rulesets/{number}")
        except Refused as error:
            yield unreadable(error, "metadata: read")
            continue
        yield _passed(ruleset, app)


def _passed(ruleset: dict[str, Any], wanted: str) -> Finding:
    name = f"the ruleset {str(ruleset.get('name'))[:60]!r}"
    if "bypass_actors" not in ruleset:
        return unknown(
            "github", f"whether the bot's App may pass {name} is not shown", by_token("administration: write")
        )
    apps = {
        str(actor.get("actor_id")) for actor in ruleset["bypass_actors"] if actor.get("actor_type") == "Integration"
    }
    if wanted in apps or (not wanted and apps):
        return ok("github", f"the bot's App may pass {name}" if wanted else f"an App may pass {name}")
    return missing(
        "github", f"the bot's App may not pass {name}, so it cannot commit releases", f"{_RULES}: Bypass list"
    )


def _owners(github: GitHub) -> Iterator[Finding]:
    """Check for lines of CODEOWNERS that GitHub ignores: their owner is unknown, or may not write."""
    try:
        errors = github.read("what is wrong with CODEOWNERS", "contents: read", "codeowners/errors")["errors"]
    except Refused as error:
        yield unreadable(error, "contents: read")
        return
    for each in errors:
        where = f"{each.get('path')}, line {each.get('line')}"
        fix = str(each.get("suggestion") or "name a team or a person who may write to this repository")
        yield missing("github", f"{where}: GitHub says: {str(each.get('kind'))[:200]}", fix[:300])
    if not errors:
        yield ok("github", "every owner that CODEOWNERS names is known, and may write")


def _workflows(github: GitHub) -> Iterator[Finding]:
    try:
        found = github.read("what workflows may do", ADMINISTRATION, "actions/permissions/workflow")
    except Refused as error:
        yield unreadable(error, ADMINISTRATION)
        return
    if found.get("default_workflow_permissions") == "read":
        yield ok("github", "workflows may only read, unless a job says more")
    else:
        yield missing(
            "github", "workflows may write all, unless a job says less", f"{_ACTIONS}: read repository contents"
        )
    if found.get("can_approve_pull_request_reviews") is False:
        yield ok("github", "workflows may not approve pull requests")
    else:
        yield missing("github", "workflows may approve pull requests", f"{_ACTIONS}: do not allow them to approve")
