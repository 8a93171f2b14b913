"""The client of GitHub's API, against a server that answers like GitHub."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from slipway.errors import SlipwayError
from slipway.github.api import connect
from slipway.github.failures import Refused
from tests.forge_server import Token
from tests.forge_server.fixtures import NAME

MARKER = "<!-- slipway: diff -->"


def test_a_pull_request_is_opened(github, clone, on_github):
    """The opened pull request has its number, address, branches, commit, title and body."""
    commit = clone.propose("promote/prod/iris")
    pull = github.propose("promote/prod/iris", "main", "Promote iris", "Why\n")
    assert pull == (
        1,
        f"{on_github.url}/{NAME}/pull/1",
        "promote/prod/iris",
        "main",
        commit,
        "open",
        "Promote iris",
        "Why\n",
    )
    assert github.pull_from("promote/prod/iris") == pull


def test_an_open_pull_request_is_brought_up_to_date(github, clone, on_github):
    """A second proposal of a branch updates the pull request, and writes nothing if nothing changed."""
    clone.propose("change")
    first = github.propose("change", "main", "One", "1")
    second = github.propose("change", "main", "Two\n of\tthem", "2")
    assert (second.number, second.title, second.body) == (first.number, "Two of them", "2")
    before = len(on_github.requests)
    assert github.propose("change", "main", "Two of them", "2") == second
    assert on_github.requests[before:] == [f"GET /repos/{NAME}/pulls"]


def test_several_propose_at_once(github, clone, on_github):
    """Of several proposals at once, one opens the pull request and the others update it without an error."""
    clone.propose("change")
    with ThreadPoolExecutor(6) as pool:
        pulls = list(pool.map(lambda body: connect().propose("change", "main", "One", body), "abcdef"))
    assert {pull.number for pull in pulls} == {1} and len(on_github.states[NAME].pulls) == 1
    assert github.pull_from("change").body in set("abcdef")
    clone.propose("other")
    on_github.fail(422, method="POST", path="/pulls", message="Validation Failed", after=True)
    assert github.propose("other", "main", "Two", "").number == 2


def test_the_open_pull_request_or_the_newest(github, clone):
    """The open pull request of a branch counts, and without one the newest closed one."""
    assert github.pull_from("change") is None
    clone.propose("change")
    first = github.propose("change", "main", "One", "")
    close(github, first.number)
    assert github.pull_from("change") == first._replace(state="closed")
    second = github.propose("change", "main", "Two", "")
    assert second.number == 2 and github.pull_from("change") == second
    close(github, 2)
    assert github.pull_from("change") == second._replace(state="closed")


def close(github, number):
    github._api.get_repo(NAME).get_pull(number).edit(state="closed")


def test_branches_are_not_mixed_up(github, clone):
    """Branches with similar names, or with special characters, keep their own pull requests."""
    for branch in ("a", "a/b", "a&state=closed", "ü#1"):
        if branch != "a/b":
            clone.propose(branch, f"file-{ord(branch[-1])}")
            assert github.propose(branch, "main", branch, "").branch == branch
    assert github.pull_from("a").number == 1
    assert github.pull_from("a/b") is None
    assert github.pull_from("a&state=closed").number == 2
    assert github.pull_from("ü#1").number == 3


def test_a_merged_pull_request(github, clone):
    """A merged pull request is merged, not closed. It is found by its merge and by its commits."""
    commit = clone.propose("change")
    pull = github.propose("change", "main", "One", "")
    assert [each.number for each in github.pulls_of(commit)] == [pull.number]
    merged = github._api.get_repo(NAME).get_pull(1).merge().sha
    assert github.pull_from("change").state == "merged"
    assert clone.git("ls-remote", "origin", "main").split()[0] == merged
    base = clone.git("rev-parse", "main")
    found = [[each.number for each in github.pulls_of(each)] for each in (merged, commit, base)]
    assert found == [[1], [1], []]


def test_open_ones(github, clone):
    """Only open pull requests of this repository are listed. Closing one twice changes nothing."""
    for branch in ("lift/prod/iris", "traffic/prod/iris", "lifted"):
        clone.propose(branch)
        github.propose(branch, "main", "One", "")
    assert [pull.branch for pull in github.open()] == ["lifted", "traffic/prod/iris", "lift/prod/iris"]
    first = github.pull_from("lift/prod/iris")
    github.close(first.number)
    github.close(first.number)
    assert [pull.branch for pull in github.open()] == ["lifted", "traffic/prod/iris"]
    assert github.pull_from("lift/prod/iris").state == "closed"


def test_an_update_is_a_merge_of_the_base(github, clone):
    """It is refused when the branch has moved, or has all of the base already."""
    clone.propose("change")
    pull = github.propose("change", "main", "One", "")
    with pytest.raises(Refused, match="no new commits on the base branch") as caught:
        github.update(pull.number, pull.head)
    assert caught.value.status == 422
    clone.propose("more")
    clone.git("push", "--quiet", "origin", "more:main")
    main = clone.git("rev-parse", "more")
    github.update(pull.number, pull.head)
    clone.git("fetch", "--quiet", "origin", "change")
    assert clone.git("log", "-1", "--format=%P", "FETCH_HEAD").split() == [pull.head, main]
    with pytest.raises(Refused, match="expected head sha"):
        github.update(pull.number, pull.head)


@pytest.mark.long(40)
def test_hundreds_of_open_ones(github, clone, on_github):
    """They are read page by page, with one request for each hundred of them."""
    clone.propose("one")
    github.propose("one", "main", "One", "")
    state = on_github.repository(NAME)
    [first] = state.pulls
    state.pulls += [first | {"number": number, "head": f"promote/prod/m-{number}"} for number in range(2, 341)]
    commit = on_github.bare(NAME).branch("one")
    for number in range(2, 341):
        (on_github.bare(NAME).path / "refs/heads/promote/prod").mkdir(parents=True, exist_ok=True)
        (on_github.bare(NAME).path / f"refs/heads/promote/prod/m-{number}").write_text(f"{commit}\n")
    before = len(on_github.requests)
    assert len(github.open()) == 340
    assert len(on_github.requests) - before == 4
    rules = [{"type": "creation", "parameters": {"number": number}} for number in range(250)]
    state.rulesets = [{"id": 1, "rules": rules, "bypass_actors": []}]
    assert len(github.read("the rules", "metadata: read", "rules/branches/main")) == 250


def test_a_commit_that_github_does_not_know(github):
    """An unknown commit has no pull request."""
    assert github.pulls_of("0" * 40) == []


def test_comments_are_kept_to_one_each(github, clone, on_github):
    """A comment with the same marker is updated, others stay, on any page of comments."""
    clone.propose("change")
    github.propose("change", "main", "One", "")
    for number in range(130):
        github.comment(1, f"<!-- slipway: {number} -->", "text") if number in (3, 129) else _write(
            on_github, str(number)
        )
    github.comment(1, "<!-- slipway: 129 -->", "anew")
    comments = on_github.states[NAME].comments
    assert len(comments) == 130
    assert [each["body"] for each in comments if "slipway" in each["body"]] == [
        "<!-- slipway: 3 -->\ntext",
        "<!-- slipway: 129 -->\nanew",
    ]
    before = len(on_github.requests)
    github.comment(1, "<!-- slipway: 129 -->", "anew")
    assert not [each for each in on_github.requests[before:] if not each.startswith("GET")]


def _write(forge, body, user="eve", type_="User"):
    state = forge.states[NAME]
    state.comments.append(
        {"id": 1000 + len(state.comments), "number": 1, "body": body, "user": user, "user_type": type_}
    )


def test_a_comment_of_somebody_else_is_left_alone(github, clone, on_github):
    """A comment of another person with the marker is not changed."""
    clone.propose("change")
    github.propose("change", "main", "One", "")
    _write(on_github, f"{MARKER}\nmine")
    github.comment(1, MARKER, "text")
    assert [each["body"] for each in on_github.states[NAME].comments] == [f"{MARKER}\nmine", f"{MARKER}\ntext"]


def test_a_person_has_comments_of_their_own(clone, on_github, monkeypatch):
    """With the token of a person, the comment of that person is updated."""
    on_github.tokens["gho_ada"] = Token("ada", "User")
    monkeypatch.setenv("GITHUB_TOKEN", "gho_ada")
    clone.git("remote", "set-url", "origin", on_github.clone_url(NAME, "gho_ada"))
    clone.propose("change")
    connect().propose("change", "main", "One", "")
    _write(on_github, MARKER)
    for body in ("one", "two"):
        connect().comment(1, MARKER, body)
    assert [each["body"] for each in on_github.states[NAME].comments] == [MARKER, f"{MARKER}\ntwo"]


@pytest.mark.parametrize("marker", ["", "slipway", "<!-- a -->\n", "<!-- a --> b -->", "<!---->", "<!-- a\nb -->"])
def test_a_wrong_marker_is_refused(github, marker):
    """A marker that would show, or that could not be found again, is refused."""
    with pytest.raises(SlipwayError, match="is no marker"):
        github.comment(1, marker, "text")


def test_long_bodies_are_cut(github, clone, on_github):
    """A body that GitHub would refuse is cut."""
    clone.propose("change")
    pull = github.propose("change", "main", "t" * 300, "line\n" * 20_000)
    assert len(pull.title) == 256 and 60_000 < len(pull.body) <= 65_536
    assert pull.body.endswith("> *Cut here: the whole is longer than GitHub takes.*\n")
    github.comment(1, MARKER, "ü" * 100_000)
    assert 60_000 < len(on_github.states[NAME].comments[0]["body"]) <= 65_536


def test_an_event(github, on_github):
    """The event arrives with its type and payload."""
    payload = {"model": "iris", "version": 7}
    github.dispatch("slipway-version", payload)
    assert on_github.states[NAME].dispatches == [{"event_type": "slipway-version", "client_payload": payload}]


@pytest.mark.parametrize("prefix", ["", "/", "/api/v3", "/api/v3/"])
def test_any_address_of_an_api(clone, on_github, monkeypatch, prefix):
    """The API of GitHub Enterprise has a path, and links in its answers have it too."""
    monkeypatch.setenv("GITHUB_API_URL", on_github.url + prefix)
    clone.propose("change")
    connect().propose("change", "main", "One", "")
    for number in range(120):
        _write(on_github, str(number))
    connect().comment(1, MARKER, "text")
    connect().comment(1, MARKER, "again")
    assert on_github.states[NAME].comments[-1]["body"] == f"{MARKER}\nagain"


def test_anything_else_can_be_read(github, on_github):
    """Any other path of the repository can be read."""
    on_github.states[NAME].variables["A"] = "1"
    assert github.read("variables", "actions-variables: read", "actions/variables")["variables"][0]["name"] == "A"
    assert github.read("the repository", "metadata: read")["default_branch"] == "main"
