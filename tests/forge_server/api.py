"""The REST API: the permission and the handler of each path."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from tests.forge_server import pulls
from tests.forge_server.repositories import Bare
from tests.forge_server.state import Refusal, State, Token

__all__ = ["Asked", "answer", "parse"]


@dataclass
class Asked:
    """One request to one repository."""

    state: State
    bare: Bare
    token: Token
    site: str
    """The address of the server."""
    api: str
    """The address of the repository in the API, as the request has it."""
    query: dict[str, str]
    body: dict[str, Any]
    match: dict[str, str]

    def next_number(self) -> int:
        """The number of an issue or a pull request."""
        return len(self.state.pulls) + 1


_Answer = tuple[int, Any]


def _repository(asked: Asked) -> _Answer:
    return 200, {
        "full_name": asked.state.name,
        "name": asked.state.name.partition("/")[2],
        "default_branch": asked.state.default_branch,
        "private": asked.state.private,
        "html_url": f"{asked.site}/{asked.state.name}",
        "url": asked.api,
        "delete_branch_on_merge": asked.state.delete_branch_on_merge,
    }


def _commit(asked: Asked) -> _Answer:
    commit = asked.bare.at(unquote(asked.match["sha"]))
    if not commit:
        raise Refusal(422, f"No commit found for SHA: {asked.match['sha']}")
    return 200, {"sha": commit, "url": f"{asked.api}/commits/{commit}"}


def _dispatch(asked: Asked) -> _Answer:
    event, payload = asked.body.get("event_type"), asked.body.get("client_payload", {})
    if not isinstance(event, str) or not 1 <= len(event) <= 100:
        raise Refusal(422, "Invalid request.\n\nevent_type is too long (maximum is 100 characters)")
    if not isinstance(payload, dict) or len(payload) > 10:
        raise Refusal(422, "Invalid request.\n\nNo more than 10 properties are allowed; 11 were supplied.")
    asked.state.dispatches.append({"event_type": event, "client_payload": payload})
    return 204, None


def _start(asked: Asked) -> _Answer:
    if not asked.body.get("ref"):
        raise Refusal(422, 'Invalid request.\n\n"ref" wasn\'t supplied.')
    started = {"workflow": asked.match["workflow"], "ref": asked.body["ref"], "inputs": asked.body.get("inputs", {})}
    asked.state.dispatches.append(started)
    return 204, None


def _ref(asked: Asked) -> _Answer:
    ref = unquote(asked.match["ref"])
    commit = asked.bare.at(f"refs/{ref}")
    if not commit:
        raise Refusal(404, "Not Found")
    url = f"{asked.api}/git/refs/{ref}"
    return 200, {"ref": f"refs/{ref}", "url": url, "object": {"type": "commit", "sha": commit}}


def _remove_ref(asked: Asked) -> _Answer:
    ref = f"refs/{unquote(asked.match['ref'])}"
    if not asked.bare.at(ref):
        raise Refusal(422, "Reference does not exist")
    pulls.list_(asked)  # closed with their branch, and not when they are next looked at
    asked.bare.git("update-ref", "-d", ref)
    pulls.list_(asked)
    return 204, None


def _rules_of(asked: Asked) -> _Answer:
    return 200, asked.state.rules_of(unquote(asked.match["branch"]))


def _rulesets(asked: Asked) -> _Answer:
    hidden = ("rules", "bypass_actors", "conditions")
    return 200, [{name: each[name] for name in each if name not in hidden} for each in asked.state.rulesets]


def _ruleset(asked: Asked) -> _Answer:
    for each in asked.state.rulesets:
        if each["id"] == int(asked.match["id"]):
            # Who may pass is shown to those alone who may change it.
            seen = asked.token.permissions.get("administration") == "write"
            return 200, each if seen else {name: each[name] for name in each if name != "bypass_actors"}
    raise Refusal(404, "Not Found")


def _protection(asked: Asked) -> _Answer:
    branch = unquote(asked.match["branch"])
    if branch not in asked.state.protection:
        raise Refusal(404, "Branch not protected")
    return 200, asked.state.protection[branch]


def _role(asked: Asked) -> _Answer:
    login = unquote(asked.match["login"])
    role = asked.state.roles.get(login, "none")
    permission = {"maintain": "write", "triage": "read"}.get(role, role)
    return 200, {"permission": permission, "role_name": role, "user": {"login": login}}


def _variables(asked: Asked) -> _Answer:
    kept = _environment(asked)["variables"] if "name" in asked.match else asked.state.variables
    found = [{"name": name, "value": value} for name, value in sorted(kept.items())]
    return 200, {"total_count": len(found), "variables": _page(asked, found, 30)}


def _secrets(asked: Asked) -> _Answer:
    kept = _environment(asked)["secrets"] if "name" in asked.match else asked.state.secrets
    found = [{"name": name} for name in sorted(kept)]
    return 200, {"total_count": len(found), "secrets": _page(asked, found, 100)}


def _environment(asked: Asked) -> dict[str, Any]:
    name = unquote(asked.match["name"])
    if name not in asked.state.environments:
        raise Refusal(404, "Not Found")
    return {"branches": None, "variables": {}, "secrets": []} | asked.state.environments[name]


def _show_environment(asked: Asked) -> _Answer:
    branches = _environment(asked)["branches"]
    protected = branches == "protected"
    policy = {"protected_branches": protected, "custom_branch_policies": not protected}
    name = unquote(asked.match["name"])
    return 200, {"name": name, "protection_rules": [], "deployment_branch_policy": None if branches is None else policy}


def _branch_policies(asked: Asked) -> _Answer:
    branches = _environment(asked)["branches"]
    names = [] if branches in (None, "protected") else branches
    found = [{"id": number, "name": name, "type": "branch"} for number, name in enumerate(names)]
    return 200, {"total_count": len(found), "branch_policies": found}


def _page(asked: Asked, found: list[dict[str, str]], most: int) -> list[dict[str, str]]:
    size, page = min(int(asked.query.get("per_page", 10)), most), int(asked.query.get("page", 1))
    return found[(page - 1) * size : page * size]


def _none(asked: Asked) -> _Answer:  # noqa: ARG001 - an answer as the others are
    return 200, {"total_count": 0, "variables": []}


_SHA = r"(?P<sha>[^/]+)"
_ROUTES: list[tuple[str, str, str, Callable[[Asked], _Answer]]] = [
    ("GET", "", "metadata=read", _repository),
    ("GET", "pulls", "pull_requests=read", pulls.list_),
    ("POST", "pulls", "pull_requests=write", pulls.create),
    ("GET", r"pulls/(?P<number>\d+)", "pull_requests=read", pulls.get),
    ("PATCH", r"pulls/(?P<number>\d+)", "pull_requests=write", pulls.change),
    ("PUT", r"pulls/(?P<number>\d+)/merge", "contents=write", pulls.merge),
    ("PUT", r"pulls/(?P<number>\d+)/update-branch", "pull_requests=write", pulls.update),
    ("GET", r"issues/(?P<number>\d+)/comments", "pull_requests=read", pulls.list_comments),
    ("POST", r"issues/(?P<number>\d+)/comments", "pull_requests=write", pulls.comment),
    ("PATCH", r"issues/comments/(?P<id>\d+)", "pull_requests=write", pulls.recomment),
    ("GET", f"commits/{_SHA}/pulls", "pull_requests=read", pulls.of_commit),
    ("GET", f"commits/{_SHA}", "contents=read", _commit),
    ("POST", "dispatches", "contents=write", _dispatch),
    ("POST", r"actions/workflows/(?P<workflow>[^/]+)/dispatches", "actions=write", _start),
    ("GET", "git/ref/(?P<ref>.+)", "contents=read", _ref),
    ("DELETE", "git/refs/(?P<ref>.+)", "contents=write", _remove_ref),
    ("GET", "rules/branches/(?P<branch>.+)", "metadata=read", _rules_of),
    ("GET", "rulesets", "metadata=read", _rulesets),
    ("GET", r"rulesets/(?P<id>\d+)", "metadata=read", _ruleset),
    ("GET", "branches/(?P<branch>.+)/protection", "administration=read", _protection),
    ("GET", "codeowners/errors", "contents=read", lambda asked: (200, {"errors": asked.state.codeowners_errors})),
    ("GET", "collaborators/(?P<login>[^/]+)/permission", "metadata=read", _role),
    ("GET", "actions/variables", "actions_variables=read", _variables),
    ("GET", "actions/organization-variables", "actions_variables=read", _none),
    ("GET", "actions/secrets", "secrets=read", _secrets),
    ("GET", "environments/(?P<name>[^/]+)", "actions=read", _show_environment),
    ("GET", "environments/(?P<name>[^/]+)/deployment-branch-policies", "actions=read", _branch_policies),
    ("GET", "environments/(?P<name>[^/]+)/variables", "environments=read", _variables),
    ("GET", "environments/(?P<name>[^/]+)/secrets", "environments=read", _secrets),
    ("GET", "actions/permissions", "administration=read", lambda asked: (200, asked.state.actions)),
    ("GET", "actions/permissions/workflow", "administration=read", lambda asked: (200, asked.state.workflow)),
]


def answer(asked: Asked, method: str, path: str) -> _Answer:
    """Return the status and content of the answer to a request below the repository. Raise `Refusal`."""
    for wanted, pattern, permission, function in _ROUTES:
        match = re.fullmatch(pattern, path)
        if wanted == method and match:
            _check(asked.token, permission)
            asked.match = match.groupdict()
            return function(asked)
    raise Refusal(404, "Not Found")


def _check(token: Token, permission: str) -> None:
    name, _, level = permission.partition("=")
    if name == "metadata" or token.permissions.get(name) in (level, "write"):
        return
    headers = {"X-Accepted-GitHub-Permissions": permission}
    raise Refusal(403, "Resource not accessible by integration", headers=headers)


def parse(content: bytes) -> dict[str, Any]:
    """Return the body of a request. Raise `Refusal` when it is not JSON."""
    try:
        body = json.loads(content or b"{}")
    except ValueError:
        raise Refusal(400, "Problems parsing JSON") from None
    if not isinstance(body, dict):
        raise Refusal(400, "Body should be a JSON object")
    return body
