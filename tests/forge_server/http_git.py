"""Git over smart HTTP, by `git http-backend`. The server decides on a push before the backend gets it."""

import base64
import os
import subprocess
from typing import NamedTuple

from tests.forge_server.repositories import Bare
from tests.forge_server.state import State, Token

__all__ = ["Answer", "Update", "password", "refusal", "remark", "serve", "updates"]

_NONE = "0" * 40


class Answer(NamedTuple):
    """The answer of the backend."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Update(NamedTuple):
    """The move of one branch or tag by a push."""

    ref: str
    old: str
    new: str


def password(header: str) -> str:
    """Return the token of basic authentication as `x-access-token`, or "" without one."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        user, _, token = base64.b64decode(value).decode().partition(":")
    except ValueError:
        return ""
    return token if user == "x-access-token" else ""


def updates(body: bytes) -> list[Update]:
    """Return the moves of a push, from the lines before the first flush packet."""
    found, position = [], 0
    while (size := int(body[position : position + 4] or b"0", 16)) >= 4:
        line = body[position + 4 : position + size].split(b"\0")[0].decode(errors="replace").strip()
        if not line.startswith("shallow "):  # a push from a shallow clone begins with these
            old, new, ref = line.split(" ", 2)
            found.append(Update(ref, old, new))
        position += size
    return found


def refusal(state: State, token: Token, wanted: list[Update], url: str) -> str:
    """Return the message of GitHub that refuses a push to a protected branch, or "" if it is allowed."""
    for update in wanted:
        branch = update.ref.removeprefix("refs/heads/")
        if branch == update.ref:
            continue
        if branch in state.protection and not token.bypass:
            return (
                f"error: GH006: Protected branch update failed for {update.ref}.\n"
                "error: Changes must be made through a pull request."
            )
        binding = [rule for rule in state.rules_of(branch) if not state.passes(token, rule["ruleset_id"])]
        if broken := [_words(rule) for rule in binding if _breaks(rule, update)]:
            review = f"Review all repository rules at {url}/{state.name}/rules?ref={update.ref.replace('/', '%2F')}"
            lines = "\n".join(f"- {word}\n" for word in broken)
            return f"error: GH013: Repository rule violations found for {update.ref}.\n{review}\n\n{lines}"
    return ""


def remark(state: State, token: Token, wanted: list[Update]) -> str:
    """Return GitHub's words to who pushes past a ruleset that binds others, or ""."""
    found = []
    for update in wanted:
        rules = state.rules_of(update.ref.removeprefix("refs/heads/"))
        if lines := [f"- {_words(rule)}\n" for rule in rules if _breaks(rule, update)]:
            found.append("\n".join([f"Bypassed rule violations for {update.ref}:\n", *lines]))
    return "\n".join(found) if not refusal(state, token, wanted, "") else ""


def _breaks(rule: dict[str, object], update: Update) -> bool:
    """Return True if a push breaks the rule. Git itself checks for a forced push, as it has the commits."""
    if rule["type"] == "deletion":
        return update.new == _NONE
    if rule["type"] == "creation":
        return update.old == _NONE
    return rule["type"] in ("pull_request", "required_status_checks", "update") and update.new != _NONE


def _words(rule: dict[str, object]) -> str:
    return {
        "pull_request": "Changes must be made through a pull request.",
        "required_status_checks": "Required status check is expected.",
        "deletion": "Cannot delete this branch",
        "creation": "Cannot create ref due to creations being restricted.",
        "update": "Cannot update this protected ref.",
    }.get(str(rule["type"]), str(rule["type"]))


def serve(
    bare: Bare, path: str, query: str, method: str, headers: dict[str, str], body: bytes, said: tuple[str, str]
) -> Answer:
    """Pass a request on to git. `said` are the reason for a refused push and other words; both may be empty."""
    keep = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment = keep | {
        "GIT_PROJECT_ROOT": str(bare.path),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(bare.path / "none"),
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "http.receivepack",
        "GIT_CONFIG_VALUE_0": "true",
        "GIT_CONFIG_KEY_1": "safe.directory",
        "GIT_CONFIG_VALUE_1": "*",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "REQUEST_METHOD": method,
        "CONTENT_TYPE": headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_CONTENT_ENCODING": headers.get("content-encoding", ""),
        "GIT_PROTOCOL": headers.get("git-protocol", ""),
        "REMOTE_ADDR": "127.0.0.1",
        "FORGE_REFUSAL": said[0],
        "FORGE_REMARK": said[1],
    }
    done = subprocess.run(["git", "http-backend"], env=environment, input=body, capture_output=True, check=False)
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    pairs = [line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line]
    status = next((int(value.split()[0]) for name, value in pairs if name == "Status"), 200 if pairs else 500)
    return Answer(status, [(name, value) for name, value in pairs if name != "Status"], content)
