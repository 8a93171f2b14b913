"""`CODEOWNERS` is read like GitHub reads it."""

from pathlib import Path

import pytest

from slipway import settings
from slipway.github.protection import guarded, owners

ROOT = Path(__file__).parents[3]
OURS = (ROOT / ".github/CODEOWNERS").read_text()


@pytest.mark.parametrize(
    ("text", "path", "found"),
    [
        ("* @a", "x/y/z", ["@a"]),
        ("* @a\n*.js @b", "x/y.js", ["@b"]),
        ("*.js @b\n* @a", "x/y.js", ["@a"]),
        ("/build/logs/ @a", "build/logs/x/y", ["@a"]),
        ("/build/logs/ @a", "other/build/logs/x", []),
        ("/build/logs/ @a", "build/logs", []),
        ("docs/* @a", "docs/x.md", ["@a"]),
        ("docs/* @a", "docs/x/y.md", []),
        ("apps/ @a", "x/apps/y/z", ["@a"]),
        ("apps @a", "x/apps", ["@a"]),
        ("apps @a", "x/apps/y", ["@a"]),
        ("/docs/ @a", "docs/x/y", ["@a"]),
        ("/scripts/ @a b@example.org", "scripts/x", ["@a", "b@example.org"]),
        ("**/logs @a", "x/y/logs/z", ["@a"]),
        ("**/logs @a", "logs/z", ["@a"]),
        ("/apps/**/x @a", "apps/x", ["@a"]),
        ("/apps/**/x @a", "apps/y/z/x", ["@a"]),
        ("/apps/** @a", "apps/y/z", ["@a"]),
        ("/apps/ @a\n/apps/github", "apps/github/x", []),
        ("/apps/ @a\n/apps/github @o/team", "apps/github/x", ["@o/team"]),
        ("/a?c @a", "abc", ["@a"]),
        ("/a?c @a", "a/c", []),
        ("/a.c @a", "abc", []),
        ("# * @a\n", "x", []),
        ("* @a # why", "x", ["@a"]),
        ("* @a\n!x @b", "x", ["@a"]),
        ("* @a\n[ab] @b", "a", ["@a"]),
        ("* @a\n* nobody", "x", ["@a"]),
        ("", "x", []),
    ],
)
def test_the_last_rule_that_matches(text: str, path: str, found: list[str]) -> None:
    """The last matching rule gives the owners, and rules that GitHub ignores are ignored."""
    assert owners(text, path) == found


def test_decisive_files_have_owners() -> None:
    """This repository's file has owners for environments with promotions, and for all that decides what is rendered."""
    paths = guarded(settings.load(ROOT).environments)
    assert {"overlays/prod/", "manifests/", "workflows/", "src/", ".ci/", "Makefile", "slipway.yaml"} <= {*paths}
    assert "overlays/test/" not in paths
    assert [path for path in paths if not owners(OURS, f"{path}any/file" if path.endswith("/") else path)] == []
