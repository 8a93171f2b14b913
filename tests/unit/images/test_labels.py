"""The labels of an image."""

import pytest

from slipway.images import build as labels


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://github.com/team/models.git", "https://github.com/team/models"),
        ("https://x-access-token:ghs_secret@github.com/team/models", "https://github.com/team/models"),
        ("git@github.com:team/models.git", "https://github.com/team/models"),
        ("ssh://git@git.example.org:2222/team/models.git", "https://git.example.org/team/models"),
        ("http://git.example.org:8080/models.git", "http://git.example.org:8080/models"),
        ("/srv/git/models.git", ""),
        ("file:///srv/git/models.git", ""),
        ("../models", ""),
        ("ssh://git@github.com:team/models.git", ""),
        ("https://[github.com/team/models", ""),
    ],
)
def test_a_remote_is_named_without_its_secrets(remote, address):
    """By the address that a person opens; a folder on somebody's machine is none."""
    assert labels.web_address(remote) == address


def test_labels_say_what_it_is_and_where_it_is_from(site):
    """Title, fingerprint, commit and repository, and no time, so that the same image is the same."""
    site.git("remote", "add", "origin", "https://ada:secret@github.com/team/models.git")
    assert labels.labels_of(site.root, "iris", "ab12") == {
        "org.opencontainers.image.title": "iris",
        "org.opencontainers.image.version": "ab12",
        "org.opencontainers.image.revision": site.head,
        "org.opencontainers.image.source": "https://github.com/team/models",
    }


def test_what_git_does_not_know_is_left_out(tmp_path):
    """Outside of a repository there is no commit and no address."""
    assert labels.labels_of(tmp_path, "iris", "ab12").keys() == {
        "org.opencontainers.image.title",
        "org.opencontainers.image.version",
    }
