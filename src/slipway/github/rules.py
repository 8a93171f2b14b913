"""What guards a branch on GitHub, by rulesets or by the classic protection, whichever there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from slipway.github.failures import Refused

if TYPE_CHECKING:
    from slipway.github.api import GitHub

__all__ = ["ADMINISTRATION", "Guard", "guard", "restricted"]

ADMINISTRATION = "administration: read"
_ACTIONS = 15368
"""The App of GitHub Actions."""


class Guard(NamedTuple):
    """What a change of the branch has to meet."""

    pull_request: bool = False
    code_owners: bool = False
    """Whether an owner has to approve."""
    up_to_date: bool = False
    """Whether required checks have to be of the newest state of the branch."""
    keeps_history: bool = False
    """Whether force pushes are blocked."""
    stays: bool = False
    """Whether the branch cannot be deleted."""
    checks: frozenset[str] = frozenset()
    of_actions: frozenset[str] = frozenset()
    """Those of the checks that nobody but GitHub Actions can report."""
    rulesets: frozenset[int] = frozenset()
    """Those that ask for a pull request or a check: who commits there has to be on their lists."""
    whole: bool = True
    """Whether the classic protection could be read too."""


def guard(github: GitHub, branch: str) -> Guard:
    """All of it; raises `SlipwayError` when not even the rules can be read."""
    name = quote(branch, safe="")
    rules = github.read(f"the rules of {branch}", "metadata: read", f"rules/branches/{name}")
    found = _by_rules(rules)
    try:
        what = f"the protection of {branch}"
        classic = _by_protection(github.read(what, ADMINISTRATION, f"branches/{name}/protection"))
    except Refused as error:
        # An unprotected branch is not found either, in other words than what the token may not see.
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
    """Whether a ruleset names who may make and move the branches of a pattern like `deploy/**`; raises `Refused`."""
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
