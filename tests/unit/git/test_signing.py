"""Commits of verbs are signed where a person's git signs, and not otherwise."""

import subprocess
from pathlib import Path

import pytest

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.release.decisions import hold
from tests.unit.conftest import Site


@pytest.fixture
def signing(site: Site, tmp_path: Path) -> Site:
    """Have Ada sign by an SSH key, as GitHub verifies it too."""
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    (tmp_path / "allowed").write_text(f"ada@example.org {key.with_suffix('.pub').read_text()}")
    for name, value in (
        ("gpg.format", "ssh"),
        ("user.signingKey", str(key)),
        ("gpg.ssh.allowedSignersFile", str(tmp_path / "allowed")),
        ("commit.gpgSign", "true"),
    ):
        site.git("config", name, value)
    return site


def verified(site: Site) -> bool:
    done = subprocess.run(["git", "verify-commit", "HEAD"], cwd=site.root, capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.parametrize("encoding", ["UTF-8", "ISO-8859-1"])
def test_a_signed_commit(signing: Site, encoding: str) -> None:
    """Its signature holds; author, time, message and files are those of a commit without one."""
    signing.git("config", "i18n.commitEncoding", encoding)
    hold(signing.settings, "iris", "test", reason="größer als ½ …")
    assert verified(signing)
    asked = "--format=%an <%ae>%n%cn <%ce>%n%B"
    told = Repository(signing.root).run("log", "-1", asked).decode().splitlines()
    assert told[:3] == ["Ada <ada@example.org>"] * 2 + ["test/iris: hold"] and "Reason: größer als ½ …" in told
    hold_of = signing.overlay().hold
    assert hold_of and hold_of.reason == "größer als ½ …"


def test_no_signature_unless_it_is_asked_for(signing: Site) -> None:
    """A key alone signs nothing."""
    signing.git("config", "commit.gpgSign", "false")
    hold(signing.settings, "iris", "test", reason="audit")
    assert not verified(signing) and "gpgsig" not in signing.git("cat-file", "commit", "HEAD")


@pytest.mark.parametrize("setting", ["user.signingKey", "gpg.ssh.program"])
def test_a_signature_that_fails(signing: Site, setting: str) -> None:
    """It is told with git's words, and nothing has changed."""
    signing.git("config", setting, "/nowhere/at/all")
    before = signing.head
    with pytest.raises(SlipwayError, match="cannot sign the commit") as caught:
        hold(signing.settings, "iris", "test", reason="audit")
    assert "git config commit.gpgSign false" in str(caught.value.fix)
    assert signing.head == before and signing.git("status", "--porcelain") == ""
