"""One git process reads objects of any number and size."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from slipway.git import GitError, Repository
from slipway.git.commands import Entry


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository with one commit of 3,000 files. One is large, one is executable, one is a link."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    for number in range(3_000):
        file = tmp_path / f"folder{number % 7}/deep/{number}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(number))
    (tmp_path / "large").write_bytes(b"0\n" * 1_000_000)
    (tmp_path / "run").touch(0o755)
    (tmp_path / "link").symlink_to("large")
    for command in ("init --quiet", "add --all", "-c user.name=Ada -c user.email=a@b commit --quiet -m Start"):
        subprocess.run(["git", *command.split()], cwd=tmp_path, check=True)
    return tmp_path


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Return a function that lists the git commands that were started."""
    log, folder = tmp_path / ".git/commands", tmp_path / ".git/bin"
    real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()

    def lines() -> list[str]:
        return log.read_text().splitlines() if log.exists() else []

    folder.mkdir(parents=True)
    (folder / "git").write_text(f'#!/bin/sh\necho "$@" >> "{log}"\nexec {real} "$@"\n')
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return lines


def test_one_process_answers_everything(root: Path, started: Callable[[], list[str]]) -> None:
    """The process reads thousands of objects, whole trees and commits, and returns None for missing ones."""
    repository = Repository(root)
    commit = repository.latest()
    files = repository.files(commit, "folder3")
    assert len(files) == 429 and files["deep/10"] == b"10"
    names = [f"{commit}:{path}" for path in [f"folder{number % 7}/deep/{number}" for number in range(3_000)]]
    found = repository.read([*names, f"{commit}:large", f"{commit}:none", "no such thing", "two\nlines"])
    assert [found[name] for name in names] == [str(number).encode() for number in range(3_000)]
    assert found[f"{commit}:large"] == b"0\n" * 1_000_000
    assert [found[name] for name in (f"{commit}:none", "no such thing", "two\nlines")] == [None, None, None]
    assert len(repository.blobs(commit)) == 3_003
    assert repository.commit_at("HEAD") == commit and repository.commit_at("other") is None
    assert sum("cat-file" in line for line in started()) == 1 and len(started()) == 2


def test_entries_have_modes(root: Path) -> None:
    """The mode of an entry tells links, executables and files apart. A missing path has no entry."""
    found = Repository(root).entries("HEAD", ["run", "link", "folder1/deep/1", "folder1/none", "none/none"])
    assert {path: entry.mode for path, entry in found.items()} == {
        "run": "100755",
        "link": "120000",
        "folder1/deep/1": "100644",
    }
    assert isinstance(found["run"], Entry)


def test_paths_of_files_and_folders(root: Path) -> None:
    """A path names a file or a folder. With a slash at its end it names only a folder."""
    repository = Repository(root)
    assert list(repository.blobs("HEAD", "large", "run/", "none")) == ["large"]
    assert len(repository.blobs("HEAD", "folder0/", "folder1/deep")) == 858
    with pytest.raises(GitError, match="not a valid object name: nowhere"):
        repository.blobs("nowhere", "large")


def test_new_objects_are_found(root: Path) -> None:
    """Commits and branches from after the first read are found, packed ones too."""
    repository = Repository(root)
    assert repository.commit_at("refs/heads/new") is None
    subprocess.run(["git", "branch", "new"], cwd=root, check=True)
    subprocess.run(["git", "gc", "--quiet"], cwd=root, check=True)
    assert repository.commit_at("refs/heads/new") == repository.latest()
    assert repository.files("new", "folder1")


def test_damage_is_reported_in_the_words_of_git(root: Path) -> None:
    """After the error, the next read starts a new process."""
    repository = Repository(root)
    blob = repository.blobs("HEAD", "large")["large"]
    file = root / ".git/objects" / blob[:2] / blob[2:]
    file.chmod(0o644)
    os.truncate(file, file.stat().st_size // 2)
    with pytest.raises(GitError, match="git cat-file failed"):
        repository.read([blob])
    assert repository.commit_at("HEAD")
