"""Events from GitHub, valid and invalid ones."""

import json

import pytest

from slipway import settings as settings_file
from slipway.errors import SlipwayError
from slipway.github.events import Request, current, read

SETTINGS = """
environments:
  test: {store: store/test, namespace: slipway-test}
  prod: {store: store/prod, namespace: slipway-prod, promotes_from: test}
models: {iris: {}, tumor: {}}
"""


@pytest.fixture
def settings(tmp_path):
    """Return settings with two environments and two models."""
    return settings_file.parse(SETTINGS, tmp_path)


@pytest.fixture
def file(tmp_path):
    """Return the path of the event file."""
    return tmp_path / "event.json"


def push(ref, **more):
    return "push", {"ref": ref, "commits": [], "repository": {"full_name": "team/models"}} | more


def announced(payload, action="slipway-version"):
    return "repository_dispatch", {"action": action, "client_payload": payload, "sender": {"login": "ada"}}


def by_hand(**inputs):
    return "workflow_dispatch", {"inputs": inputs, "ref": "refs/heads/main"}


BY_HAND = Request(train="as set")


@pytest.mark.parametrize(
    ("event", "request_"),
    [
        (push("refs/heads/main"), Request(train="as set")),
        (
            push("refs/heads/main", before="1" * 40, after="2" * 40),
            Request(train="as set", span=("1" * 40, "2" * 40)),
        ),
        (push("refs/heads/main", before="0" * 40, after="2" * 40), Request(train="as set")),
        (push("refs/heads/deploy/iris"), Request(train="as set")),
        (push("refs/heads/deploy/$(b)`c`"), Request(train="as set")),
        (push("refs/heads/trainpred/iris"), Request(train="also manual")),
        (push("refs/heads/main", deleted=False), Request(train="as set")),
        (("schedule", {"schedule": "*/10 * * * *"}), Request(train="scheduled")),
        (announced({"model": "iris"}), Request(models=("iris",))),
        (announced({"model": "iris", "version": 7}), Request(models=("iris",), announced=7)),
        (announced({"model": "iris", "version": "7"}), Request(models=("iris",), announced=7)),
        (announced({"model": "iris", "version": None, "environment": ""}), Request(models=("iris",))),
        (
            announced({"model": "tumor", "version": 1, "environment": "prod"}),
            Request(models=("tumor",), announced=1, environment="prod"),
        ),
        (by_hand(), BY_HAND),
        (("workflow_dispatch", {"inputs": None}), BY_HAND),
        (("workflow_dispatch", {}), BY_HAND),
        (by_hand(model="", version="", where="", environment="", traffic=""), BY_HAND),
        (by_hand(model=" iris  tumor iris "), BY_HAND._replace(models=("iris", "tumor"))),
        (by_hand(model="iris", version=" 12 "), BY_HAND._replace(models=("iris",), version=12)),
        (by_hand(where="stage=blue owner=ada"), BY_HAND._replace(where={"stage": "blue", "owner": "ada"})),
        (
            by_hand(where="owner='Ann B.' sum=1+1=2 none="),
            BY_HAND._replace(where={"owner": "Ann B.", "sum": "1+1=2", "none": ""}),
        ),
        (by_hand(where='x=$(id) y=";"'), BY_HAND._replace(where={"x": "$(id)", "y": ";"})),
        (by_hand(environment="prod", traffic="10"), BY_HAND._replace(environment="prod", traffic=10)),
    ],
)
def test_the_request_of_an_event(settings, file, event, request_):
    """Each event gives its request, and empty fields have their defaults."""
    name, content = event
    file.write_text(json.dumps(content))
    assert read(name, file, settings) == request_


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (push("refs/heads/other"), "push: ref: 'refs/heads/other' starts no release\n  → push to main, deploy/NAME"),
        (push("refs/heads/deploy/a/b"), "starts no release"),
        (push("refs/heads/trainpred/a/b"), "starts no release"),
        (push("refs/heads/mainx"), "starts no release"),
        (push("refs/heads/deploy"), "starts no release"),
        (push("refs/tags/main"), "starts no release"),
        (push("main"), "starts no release"),
        (push("refs/heads/main", deleted=True), "was deleted"),
        (push(None), "push: ref is missing"),
        (push(7), "push: ref: 7 is no text"),
        (push(["refs/heads/main"]), "push: ref: a list is no text"),
        (("pull_request", {}), "the event 'pull_request' releases nothing"),
        (("pushed", {}), "did you mean 'push'?"),
        (announced({"model": "iris"}, "slipway-versions"), "→ dispatch with the event_type slipway-version"),
        (announced({"model": "iris"}, None), "repository_dispatch: action is missing"),
        (announced({}), "repository_dispatch: client_payload: model is missing"),
        (announced(None), "client_payload: model is missing"),
        (announced([1]), "repository_dispatch: client_payload: a list is no object"),
        (announced("iris"), "client_payload: 'iris' is no object"),
        (announced({"model": "irsi"}), "model: 'irsi' unknown model 'irsi'\n  → did you mean 'iris'?"),
        (announced({"model": "../../etc"}), "unknown model"),
        (announced({"model": "common"}), "unknown model"),
        (announced({"model": "iris tumor"}), "unknown model"),
        (announced({"model": ["iris"]}), "model: a list is no text"),
        (announced({"model": {"a": 1}}), "model: an object is no text"),
        (announced({"model": "x" * 20_000}), "has more than 10000 characters"),
        (announced({"model": "x" * 9_000}), "has too many characters\n  → known: iris, tumor"),
        (announced({"model": "iris\n"}), "cannot be shown"),
        (announced({"model": "\x1b[31mred"}), "'\\x1b[31mred' has a character that cannot be shown"),
        (announced({"model": "\u202eiris"}), "'\\u202eiris' has a character that cannot be shown"),
        (announced({"model": "iris", "versoin": 1}), "unknown key 'versoin'\n  → did you mean 'version'?"),
        (announced({"model": "iris", "x" * 5_000: 1}), "unknown key 'xxx"),
        (announced({"model": "iris", "version": 0}), "version: 0 is no whole number from 1 on"),
        (announced({"model": "iris", "version": -1}), "version: -1 is no whole number from 1 on"),
        (announced({"model": "iris", "version": 10**9}), "is no whole number from 1 on"),
        (announced({"model": "iris", "version": 1.5}), "version: 1.5 is no whole number from 1 on"),
        (announced({"model": "iris", "version": True}), "version: True is no whole number from 1 on"),
        (announced({"model": "iris", "version": [1]}), "version: a list is no whole number from 1 on"),
        (announced({"model": "iris", "version": "07"}), "version: '07' is no whole number from 1 on"),
        (announced({"model": "iris", "version": "\u0667"}), "version: '\\u0667' is no whole number"),
        (announced({"model": "iris", "version": "latest"}), "is no whole number from 1 on"),
        (announced({"model": "iris", "environment": "prd"}), "'prd' is not known\n  → did you mean 'prod'?"),
        (announced({"model": "iris", "environment": 1}), "environment: 1 is no text"),
        (("workflow_dispatch", {"inputs": "iris"}), "workflow_dispatch: inputs: 'iris' is no object"),
        (by_hand(modle="iris"), "workflow_dispatch: inputs: unknown key 'modle'"),
        (by_hand(model="iris tumour"), "unknown model 'tumour'\n  → did you mean 'tumor'?"),
        (by_hand(model=True), "model: True is no text"),
        (by_hand(model="iris", version="1; rm -rf /"), "version: '1; rm -rf /' is no whole number"),
        (by_hand(model="iris", version="-1"), "is no whole number"),
        (by_hand(model="iris", version="1e3"), "is no whole number"),
        (by_hand(version="3"), "version: '3' is given for all models"),
        (by_hand(model="iris tumor", version="3"), "version: '3' is given for 2 models"),
        (by_hand(model="iris", version="3", where="a=b"), "version: '3' and where are both given"),
        (by_hand(where="stage"), "where 'stage' is not NAME=VALUE"),
        (by_hand(where="=blue"), "is not NAME=VALUE"),
        (by_hand(where="a=1 a=2"), "inputs: where a is given twice: '1' and '2'"),
        (by_hand(where="a='b"), 'where "a=\'b" cannot be divided into words'),
        (by_hand(environment="TEST"), "'TEST' is not known\n  → did you mean 'test'?"),
        (by_hand(environment="test; echo"), "is not known"),
        (by_hand(traffic="0"), "traffic: '0' is no whole number"),
        (by_hand(traffic="101"), "traffic: '101' is more than there is"),
        (by_hand(traffic="50%"), "is no whole number"),
    ],
)
def test_a_wrong_event_is_refused(settings, file, event, says):
    """The error names the key, its value and the nearest known word, and cannot control a terminal."""
    name, content = event
    file.write_text(json.dumps(content))
    with pytest.raises(SlipwayError) as caught:
        read(name, file, settings)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 600
    assert str(caught.value).replace("\n  → ", "").isprintable()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b'"push"',
        b"{",
        b"\xff\xfe",
        b'{"ref": "\xff"}',
        b'{"ref": 1e999}',
        b"[" * 100_000,
        b'{"ref": ' * 100_000,
        b'{"ref": ' + b"9" * 10_000 + b"}",
        b'{"ref": ' + b"[" * 900 + b"]" * 900 + b"}",
    ],
)
def test_a_file_that_is_no_event(settings, file, content):
    """A file that is no JSON object, or is nested too deep, is refused in one line."""
    file.write_bytes(content)
    with pytest.raises(SlipwayError) as caught:
        read("push", file, settings)
    assert len(str(caught.value)) < 600


def test_a_file_too_big(settings, file):
    """A file that is too large is not read."""
    with file.open("wb") as handle:
        handle.truncate(26 * 1024 * 1024)
    with pytest.raises(SlipwayError, match="has more than"):
        read("push", file, settings)


def test_other_branches_and_environments(tmp_path, file):
    """The followed branch and the first environment may have other names."""
    text = "environments: {dev2: {store: a, namespace: a}, live: {store: b, namespace: b, promotes_from: dev2}}\n"
    settings = settings_file.parse(text + "branch: release/1", tmp_path)
    file.write_text(json.dumps({"ref": "refs/heads/release/1"}))
    assert read("push", file, settings) == Request(environment="dev2", train="as set")
    file.write_text(json.dumps({"ref": "refs/heads/main"}))
    with pytest.raises(SlipwayError, match="starts no release"):
        read("push", file, settings)


def test_the_event_of_this_run(settings, file, monkeypatch):
    """The event of this run is read from the runner's file. Outside of a run the error says so."""
    monkeypatch.delenv("GITHUB_EVENT_NAME", raising=False)
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(file))
    with pytest.raises(SlipwayError, match="no event has started this"):
        current(settings)
    monkeypatch.setenv("GITHUB_EVENT_NAME", "schedule")
    with pytest.raises(SlipwayError, match="the event cannot be read from"):
        current(settings)
    file.write_text("{}")
    assert current(settings) == Request(train="scheduled")
