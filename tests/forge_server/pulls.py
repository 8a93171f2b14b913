"""Pull requests and the comments below them."""

from datetime import UTC, datetime
from subprocess import CalledProcessError
from typing import TYPE_CHECKING, Any

from tests.forge_server.state import Refusal

if TYPE_CHECKING:
    from tests.forge_server.api import Asked

__all__ = [
    "change",
    "comment",
    "create",
    "get",
    "list_",
    "list_comments",
    "merge",
    "of_commit",
    "recomment",
    "refresh",
    "update",
]

_LONGEST = 65_536


def list_(asked: "Asked") -> tuple[int, Any]:
    """GET pulls"""
    wanted = {name: asked.query.get(name, "") for name in ("state", "head", "base")}
    found = [each for each in map(lambda pull: shown(asked, pull), _all(asked)) if _matches(each, wanted)]  # noqa: C417
    newest_first = asked.query.get("direction", "desc") == "desc"
    return 200, sorted(found, key=lambda each: each["number"], reverse=newest_first)


def _matches(pull: dict[str, Any], wanted: dict[str, str]) -> bool:
    return (
        (wanted["state"] in ("all", pull["state"]) or (not wanted["state"] and pull["state"] == "open"))
        and wanted["head"] in ("", pull["head"]["label"])
        and wanted["base"] in ("", pull["base"]["ref"])
    )


def create(asked: "Asked") -> tuple[int, Any]:
    """POST pulls"""
    title, head, base = (str(asked.body.get(name) or "") for name in ("title", "head", "base"))
    owner = asked.state.name.partition("/")[0]
    head = head.removeprefix(f"{owner}:")
    for field, value in (("head", head), ("base", base)):
        if not value or not asked.bare.branch(value):
            raise _invalid([{"resource": "PullRequest", "field": field, "code": "invalid"}])
    if not title:
        raise _invalid([{"resource": "PullRequest", "code": "missing_field", "field": "title"}])
    if any(each["state"] == "open" and (each["head"], each["base"]) == (head, base) for each in _all(asked)):
        raise _invalid(_custom(f"A pull request already exists for {owner}:{head}."))
    if asked.bare.holds(base, asked.bare.branch(head)):
        raise _invalid(_custom(f"No commits between {base} and {head}"))
    pull = {
        "number": asked.next_number(),
        "title": title,
        "body": _body(asked),
        "head": head,
        "base": base,
        "sha": asked.bare.branch(head),
        "state": "open",
        "merged_at": None,
        "merge_commit_sha": None,
        "draft": bool(asked.body.get("draft", False)),
        "user": asked.token.login,
        "user_type": asked.token.type,
        "created_at": _now(),
    }
    asked.state.pulls.append(pull)
    return 201, shown(asked, pull)


def get(asked: "Asked") -> tuple[int, Any]:
    """GET pulls/N"""
    return 200, shown(asked, _one(asked))


def change(asked: "Asked") -> tuple[int, Any]:
    """PATCH pulls/N"""
    pull = _one(asked)
    if "state" in asked.body and pull["merged_at"]:
        raise _invalid([{"resource": "PullRequest", "field": "state", "code": "invalid"}])
    if asked.body.get("state") == "open" and not asked.bare.branch(pull["head"]):
        raise _invalid(_custom(f"The {pull['head']} branch has been deleted."))
    if "body" in asked.body:
        pull["body"] = _body(asked)
    pull.update({name: asked.body[name] for name in ("title", "state", "base") if name in asked.body})
    return 200, shown(asked, pull)


def merge(asked: "Asked") -> tuple[int, Any]:
    """PUT pulls/N/merge"""
    pull = _one(asked)
    if pull["state"] != "open" or pull["draft"]:
        raise Refusal(405, "Pull Request is not mergeable")
    if asked.body.get("sha") not in (None, pull["sha"]):
        raise Refusal(409, "Head branch was modified. Review and try the merge again.")
    method = asked.body.get("merge_method", "merge")
    if method not in ("merge", "squash"):
        raise Refusal(405, f"{method} merges are not allowed on this repository.")
    owner = asked.state.name.partition("/")[0]
    usual = f"Merge pull request #{pull['number']} from {owner}/{pull['head']}"
    title = asked.body.get("commit_title") or (usual if method == "merge" else f"{pull['title']} (#{pull['number']})")
    message = f"{title}\n\n{asked.body.get('commit_message', pull['title'])}\n"
    try:
        new = asked.bare.merge(pull["base"], pull["sha"], message, squash=method == "squash")
    except CalledProcessError:  # a push came in between
        raise Refusal(409, "Base branch was modified. Review and try the merge again.") from None
    if new is None:
        raise Refusal(405, "Pull Request is not mergeable")
    pull.update(state="closed", merged_at=_now(), merge_commit_sha=new)
    if asked.state.delete_branch_on_merge:
        asked.bare.git("update-ref", "-d", f"refs/heads/{pull['head']}")
    return 200, {"sha": new, "merged": True, "message": "Pull Request successfully merged"}


def update(asked: "Asked") -> tuple[int, Any]:
    """PUT pulls/N/update-branch"""
    pull = _one(asked)
    if asked.body.get("expected_head_sha") not in (None, pull["sha"]):
        raise Refusal(422, "expected head sha didn’t match current head ref.")  # noqa: RUF001 - as GitHub writes it
    if asked.bare.holds(pull["sha"], asked.bare.branch(pull["base"])):
        raise Refusal(422, "There are no new commits on the base branch.")
    message = f"Merge branch '{pull['base']}' into {pull['head']}\n"
    if asked.bare.merge(pull["head"], asked.bare.branch(pull["base"]), message) is None:
        raise Refusal(422, "merge conflict between base and head")
    return 202, {"message": "Updating pull request branch.", "url": f"{asked.api}/pulls/{pull['number']}"}


def of_commit(asked: "Asked") -> tuple[int, Any]:
    """GET commits/SHA/pulls: the ones that brought the commit, or else the open ones that propose it"""
    commit = asked.bare.at(asked.match["sha"])
    if not commit:
        raise Refusal(422, f"No commit found for SHA: {asked.match['sha']}")
    default = asked.state.default_branch
    merged = [each for each in _all(asked) if each["merged_at"] and _brought(asked, each, commit)]
    if merged or asked.bare.holds(default, commit):
        return 200, [shown(asked, each) for each in merged]
    proposed = [each for each in _all(asked) if each["state"] == "open" and asked.bare.holds(each["sha"], commit)]
    return 200, [shown(asked, each) for each in proposed]


def _brought(asked: "Asked", pull: dict[str, Any], commit: str) -> bool:
    merged = pull["merge_commit_sha"]
    if commit == merged:
        return True
    return asked.bare.holds(pull["sha"], commit) and not asked.bare.holds(f"{merged}^1", commit)


def list_comments(asked: "Asked") -> tuple[int, Any]:
    """GET issues/N/comments"""
    number = _one(asked)["number"]
    return 200, [_comment(asked, each) for each in asked.state.comments if each["number"] == number]


def comment(asked: "Asked") -> tuple[int, Any]:
    """POST issues/N/comments"""
    made = {
        "id": 1000 + len(asked.state.comments),
        "number": _one(asked)["number"],
        "body": _body(asked),
        "user": asked.token.login,
        "user_type": asked.token.type,
    }
    asked.state.comments.append(made)
    return 201, _comment(asked, made)


def recomment(asked: "Asked") -> tuple[int, Any]:
    """PATCH issues/comments/ID"""
    for each in asked.state.comments:
        if each["id"] == int(asked.match["id"]):
            each["body"] = _body(asked)
            return 200, _comment(asked, each)
    raise Refusal(404, "Not Found")


def refresh(asked: "Asked", pull: dict[str, Any]) -> None:
    """Follow pushes: take a new commit, note a merge by a push to the base, or close it when its branch is gone."""
    if pull["state"] != "open":
        return
    tip = asked.bare.branch(pull["head"])
    pull["sha"] = tip or pull["sha"]
    if asked.bare.holds(pull["base"], pull["sha"]):
        pull.update(state="closed", merged_at=_now(), merge_commit_sha=pull["sha"])
    elif not tip:
        pull["state"] = "closed"


def shown(asked: "Asked", pull: dict[str, Any]) -> dict[str, Any]:
    """Return a pull request in the form that GitHub answers."""
    where, number = asked.api, pull["number"]
    owner = asked.state.name.partition("/")[0]
    ends = {
        end: {
            "ref": pull[end],
            "label": f"{owner}:{pull[end]}",
            "sha": pull["sha"] if end == "head" else asked.bare.branch(pull["base"]),
            "user": {"login": owner, "type": "Organization"},
            "repo": {"full_name": asked.state.name, "name": asked.state.name.partition("/")[2], "url": where},
        }
        for end in ("head", "base")
    }
    kept = ("number", "title", "body", "state", "merged_at", "merge_commit_sha", "draft", "created_at")
    return {name: pull[name] for name in kept} | {
        "id": number,
        "url": f"{where}/pulls/{number}",
        "issue_url": f"{where}/issues/{number}",
        "comments_url": f"{where}/issues/{number}/comments",
        "html_url": f"{asked.site}/{asked.state.name}/pull/{number}",
        "merged": pull["merged_at"] is not None,
        "user": {"login": pull["user"], "type": pull["user_type"]},
        **ends,
    }


def _comment(asked: "Asked", comment: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": comment["id"],
        "url": f"{asked.api}/issues/comments/{comment['id']}",
        "html_url": f"{asked.site}/{asked.state.name}/pull/{comment['number']}#issuecomment-{comment['id']}",
        "body": comment["body"],
        "user": {"login": comment["user"], "type": comment["user_type"]},
    }


def _all(asked: "Asked") -> list[dict[str, Any]]:
    for pull in asked.state.pulls:
        refresh(asked, pull)
    return asked.state.pulls


def _one(asked: "Asked") -> dict[str, Any]:
    for each in _all(asked):
        if each["number"] == int(asked.match["number"]):
            return each
    raise Refusal(404, "Not Found")


def _body(asked: "Asked") -> str:
    text = asked.body.get("body") or ""
    if len(text) > _LONGEST:
        raise _invalid([{"resource": "Issue", "code": "custom", "field": "body", "message": "body is too long"}])
    return str(text)


def _custom(message: str) -> list[dict[str, str]]:
    return [{"resource": "PullRequest", "code": "custom", "message": message}]


def _invalid(errors: list[dict[str, str]]) -> Refusal:
    return Refusal(422, "Validation Failed", errors=errors)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
