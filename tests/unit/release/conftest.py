"""Fixtures of the tests of releases: a remote with clones, and records without a store."""

import subprocess

import pytest

from slipway.git import Repository
from slipway.gitops.branches import Pushed
from slipway.store import Artifact, Record, Training
from tests.forge_server.fixtures import NAME, TOKEN
from tests.forge_server.server import Forge
from tests.unit.conftest import Site


def record(version: int, digest: str | None) -> Record:
    """Return the record of a version of iris in test. A digest of None stands for a version published by hand."""
    return Record(
        model="iris",
        environment="test",
        version=version,
        created="2026-11-21T10:00:00Z",
        by="ada",
        publication="1",
        artifact=Artifact("0" * 64, {}),
        training=Training(digest=digest) if digest else None,
    )


class Team:
    """A remote repository and clones of it, all with one store."""

    def __init__(self, forge: Forge, site: Site) -> None:
        self.forge, self.site = forge, site
        self.bare = forge.bare(NAME)
        self.url = forge.clone_url(NAME)
        text = (site.root / "slipway.yaml").read_text()
        site.write("slipway.yaml", text.replace(".slipway/store", str(site.root.parent / "store")))
        site.commit("One store for all clones")
        site.git("remote", "add", "origin", self.url)
        self.push(site)

    def push(self, site: Site, *options: str) -> None:
        site.git("push", "--quiet", *options, "origin", "HEAD")

    def clone(self, name: str) -> Site:
        """Clone the remote, as on another machine."""
        made = Site(self.site.root.parent / name)
        subprocess.run(["git", "clone", "--quiet", self.url, str(made.root)], check=True)
        return made

    def here(self) -> Site:
        """Return a new clone of the current remote."""
        return self.clone(f"look-{len(list(self.site.root.parent.glob('look-*')))}")

    @property
    def commits(self) -> int:
        return int(self.bare.git("rev-list", "--count", "refs/heads/main"))


@pytest.fixture
def team(on_github: Forge, site: Site, monkeypatch: pytest.MonkeyPatch) -> Team:
    monkeypatch.setenv("GITHUB_SERVER_URL", on_github.url)
    on_github.repository(NAME).pushes_need_token = True
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")  # the clones of a test push as their owners
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{on_github.clone_url(NAME, TOKEN)}.pushInsteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", on_github.clone_url(NAME))
    return Team(on_github, site)


def pushed(site: Site) -> Pushed:
    return Pushed(Repository(site.root), "main")
