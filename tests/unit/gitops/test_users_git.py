"""The verbs do the same whatever git is configured to print, however a clone was made, and whatever tags are called."""

import os
import subprocess

import pytest

from slipway import cli
from tests.forge_server.fixtures import NAME, TOKEN
from tests.turns import in_turns
from tests.unit.conftest import Site
from tests.unit.release.conftest import Team, pushed

# Each is set by real teams and changes what some command of git prints, reads, fetches or pushes.
CONFIGURATION = {
    "log.showSignature": "true",
    "log.follow": "true",
    "log.showRoot": "false",
    "log.decorate": "full",
    "log.date": "relative",
    "log.abbrevCommit": "true",
    "log.diffMerges": "off",
    "format.pretty": "oneline",
    "i18n.logOutputEncoding": "UTF-16",
    "color.ui": "always",
    "color.status": "always",
    "column.ui": "always",
    "core.quotePath": "true",
    "core.abbrev": "4",
    "core.pager": "false",
    "core.hooksPath": ".none",
    "core.logAllRefUpdates": "always",
    "core.splitIndex": "true",
    "core.untrackedCache": "true",
    "index.version": "4",
    "diff.renames": "copies",
    "diff.relative": "true",
    "diff.noprefix": "true",
    "diff.external": "false",
    "diff.orderFile": "slipway.yaml",
    "diff.ignoreSubmodules": "all",
    "status.short": "true",
    "status.branch": "true",
    "status.showStash": "true",
    "status.showUntrackedFiles": "no",
    "push.default": "nothing",
    "push.followTags": "true",
    "push.gpgSign": "if-asked",
    "commit.gpgSign": "true",
    "push.recurseSubmodules": "check",
    "fetch.prune": "true",
    "fetch.pruneTags": "true",
    "fetch.recurseSubmodules": "on-demand",
    "remote.origin.prune": "true",
    "remote.origin.tagOpt": "--tags",
    "submodule.recurse": "true",
    "transfer.fsckObjects": "true",
    "protocol.version": "0",
    "gc.auto": "1",
}
_GPG = """#!/bin/sh
case "$*" in
  *--verify*) cat >/dev/null; echo "gpg: Good signature from nobody" >&2; echo "[GNUPG:] GOODSIG 0 nobody" ;;
  *) cat >/dev/null; echo "[GNUPG:] SIG_CREATED D 1 2 3 4 5" >&2
     echo "-----BEGIN PGP SIGNATURE-----"; echo; echo "made=up" ;
     echo "-----END PGP SIGNATURE-----" ;;
esac
"""
REFERENCES = ["tags/main", "tags/origin/main", "tags/heads/main", "heads/origin/main", "heads/heads/main", "tags/HEAD"]
CLONES = ["--single-branch", "--depth=1", "--filter=blob:none", "--filter=tree:0", "--shared", "worktree", "header"]


@pytest.fixture
def two(team: Team) -> Team:
    """Release twice in test, in commits that are signed."""
    program = team.site.root.parent / "gpg"
    program.write_text(_GPG)
    program.chmod(0o755)
    team.site.git("config", "gpg.program", str(program))
    team.site.git("commit", "--quiet", "--allow-empty", "-S", "-m", "Signed")
    team.push(team.site)
    for _ in range(2):
        team.site.released(place=pushed(team.site))
    return team


def said(site: Site, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return what a verb prints; it succeeds."""
    capsys.readouterr()
    status = cli.main(["-C", str(site.root), *words])
    printed = capsys.readouterr()
    assert status == 0, printed.err + printed.out
    return printed.out


def reads(site: Site, capsys: pytest.CaptureFixture[str]) -> list[str]:
    base = site.git("rev-list", "--max-parents=0", "refs/heads/main").splitlines()[0]
    verbs = (["status"], ["status", "--remote"], ["history"], ["diff", "--base", base], ["trace", "iris/test/1"])
    return [said(site, capsys, *verb) for verb in verbs]


def writes(team: Team, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Change the model in four ways, each by one commit on the remote's main."""
    before = team.commits
    team.site.publish()
    for number, verb in enumerate((["hold"], ["lift"], ["release"], ["rollback"]), 1):
        reason = ["--reason", "wrong"] if verb[0] in ("hold", "rollback") else []
        said(site, capsys, *verb, "iris", "--env", "test", "--push", *reason)
        assert team.commits == before + number
        assert site.git("status", "--porcelain=v1", "--untracked-files=all") == ""
        if verb == ["release"]:
            assert site.head == team.bare.git("rev-parse", "refs/heads/main").strip()
    references = site.git("for-each-ref")
    assert "v2-" in said(site, capsys, "status", "--remote")
    assert site.git("for-each-ref") == references
    look = Site(site.root.parent / "look")
    subprocess.run(["git", "clone", "--quiet", "--branch=main", str(team.bare.path), str(look.root)], check=True)
    assert look.versions() == {2: 100}


def _configured(site: Site, names: list[str]) -> None:
    for name in names:
        site.git("config", name, CONFIGURATION[name])


@pytest.mark.parametrize(
    "names", in_turns([[*CONFIGURATION], *([name] for name in CONFIGURATION)], always=1, seconds=10)
)
def test_a_configuration_changes_nothing(two: Team, capsys: pytest.CaptureFixture[str], names: list[str]) -> None:
    """Verbs print and write the same as without it."""
    plain = reads(two.site, capsys)
    _configured(two.site, names)
    assert reads(two.site, capsys) == plain
    writes(two, two.site, capsys)


@pytest.mark.parametrize("names", in_turns([REFERENCES, *([name] for name in REFERENCES)], always=1, seconds=10))
def test_references_change_nothing(two: Team, capsys: pytest.CaptureFixture[str], names: list[str]) -> None:
    """Tags and branches on another commit, here and on the remote, are not taken for the branch."""
    plain = reads(two.site, capsys)
    for name in names:
        two.site.git("update-ref", f"refs/{name}", "refs/heads/main~2")
        two.bare.git("update-ref", f"refs/{name}", "refs/heads/main~2")
    assert reads(two.site, capsys) == plain
    writes(two, two.site, capsys)


@pytest.mark.parametrize("kind", in_turns([CLONES[-1], *CLONES[:-1]], always=1, seconds=10))
def test_clones_of_all_kinds(
    two: Team, capsys: pytest.CaptureFixture[str], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Verbs write from each of them, by the token of the environment alone."""
    for name in ("COUNT", "KEY_0", "VALUE_0"):
        monkeypatch.delenv(f"GIT_CONFIG_{name}")
    two.bare.git("config", "uploadpack.allowFilter", "true")
    made = Site(two.site.root.parent / "made")
    if kind == "worktree":
        whole = two.clone("whole")
        whole.git("switch", "--quiet", "--detach")
        whole.git("worktree", "add", "--quiet", str(made.root), "main")
    elif kind == "--shared":
        subprocess.run(["git", "clone", "--quiet", kind, str(two.site.root), str(made.root)], check=True)
        made.git("remote", "set-url", "origin", two.url)
    else:
        options = [] if kind == "header" else [kind]
        subprocess.run(["git", "clone", "--quiet", *options, two.url, str(made.root)], check=True)
    if kind == "header":
        made.git("config", f"http.{two.forge.url}/.extraheader", "AUTHORIZATION: basic bm9ib2R5Om5vYm9keQ==")
    two.forge.repository(NAME).private = True
    assert os.environ["GITHUB_TOKEN"] == TOKEN
    writes(two, made, capsys)
