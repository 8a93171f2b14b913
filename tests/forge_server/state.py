"""What the server remembers: tokens, and of each repository its pull requests, comments, rules and events."""

from dataclasses import asdict, dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any

__all__ = ["ALL", "Failure", "Refusal", "State", "Token", "as_json", "merge"]

_PERMISSIONS = (
    "actions",
    "actions_variables",
    "administration",
    "contents",
    "environments",
    "issues",
    "metadata",
    "pull_requests",
    "secrets",
)
ALL = dict.fromkeys(_PERMISSIONS, "write")
"""Every permission that anything here takes."""


class Refusal(Exception):  # noqa: N818 - an answer, not a fault
    """The answer to a request is this status and message."""

    def __init__(self, status: int, message: str, *, errors: Any = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.body = {
            "message": message,
            "documentation_url": "https://docs.github.com/rest",
            "status": str(status),
        } | ({"errors": errors} if errors else {})


@dataclass
class Token:
    """Who a token stands for, and what it may do: {permission: "read" or "write"}."""

    login: str = "slipway[bot]"
    type: str = "Bot"
    permissions: dict[str, str] = field(default_factory=lambda: dict(ALL))
    app_id: int | None = None
    """Of the App that it was made for; a ruleset may name it among those that bypass it."""
    bypass: bool = False
    """Whether protection of branches does not hold for it."""


@dataclass
class Failure:
    """An answer that the next requests get instead of their own."""

    status: int
    times: int = 1
    path: str = ""
    """Only requests whose path contains it."""
    method: str = ""
    message: str = "refused on purpose"
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False
    """Carry the request out first: its answer is lost."""


@dataclass
class State:
    """Of one repository."""

    name: str
    default_branch: str = "main"
    private: bool = False
    """Whether reading takes a token, git included."""
    pushes_need_token: bool = False
    moving: int = 0
    """How many pushes to a branch that exists still find that somebody moved it in between."""
    protection: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By branch, classic protection as GitHub answers it."""
    rulesets: list[dict[str, Any]] = field(default_factory=list)
    """As GitHub answers a single one: id, name, enforcement, conditions, rules, bypass_actors."""
    variables: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)
    environments: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Those of Actions by name: `branches` (those that may use it; None: any, "protected": protected ones), `variables`
    and `secrets` as above."""
    actions: dict[str, Any] = field(default_factory=lambda: {"enabled": True, "allowed_actions": "all"})
    workflow: dict[str, Any] = field(
        default_factory=lambda: {
            "default_workflow_permissions": "read",
            "can_approve_pull_request_reviews": False,
        }
    )
    codeowners_errors: list[dict[str, Any]] = field(default_factory=list)
    """As GitHub answers them: line, kind, suggestion, path."""
    roles: dict[str, str] = field(default_factory=dict)
    """By login: admin, maintain, write, triage or read; anybody else has none."""
    delete_branch_on_merge: bool = False
    pulls: list[dict[str, Any]] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)
    dispatches: list[dict[str, Any]] = field(default_factory=list)
    """What was dispatched: event_type and client_payload, or workflow, ref and inputs."""
    pushes: list[dict[str, Any]] = field(default_factory=list)
    """What was pushed: ref, old, new, by, accepted (False for what protection refused)."""

    def rules_of(self, branch: str) -> list[dict[str, Any]]:
        """The active rules that hold for a branch, each with its ruleset's id."""
        found = []
        for ruleset in self.rulesets:
            if ruleset.get("enforcement", "active") == "active" and self._covers(ruleset, branch):
                found += [
                    rule
                    | {
                        "ruleset_id": ruleset["id"],
                        "ruleset_source": self.name,
                        "ruleset_source_type": "Repository",
                    }
                    for rule in ruleset.get("rules", [])
                ]
        return found

    def _covers(self, ruleset: dict[str, Any], branch: str) -> bool:
        names = ruleset.get("conditions", {}).get("ref_name", {}).get("include", ["~DEFAULT_BRANCH"])
        own = {"~ALL", *(["~DEFAULT_BRANCH"] if branch == self.default_branch else [])}
        return any(name in own or fnmatchcase(f"refs/heads/{branch}", name) for name in names)

    def passes(self, token: Token, ruleset_id: int) -> bool:
        """Whether a token is on the list of those for whom a ruleset does not hold."""
        actors = [each for ruleset in self.rulesets if ruleset["id"] == ruleset_id for each in ruleset["bypass_actors"]]
        return token.bypass or any(
            actor.get("actor_type") == "Integration" and actor.get("actor_id") == token.app_id for actor in actors
        )


def merge(state: State, changes: dict[str, Any]) -> None:
    """Set the fields of a state that are named; raise `KeyError` for one that there is not."""
    known = {each.name for each in fields(state)}
    for name, value in changes.items():
        if name not in known:
            raise KeyError(name)
        setattr(state, name, value)


def as_json(state: State) -> dict[str, Any]:
    """All of it."""
    return asdict(state)
