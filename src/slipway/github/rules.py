"""The protection of a branch on GitHub, by rulesets and by classic branch protection."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import quote

from slipway.github.api import GitHub
from slipway.github.failures import Refused

__all__ = ["ADMINISTRATION", "Guard", "guard", "restricted"]

ADMINISTRATION = "administration: read"
_ACTIONS = 15368
"""Number of the App of GitHub Actions."""


class Guard(NamedTuple):
    """Hold the conditions for a change of a branch."""

    pull_request: bool = False
    code_owners: bool = False
    """True if a code owner must approve."""
    up_to_date: bool = False
    """True if required checks must run on the newest state of the branch."""
    keeps_history: bool = False
    """True if force pushes are blocked."""
    stays: bool = False
    """True if deleting the branch is blocked."""
    checks: frozenset[str] = frozenset()
    of_actions: frozenset[str] = frozenset()
    """Checks that only GitHub Actions can report."""
    rulesets: frozenset[int] = frozenset()
    """Rulesets that require a pull request or a check. Their bypass lists must name an account that commits."""
    whole: bool = True
    """True if the classic protection is included."""


def guard(github: GitHub, branch: str) -> Guard:
    """Return the protection of a branch. Raise `SlipwayError` when the rules cannot be read."""
    name = quote(branch, safe="")
    rules = github.read(f"the rules of {branch}", "metadata: read", f"rules/branches/{name}")
    found = _by_rules(rules)
    try:
        what = f"the protection of {branch}"
        classic = _by_protection(github.read(what, ADMINISTRATION, f"branches/{name}/protection"))
    except Refused as error:
        # GitHub answers 404 both for an unprotected branch and for a missing right. Only the message differs.
        return found._replace(whole=error.status == 404 and "not protected" in error.problem.lower())
    return found._replace(
        pull_request=found.pull_request or classic.pull_request,
        code_owners=found.code_owners or classic.code_owners,
        up_to_date=found.up_to_date or classic.up_to_date,
        keeps_history=found.keeps_history or classic.keeps_history,
        stays=found.stays or classic.stays,
        checks=found.checks | classic.checks,
        of_actions=found.of_actions | classic.of_actions,
    )


def restricted(github: GitHub, pattern: str) -> bool:
    """Return True if rulesets restrict who may create and update branches of a pattern such as `deploy/**`."""
    sample = quote(pattern.replace("**", "any"), safe="")
    rules = github.read(f"the rules of {pattern}", "metadata: read", f"rules/branches/{sample}")
    return {"creation", "update"} <= {rule["type"] for rule in rules}


def _by_rules(rules: list[dict[str, Any]]) -> Guard:
    kinds = {rule["type"] for rule in rules}
    reviews = [rule.get("parameters", {}) for rule in rules if rule["type"] == "pull_request"]
    checks = [rule.get("parameters", {}) for rule in rules if rule["type"] == "required_status_checks"]
    required = [check for each in checks for check in each.get("required_status_checks", [])]
    return Guard(
        pull_request="pull_request" in kinds,
        code_owners=any(each.get("require_code_owner_review") for each in reviews),
        up_to_date=any(each.get("strict_required_status_checks_policy") for each in checks),
        keeps_history="non_fast_forward" in kinds,
        stays="deletion" in kinds,
        checks=frozenset(check["context"] for check in required),
        of_actions=frozenset(check["context"] for check in required if check.get("integration_id") == _ACTIONS),
        rulesets=frozenset(
            rule["ruleset_id"]
            for rule in rules
            if rule["type"] in ("pull_request", "required_status_checks", "update") and "ruleset_id" in rule
        ),
    )


def _by_protection(protection: dict[str, Any]) -> Guard:
    reviews, checks = protection.get("required_pull_request_reviews"), protection.get("required_status_checks") or {}
    return Guard(
        pull_request=reviews is not None,
        code_owners=bool((reviews or {}).get("require_code_owner_reviews")),
        up_to_date=bool(checks.get("strict")),
        keeps_history=not (protection.get("allow_force_pushes") or {}).get("enabled", False),
        stays=not (protection.get("allow_deletions") or {}).get("enabled", False),
        checks=frozenset(checks.get("contexts") or [])
        | frozenset(check["context"] for check in checks.get("checks") or []),
        of_actions=frozenset(
            check["context"] for check in checks.get("checks") or [] if check.get("app_id") == _ACTIONS
        ),
    )
