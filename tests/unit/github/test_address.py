"""The address of the repository on GitHub, and the token for its API."""

import subprocess

import pytest

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.github.api import address, connect, token


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Return a repository without a remote, and clear the environment of GitHub's variables."""
    for name in ("GITHUB_ACTIONS", "GITHUB_REPOSITORY", "GITHUB_API_URL", "GITHUB_TOKEN", "GH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    return Repository(tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/team/models.git",
        "https://github.com/team/models",
        "https://github.com/team/models/",
        "https://x-access-token:ghs_secret@github.com/team/models.git",
        "git@github.com:team/models.git",
        "ssh://git@github.com/team/models.git",
        "ssh://git@github.com:22/team/models.git",
        "github.com:team/models",
        "https://GitHub.com/team/models.git",
    ],
)
def test_the_remote_names_it(repository, url):
    """The address is read from each form of a remote that git knows."""
    repository.run("remote", "add", "origin", url)
    assert address(repository) == ("https://api.github.com", "team/models")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https://git.example.org/team/models.git", "git.example.org"),
        ("git@gitlab.com:team/models.git", "gitlab.com"),
        ("http://127.0.0.1:8080/team/models.git", "127.0.0.1"),
        ("https://github.com.evil.org/team/models", "github.com.evil.org"),
    ],
)
def test_a_token_is_not_shown_to_any_host(repository, monkeypatch, url, says):
    """A remote outside of github.com is used only if GITHUB_API_URL names its API."""
    repository.run("remote", "add", "origin", url)
    with pytest.raises(SlipwayError, match=r"which is not github\.com") as caught:
        address(repository)
    assert says in caught.value.problem and "GITHUB_API_URL" in caught.value.fix
    monkeypatch.setenv("GITHUB_API_URL", "https://git.example.org/api/v3/")
    assert address(repository) == ("https://git.example.org/api/v3", "team/models")


@pytest.mark.parametrize(
    "url",
    [
        "/srv/models.git",
        "../models",
        "https://u:secret@github.com/models",
        "https://github.com/a/b/secret",
        "file:///x/y",
    ],
)
def test_a_remote_that_is_elsewhere(repository, url):
    """The error hides the address of the remote: it may hold a password."""
    repository.run("remote", "add", "origin", url)
    with pytest.raises(SlipwayError, match="the remote origin is") as caught:
        address(repository)
    assert "secret" not in str(caught.value)


def test_no_remote(repository):
    """The error gives the command that adds a remote."""
    with pytest.raises(SlipwayError, match="has no remote called origin") as caught:
        address(repository)
    assert "git remote add origin" in caught.value.fix
    with pytest.raises(SlipwayError, match="no repository on GitHub is named"):
        address()


def test_the_environment_comes_first(repository, monkeypatch):
    """The variables of a pipeline run give the address."""
    repository.run("remote", "add", "origin", "https://github.com/team/models.git")
    monkeypatch.setenv("GITHUB_REPOSITORY", "other/thing")
    assert address(repository)[1] == "other/thing"


@pytest.mark.parametrize("name", ["models", "a/b/c", "../x", "a/b?x=1", "a b/c", "-a/b"])
def test_a_wrong_name(repository, monkeypatch, name):
    """A name that would change the address is refused."""
    monkeypatch.setenv("GITHUB_REPOSITORY", name)
    with pytest.raises(SlipwayError, match="GITHUB_REPOSITORY is"):
        address(repository)


@pytest.mark.parametrize(
    "api", ["api.github.com", "ftp://x", "https://u:p@x", "https://", "https://x/a b", "https://x?a=1"]
)
def test_a_wrong_address(repository, monkeypatch, api):
    """The error names the variable and a right value."""
    monkeypatch.setenv("GITHUB_API_URL", api)
    with pytest.raises(SlipwayError, match="GITHUB_API_URL is") as caught:
        address(repository)
    assert "/api/v3" in caught.value.fix


def test_tokens(repository, monkeypatch):  # noqa: ARG001
    """Either variable gives the token. Without one the error says where a token comes from, here and in a workflow."""
    monkeypatch.setenv("GITHUB_REPOSITORY", "team/models")
    with pytest.raises(SlipwayError, match="neither GITHUB_TOKEN nor GH_TOKEN is set") as caught:
        connect()
    assert "gh auth token" in caught.value.fix
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    with pytest.raises(SlipwayError) as caught:
        connect()
    assert "SLIPWAY_APP_PRIVATE_KEY" in caught.value.fix
    monkeypatch.setenv("GH_TOKEN", "b\n")
    assert token() == "b"
    monkeypatch.setenv("GITHUB_TOKEN", "a")
    assert token() == "a"
