"""The merge of two commits is that of `git merge`, whatever their histories and the configuration of the user."""

import random
import subprocess
from pathlib import Path

import pytest

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.git.merging import merge

FILES = ("overlays/prod/iris/route.yaml", "overlays/prod/iris/state.yaml", "notes")
LINES = 6


class History:
    """Two branches that change files, merge each other, and sometimes put what they like into a merge."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root, self.draw = root, random.Random(seed)  # noqa: S311 - no secret
        self.git("init", "--quiet", "--initial-branch", "main")
        self.git("config", "user.name", "Ada")
        self.git("config", "user.email", "ada@example.org")
        for path in FILES:
            self.write(path, "\n".join("0" * LINES))
        self.commit()
        self.git("branch", "change")

    def git(self, *words: str, check: bool = True) -> str:
        done = subprocess.run(["git", *words], cwd=self.root, check=check, capture_output=True, text=True)
        return done.stdout.strip()

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def edit(self) -> None:
        """Change a line of a file, so that some merges are clean and others are not."""
        path = self.draw.choice(FILES)
        lines = (self.root / path).read_text().split("\n")
        lines[self.draw.choice([0, -1])] = str(self.draw.randrange(3))
        self.write(path, "\n".join(lines))

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "Change")

    def step(self) -> None:
        """Change a branch, or merge a commit of the other one into it: well, or as it should not be done."""
        branch, other = self.draw.sample(["main", "change"], 2)
        self.git("switch", "--quiet", branch)
        if self.draw.random() < 0.5:
            self.edit()
        else:
            strategy = self.draw.choice([["-X", "ours"], ["-X", "theirs"], ["-s", "ours"]])
            back = self.draw.choice(["", "~1"]) if self.git("log", "--format=%h", "-2", other).count("\n") else ""
            self.git("merge", "--quiet", "--no-commit", "--no-ff", *strategy, f"{other}{back}", check=False)
            if self.draw.random() < 0.3:
                self.edit()
        self.commit()


def merged(history: History) -> str:
    """Return the tree of a real merge of `change` into `main`; "" for one with conflicts."""
    history.git("switch", "--quiet", "--detach", "main")
    history.git("merge", "--quiet", "--no-ff", "--message", "Merge", "change", check=False)
    clean = not history.git("status", "--porcelain")
    tree = history.git("rev-parse", "HEAD^{tree}") if clean else ""
    history.git("reset", "--quiet", "--hard", "main")
    return tree


@pytest.mark.parametrize("seeds", [range(2), pytest.param(range(2, 60), marks=pytest.mark.long(90))])
def test_the_tree_is_that_of_a_real_merge(tmp_path: Path, seeds: range) -> None:
    """Criss-cross histories and merges that were tampered with have the tree, or a conflict, as `git merge` has."""
    bases = set()
    for seed in seeds:
        (tmp_path / str(seed)).mkdir()
        history = History(tmp_path / str(seed), seed)
        for _ in range(8):
            history.step()
        tip, head = (history.git("rev-parse", name) for name in ("main", "change"))
        found = merge(Repository(history.root), tip, head)
        wanted = merged(history)
        assert bool(found.conflicts) == (wanted == ""), seed
        assert not wanted or found.tree == wanted, seed
        bases.add(len(history.git("merge-base", "--all", tip, head).split()))
    assert len(seeds) == 2 or max(bases) > 1


def test_no_configuration_changes_a_merge(tmp_path: Path) -> None:
    """A driver, attributes and a setting of renames are those of a person, and GitHub knows none of them."""
    history = History(tmp_path, 0)
    for branch, line in (("change", "1"), ("main", "2")):
        history.git("switch", "--quiet", branch)
        history.write(FILES[0], line)
        history.commit()
    clean = merge(Repository(tmp_path), "main", "change")
    assert clean.conflicts == {FILES[0]}
    (tmp_path.parent / "attributes").write_text("* merge=union\n")
    for key, value in (
        ("core.attributesFile", str(tmp_path.parent / "attributes")),
        ("merge.default", "mine"),
        ("merge.mine.driver", "true"),
        ("merge.renames", "false"),
        ("merge.conflictStyle", "diff3"),
        ("merge.directoryRenames", "true"),
        ("merge.verbosity", "5"),
    ):
        history.git("config", key, value)
    assert merge(Repository(tmp_path), "main", "change") == clean


def test_histories_without_a_common_commit(tmp_path: Path) -> None:
    """The error says what to do."""
    history = History(tmp_path, 0)
    history.git("switch", "--quiet", "--orphan", "alone")
    history.commit()
    with pytest.raises(SlipwayError, match="no commit in common") as caught:
        merge(Repository(tmp_path), "main", "alone")
    assert "git fetch --unshallow" in caught.value.fix
