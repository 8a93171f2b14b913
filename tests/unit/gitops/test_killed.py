"""A verb that is killed at any moment leaves the remote whole, and does the rest when it is called again."""

import os
import random
import re
import signal
import subprocess
import sys
import time

import pytest

from slipway import cli
from tests.forge_server.fixtures import NAME
from tests.unit.conftest import Site
from tests.unit.release.conftest import Team, pushed
from tests.unit.review.shop import Shop

VERBS = {
    "release": ["release", "parcel"],
    "rollback": ["rollback", "parcel", "--env", "test", "--from", "v2", "--reason", "wrong"],
    "hold": ["hold", "parcel", "--env", "test", "--reason", "audit"],
    "traffic": ["traffic", "parcel", "--env", "test", "v1=30", "v2=70"],
    "promotion": ["promote", "parcel", "--allow-unbuilt"],
    "hold in production": ["hold", "parcel", "--env", "prod", "--reason", "audit"],
}


def shop_of(team: Team) -> Shop:
    """Return a clone that has released two versions in test."""
    shop = Shop(team.site.root)
    shop.begin()
    store = str(shop.root.parent / "store")
    shop.set("store: .slipway/store/test", f"store: {store}/test")
    shop.set("store: .slipway/store/prod", f"store: {store}/prod")
    team.push(shop)
    for limit in (51, 52):
        shop.publish_parcel(limit)
        name = shop.release("parcel", place=pushed(shop)).outcomes[0].release
        assert name is not None
        shop.verify(name, "parcel")
    return shop


def start(clone: Site, words: list[str]) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "slipway", *words, "--push"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command, cwd=clone.root, start_new_session=True, text=True, **pipes)


def kill(process: "subprocess.Popen[str]", *, whole_group: bool) -> None:
    if whole_group and process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.communicate()


def changes(team: Team, before: str) -> list[str]:
    """Return what each branch of the remote changes in one commit on top of `before`; all times are the same."""
    heads = set(team.bare.git("for-each-ref", "--format=%(objectname)", "refs/heads").split()) - {before}
    assert {team.bare.git("rev-parse", f"{head}^").strip() for head in heads} <= {before}
    team.bare.git("fsck", "--full", "--strict")
    shown = [team.bare.git("diff-tree", "-p", "--no-commit-id", "--full-index", before, head) for head in heads]
    return [re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z|^index .*\n", "", text, flags=re.M) for text in shown]


def forget(team: Team, before: str) -> None:
    """Take the remote back to a commit."""
    for ref in team.bare.git("for-each-ref", "--format=%(refname)", "refs/heads").split():
        if ref != "refs/heads/main":
            team.bare.git("update-ref", "-d", ref)
    team.bare.git("update-ref", "refs/heads/main", before)
    team.forge.repository(NAME).pulls.clear()


@pytest.mark.long(30)
@pytest.mark.parametrize("times", [4, pytest.param(20, marks=pytest.mark.long(120))])
@pytest.mark.parametrize("verb", VERBS)
def test_killed_at_any_moment(team: Team, verb: str, times: int) -> None:
    """Called again, it ends as if nothing had happened: one commit, or one pull request, with the same content."""
    shop = shop_of(team)
    if verb != "promotion":
        assert cli.main(["-C", str(shop.root), "promote", "parcel", "--allow-unbuilt", "--push", "--emergency"]) == 0
        shop.publish_parcel(53)
    before, random_source = team.bare.branch("main"), random.Random(verb)  # noqa: S311 - no secret
    begun = time.monotonic()
    process = start(team.clone("whole"), VERBS[verb])
    assert process.wait(60) == 0, process.communicate()[0]
    lasted, whole = time.monotonic() - begun, changes(team, before)
    for number in range(times):
        forget(team, before)
        clone = team.clone(f"killed-{number}")
        process = start(clone, VERBS[verb])
        time.sleep(lasted * (number + random_source.random()) / times)
        kill(process, whole_group=number % 2 == 0)
        assert changes(team, before) in ([], whole)
        process = start(clone, VERBS[verb])
        assert process.wait(60) == 0, process.communicate()[0]
        assert changes(team, before) == whole
        assert len(team.forge.repository(NAME).pulls) == (verb in ("promotion", "hold in production"))
        assert clone.git("status", "--porcelain") == ""
        assert [path.name for path in (clone.root / ".git/slipway").iterdir()] in ([], ["lock"])
