"""The protection of branches and paths on GitHub: rulesets, classic branch protection and `CODEOWNERS`."""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import quote

from slipway.github.api import GitHub
from slipway.github.failures import Refused
from slipway.settings import Environment

CODEOWNERS = ".github/CODEOWNERS"
ADMINISTRATION = "administration: read"
_ACTIONS = 15368
"""Number of the App of GitHub Actions."""

# The sources of releases, the code that renders and judges releases, and the files that install that code.
_DECISIVE = (
    *("manifests/", "slipway.yaml", ".github/", "workflows/", "functions/", "src/", ".ci/"),
    *("Makefile", "pyproject.toml", "requirements.lock"),
)
_OWNER = re.compile(r"@[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9._-]+)?|[^@\s]+@[^@\s]+\.[^@\s]+")


def owners(text: str, path: str) -> list[str]:
    """Return the owners of `path` (relative to the repository) by the last rule that matches it.

    The rules are those of gitignore without `!`, `[…]` and `\\#`, as on GitHub. A rule without an owner removes
    ownership. Ignore a rule with an invalid owner.
    """
    found: list[str] = []
    for line in text.splitlines():
        pattern, *names = re.sub(r"(^|\s)#.*", "", line).split() or [""]
        if not pattern or pattern.startswith("!") or "[" in pattern or not all(map(_OWNER.fullmatch, names)):
            continue
        if _compiled(pattern).fullmatch(path):
            found = names
    return found


def guarded(environments: Mapping[str, Environment]) -> list[str]:
    """Return the folders and files that decide what runs in an environment with promotions.

    Order them by importance, the most important first. Folders end with a slash (`overlays/prod/`).
    """
    return [*(f"overlays/{name}/" for name, each in environments.items() if each.promotes_from), *_DECISIVE]


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a rule to a pattern of paths: a file of that name, or all files below a folder of that name."""
    anchored = "/" in pattern.rstrip("/")
    body = pattern.strip("/")
    parts = [_part(part) for part in body.split("/")]
    words = "/".join(parts).replace("**/", "(?:.*/)?").replace("/**", "/.*").replace("**", ".*")
    above = "" if anchored else "(?:.*/)?"
    if pattern.endswith("/"):
        return re.compile(f"{above}{words}/.*")
    # `docs/*` matches the files in docs, but no files in its subfolders.
    below = "" if body.endswith("/*") else "(?:/.*)?"
    return re.compile(f"{above}{words}{below}")


def _part(text: str) -> str:
    if text == "**":
        return text
    return "".join({"*": "[^/]*", "?": "[^/]"}.get(letter, re.escape(letter)) for letter in text)


class Guard(NamedTuple):
    """Hold the conditions for a change of a branch."""

    pull_request: bool = False
    code_owners: bool = False
    """True if a code owner must approve."""
    up_to_date: bool = False
    """True if a pull request that is behind the branch may not be merged."""
    keeps_history: bool = False
    """True if force pushes are blocked."""
    stays: bool = False
    """True if deleting the branch is blocked."""
    checks: frozenset[str] = frozenset()
    of_actions: frozenset[str] = frozenset()
    """Checks that only GitHub Actions can report."""
    rulesets: frozenset[int] = frozenset()
    """Rulesets that require a pull request or a check. Their bypass lists must name an account that commits."""
    merged_whole: bool = False
    """True if a change comes as one merge or one commit. A rebase makes its commits anew, one after the other."""
    queues: frozenset[tuple[str, str]] = frozenset()
    """The merge queues: which groups must pass the checks, and how they merge."""
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
    return Guard._make(map(operator.or_, found, classic))


def restricted(github: GitHub, pattern: str) -> bool:
    """Return True if rulesets restrict who may create and update branches of a pattern such as `deploy/*`."""
    sample = quote(pattern.replace("*", "any"), safe="")
    rules = github.read(f"the rules of {pattern}", "metadata: read", f"rules/branches/{sample}")
    return {"creation", "update"} <= {rule["type"] for rule in rules}


def _by_rules(rules: list[dict[str, Any]]) -> Guard:
    kinds = {rule["type"] for rule in rules}
    reviews = [rule.get("parameters", {}) for rule in rules if rule["type"] == "pull_request"]
    checks = [rule.get("parameters", {}) for rule in rules if rule["type"] == "required_status_checks"]
    required = [check for each in checks for check in each.get("required_status_checks", [])]
    queues = [rule.get("parameters", {}) for rule in rules if rule["type"] == "merge_queue"]
    binding = [rule for rule in rules if rule["type"] in ("pull_request", "required_status_checks", "update")]
    return Guard(
        pull_request="pull_request" in kinds,
        code_owners=any(each.get("require_code_owner_review") for each in reviews),
        up_to_date=any(each.get("strict_required_status_checks_policy") for each in checks),
        keeps_history="non_fast_forward" in kinds,
        stays="deletion" in kinds,
        checks=frozenset(check["context"] for check in required),
        of_actions=frozenset(check["context"] for check in required if check.get("integration_id") == _ACTIONS),
        rulesets=frozenset(rule["ruleset_id"] for rule in binding if "ruleset_id" in rule),
        merged_whole=any("rebase" not in each.get("allowed_merge_methods", ["rebase"]) for each in reviews),
        queues=frozenset((str(each.get("grouping_strategy")), str(each.get("merge_method"))) for each in queues),
    )


def _by_protection(protection: dict[str, Any]) -> Guard:
    reviews, checks = protection.get("required_pull_request_reviews"), protection.get("required_status_checks") or {}
    required = checks.get("checks") or []
    return Guard(
        pull_request=reviews is not None,
        code_owners=bool((reviews or {}).get("require_code_owner_reviews")),
        up_to_date=bool(checks.get("strict")),
        keeps_history=not (protection.get("allow_force_pushes") or {}).get("enabled", False),
        stays=not (protection.get("allow_deletions") or {}).get("enabled", False),
        checks=frozenset([*(checks.get("contexts") or []), *(check["context"] for check in required)]),
        of_actions=frozenset(check["context"] for check in required if check.get("app_id") == _ACTIONS),
    )
