"""The memory of the server: tokens, and the pull requests, comments, rules and events of each repository."""

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
"""All permissions that a request can need."""


class Refusal(Exception):  # noqa: N818 - an answer, not a fault
    """Answer a request with this status and message."""

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
    """The owner of a token, and its permissions as {permission: "read" or "write"}."""

    login: str = "slipway[bot]"
    type: str = "Bot"
    permissions: dict[str, str] = field(default_factory=lambda: dict(ALL))
    app_id: int | None = None
    """The id of its App. A ruleset may let this App bypass it."""
    bypass: bool = False
    """True if it may bypass the protection of branches."""


@dataclass
class Failure:
    """An answer that the next requests get instead of the right one."""

    status: int
    times: int = 1
    path: str = ""
    """Part of the path of the requests that fail."""
    method: str = ""
    message: str = "refused on purpose"
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False
    """True if the request is carried out and only its answer is lost."""


@dataclass
class State:
    """The state of one repository."""

    name: str
    default_branch: str = "main"
    private: bool = False
    """True if reading needs a token, also by git."""
    pushes_need_token: bool = False
    moving: int = 0
    """The number of pushes to an existing branch that fail because another author was faster."""
    protection: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Classic protection by branch, in the form that GitHub answers."""
    rulesets: list[dict[str, Any]] = field(default_factory=list)
    """Rulesets in the form that GitHub answers: id, name, enforcement, conditions, rules, bypass_actors."""
    variables: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)
    environments: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Environments of Actions by name: `branches` that may use it (None: all, "protected": the protected ones), and
    `variables` and `secrets` as above."""
    actions: dict[str, Any] = field(default_factory=lambda: {"enabled": True, "allowed_actions": "all"})
    workflow: dict[str, Any] = field(
        default_factory=lambda: {
            "default_workflow_permissions": "read",
            "can_approve_pull_request_reviews": False,
        }
    )
    codeowners_errors: list[dict[str, Any]] = field(default_factory=list)
    """Errors of CODEOWNERS in the form that GitHub answers: line, kind, suggestion, path."""
    roles: dict[str, str] = field(default_factory=dict)
    """The role by login: admin, maintain, write, triage or read. Other people have none."""
    delete_branch_on_merge: bool = False
    pulls: list[dict[str, Any]] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)
    dispatches: list[dict[str, Any]] = field(default_factory=list)
    """Dispatched events: event_type and client_payload, or workflow, ref and inputs."""
    pushes: list[dict[str, Any]] = field(default_factory=list)
    """Pushes: ref, old, new, by, accepted (False if protection refused it)."""

    def rules_of(self, branch: str) -> list[dict[str, Any]]:
        """Return the active rules of a branch, each with the id of its ruleset."""
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
        return any(name in own or _matches(f"refs/heads/{branch}", name) for name in names)

    def passes(self, token: Token, ruleset_id: int) -> bool:
        """Return True if a token may bypass a ruleset."""
        actors = [each for ruleset in self.rulesets if ruleset["id"] == ruleset_id for each in ruleset["bypass_actors"]]
        return token.bypass or any(
            actor.get("actor_type") == "Integration" and actor.get("actor_id") == token.app_id for actor in actors
        )


def _matches(reference: str, pattern: str) -> bool:
    """As `File.fnmatch` does with `FNM_PATHNAME`: `*` and `**` stay within a part, and `**/` is any number of them."""
    words, marks = reference.split("/"), pattern.split("/")
    if marks[0] == "**" and len(marks) > 1:
        return any(_matches("/".join(words[skipped:]), "/".join(marks[1:])) for skipped in range(len(words)))
    if len(words) == 1 or len(marks) == 1:
        return len(words) == len(marks) and fnmatchcase(words[0], marks[0])
    return fnmatchcase(words[0], marks[0]) and _matches("/".join(words[1:]), "/".join(marks[1:]))


def merge(state: State, changes: dict[str, Any]) -> None:
    """Set the named fields of a state. Raise `KeyError` for an unknown one."""
    known = {each.name for each in fields(state)}
    for name, value in changes.items():
        if name not in known:
            raise KeyError(name)
        setattr(state, name, value)


def as_json(state: State) -> dict[str, Any]:
    """Return the whole state."""
    return asdict(state)
