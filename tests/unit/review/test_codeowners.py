"""`CODEOWNERS` as GitHub reads it."""

from pathlib import Path

import pytest

from slipway.review.codeowners import covered, owners

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
    """Its owners are the path's; what GitHub does not take is passed over."""
    assert owners(text, path) == found


SETTINGS = """
environments:
  test: {store: a, namespace: test}
  prod: {store: b, namespace: prod, promotes_from: test}
"""


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        (OURS, []),
        ("* @a", []),
        (OURS.replace("/overlays/prod/", "/overlays/prod/*"), ["overlays/prod/"]),
        (f"{OURS}\n/manifests/", ["manifests/"]),
        (f"{OURS}\n*.yaml", ["slipway.yaml"]),
        (None, ["overlays/prod/", "manifests/", "slipway.yaml", ".github/"]),
    ],
)
def test_what_nobody_owns(tmp_path: Path, text: str | None, missing: list[str]) -> None:
    """The environments that take promotions, and whatever decides what is rendered there."""
    (tmp_path / "slipway.yaml").write_text(SETTINGS)
    if text is not None:
        (tmp_path / ".github").mkdir()
        (tmp_path / ".github/CODEOWNERS").write_text(text)
    assert covered(tmp_path) == missing
