"""`slipway check` judges what a merge makes, whatever the history of the change is."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.gitops import release_folder
from slipway.gitops.snapshot import Snapshot
from slipway.overlays.types import Release
from slipway.release.decisions import hold, rollback
from slipway.review.changes import merge
from slipway.review.check import check
from slipway.review.diff import diff
from tests.unit.conftest import Site
from tests.unit.review.conftest import FOLDER, FOREIGN, commit, look, overlay, propose, put, said


def _notes(team: Site, branch: str, day: int) -> None:
    """Commit a file that no overlay has, at a time of its own: git names the newest merge base first."""
    team.git("switch", "--quiet", branch)
    team.write(f"notes/{day}", "a thought")
    os.environ.update({f"GIT_{role}_DATE": f"2036-01-{day:02} 12:00:00 +0000" for role in ("AUTHOR", "COMMITTER")})
    team.commit()
    for role in ("AUTHOR", "COMMITTER"):
        del os.environ[f"GIT_{role}_DATE"]


def _plain(team: Site) -> None:
    """Keep the old overlay in the one merge of the base branch."""
    _notes(team, "change", 1)
    team.git("merge", "--quiet", "-s", "ours", "-m", "Merge main", "main")


def _crossed(team: Site) -> None:
    """Keep the old overlay where the base branch has merged a commit of the change, and the change one of it."""
    main = team.head
    _notes(team, "change", 1)
    change = team.head
    team.git("switch", "--quiet", "main")
    team.git("merge", "--quiet", "--no-ff", "-m", "Merge what the change began with", change)
    team.git("switch", "--quiet", "change")
    team.git("merge", "--quiet", "-s", "ours", "-m", "Merge main", main)
    assert len(team.git("merge-base", "--all", "main", "change").split()) == 2
    assert team.git("merge-base", "main", "change") == change
    assert f"{FOLDER}/state.yaml" not in team.git("diff", "--name-only", change, "change")


def _by_hand(team: Site) -> None:
    """Put the old overlay into a merge that git would have made otherwise."""
    _notes(team, "change", 1)
    team.git("merge", "--quiet", "--no-ff", "--no-commit", "main")
    team.git("checkout", "--quiet", "change", "--", "overlays")
    for path in team.git("diff", "--name-only", "--diff-filter=D", "--cached", "change", "--", "overlays").split():
        team.git("rm", "--quiet", "--force", path)
    team.commit("Merge main")


HISTORIES: dict[str, Callable[[Site], None]] = {"plain": _plain, "criss-cross": _crossed, "by hand": _by_hand}


@pytest.mark.parametrize("history", HISTORIES)
def test_a_merge_that_brings_an_old_overlay_back(team: Site, history: str) -> None:
    """The rollback that it undoes is told, with what would answer again."""
    team.git("branch", "change")
    rollback(team.settings, "iris", "prod", reason="it answers nonsense")
    HISTORIES[history](team)
    done = look(team)
    [line] = done.lines
    assert line.startswith("prod/iris: v1-") and "100 % → v2-" in line
    assert any("reverts to a former state while the model is held by Ada" in each.problem for each in done.violations)
    assert [each.folder for each in diff(team.settings, base="main", head="change").overlays] == ["iris"]
    # Git makes of it what was checked.
    tip = team.git("rev-parse", "main")
    made = merge(Repository(team.root), team.settings, "main", "change")
    team.git("switch", "--quiet", "--detach", "main")
    team.git("merge", "--quiet", "--no-ff", "-m", "Merge", "change")
    assert team.git("rev-parse", "HEAD^{tree}") == made.tree and made.tip == tip


def test_a_merge_that_brings_other_manifests(team: Site) -> None:
    """A release that is tampered with in a merge alone is found behind two merge bases, too."""
    team.git("branch", "change")
    hold(team.settings, "iris", "prod", reason="a look")
    _crossed(team)
    name = overlay(team, "main").releases[0].name
    path = f"{FOLDER}/{name}/manifests.yaml"
    team.git("checkout", "--quiet", "main", "--", "overlays")
    team.write(path, (team.root / path).read_text().replace("runAsNonRoot: true", "runAsNonRoot: false"))
    team.git("add", "--all")
    team.git("commit", "--quiet", "--amend", "--no-edit")
    assert [problem for problem in said(team) if "was changed, and the folder of a release stays" in problem]


def test_what_both_sides_changed(team: Site) -> None:
    """Git could put the two sides of a file together. No verb has written that, so it is refused by its path."""
    text = (team.root / FOLDER / "route.yaml").read_text()
    commit(team, {f"{FOLDER}/route.yaml": text.replace("apiVersion", "# above\napiVersion", 1).encode()})
    commit(team, {f"{FOLDER}/route.yaml": f"{text}# below\n".encode()}, "main")
    assert said(team) == ["route.yaml: was changed on the base branch since this change left it"]


def test_a_conflict_beside_overlays(team: Site) -> None:
    """The merge cannot be told, so the check fails by the path; what can be judged is judged."""
    propose(team)
    for branch in ("change", "main"):
        commit(team, {"README.md": branch.encode()}, branch)
    done = look(team)
    assert [each.path for each in done.violations] == ["README.md"]
    assert "git cannot merge the two" in done.violations[0].problem
    assert done.lines[0].startswith("prod/iris: v2-")


@pytest.mark.parametrize("side", ["change", "main"])
def test_an_overlay_that_a_side_moves(team: Site, side: str) -> None:
    """A file that follows a renamed folder would lie elsewhere than who wrote it has said."""
    other = "main" if side == "change" else "change"
    team.git("branch", "change")
    team.git("switch", "--quiet", side)
    team.git("mv", FOLDER, "overlays/prod/tumor")
    team.commit()
    commit(team, {f"{FOLDER}/state.yaml": b"hold: null\nrejected: []\n", f"{FOLDER}/x.yaml": b"a: 1\n"}, other)
    assert look(team).violations


def test_a_change_that_is_merged_already(team: Site) -> None:
    """Nothing is left to judge, and a revert on the base branch is not undone by merging again."""
    propose(team)
    team.git("merge", "--quiet", "--no-ff", "-m", "Merge", "change")
    assert look(team) == ([], [])
    team.git("revert", "--no-edit", "-m", "1", "HEAD")
    assert look(team) == ([], [])


def test_an_empty_name_of_a_commit(team: Site) -> None:
    """A workflow whose expression gives nothing must not check the base branch against itself."""
    for options in ({"base": "main", "head": ""}, {"base": "", "head": "main"}):
        with pytest.raises(Exception, match="its name is empty"):
            check(team.settings, **options)


def _foreign(team: Site, **changes: object) -> Release:
    """Return the oldest release with a foreign image, written as slipway writes it."""
    record = msgspec.structs.replace(overlay(team, "main").releases[-1].record, image=FOREIGN, **changes)
    return release_folder.make(Snapshot(Repository(team.root), team.head), record)


def _another(team: Site) -> None:
    fingerprint = "deadbeef" + "0" * 56
    before = overlay(team, "main")
    foreign = _foreign(team, release="v1-deadbeef", fingerprint=fingerprint)
    after = msgspec.structs.replace(before, releases=(*before.releases, foreign))
    # The name of another file says nothing of the release.
    odd = "overlays/\x01\x02\n"
    commit(team, {**Snapshot(Repository(team.root), team.head).changes(after), odd: b"x"})
    commit(team, {odd: None})


def _dropped_before(team: Site) -> None:
    foreign, before = _foreign(team), overlay(team, "main")
    put(team, msgspec.structs.replace(before, releases=before.releases[:1]), "main")
    put(team, msgspec.structs.replace(before, releases=(before.releases[0], foreign)))


def _in_a_merge(team: Site) -> None:
    """Write the release in a merge, of which git tells no files unless it is asked for them."""
    team.git("branch", "change")
    _notes(team, "main", 1)
    _notes(team, "change", 2)
    team.git("merge", "--quiet", "--no-ff", "--no-commit", "main")
    foreign = _foreign(team)
    for path, content in foreign.files.items():
        team.write(f"{FOLDER}/{foreign.name}/{path}", content.decode())
    team.commit("Merge main")
    team.git("switch", "--quiet", "main")


PASSING: dict[str, Callable[[Site], None]] = {
    "another release": _another,
    "one that was dropped before": _dropped_before,
    "in a merge": _in_a_merge,
}


@pytest.mark.parametrize("case", PASSING)
def test_a_release_that_is_only_on_the_way(team: Site, case: str) -> None:
    """What a later commit takes away again stays in the history, from where a rollback would take it."""
    PASSING[case](team)
    put(team, overlay(team, "main"))
    assert team.git("diff", "--name-only", "main", "change", "--", "overlays") == ""
    [problem] = said(team)
    assert problem.startswith("v1-") and "on the way, and not so by the merge" in problem


def test_decisions_on_the_way(team: Site) -> None:
    """A change may go back and forth among what is declared or was, and bring it or not."""
    before = overlay(team, "main")
    team.git("switch", "--quiet", "-c", "change")
    rollback(team.settings, "iris", "prod", reason="a look")
    put(team, before)
    assert look(team) == ([], [])
    rollback(team.settings, "iris", "prod", reason="wrong")
    assert said(team) == []


def test_a_link_in_the_place_of_all_overlays(site: Site) -> None:
    """It has no path below `overlays/`, and is found where nothing is declared yet."""
    site.write("overlays/README.md", "Nothing yet")
    site.commit()
    site.git("switch", "--quiet", "-c", "change")
    shutil.rmtree(site.root / "overlays")
    (site.root / "overlays").symlink_to("elsewhere")
    site.commit()
    [wrong] = look(site).violations
    assert (wrong.path, wrong.problem) == ("overlays", "is a link, and overlays hold plain files only")


def test_a_shallow_clone(team: Site, tmp_path: Path) -> None:
    """It lacks what was declared and rejected, and the first of its commits seems to have begun every overlay."""
    team.git("clone", "--quiet", "--depth=1", team.root.as_uri(), str(tmp_path / "shallow"))
    shallow = Site(tmp_path / "shallow")
    shallow.git("rm", "-r", "--quiet", FOLDER)
    shallow.commit("Remove it")
    with pytest.raises(SlipwayError, match="is a shallow clone") as caught:
        check(shallow.settings)
    assert caught.value.fix == "git fetch --unshallow"
