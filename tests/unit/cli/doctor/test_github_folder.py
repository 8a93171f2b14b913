"""Owners of files, and actions that are not pinned."""

import pytest

from tests.unit.cli.doctor.conftest import CODE, OWNERS, SHA


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        (OWNERS, []),
        ("* @ada\n", []),
        ("*.yaml @ada\n" + OWNERS, []),
        (OWNERS.replace("/.github/", ".github/"), []),
        (OWNERS.replace("/manifests/", "/manifests"), []),
        (OWNERS.replace("/manifests/", "manifests/**"), []),
        (OWNERS.replace("/overlays/prod/", "/overlays/"), []),
        (OWNERS.replace("/overlays/prod/", "overlays/*/"), []),
        (OWNERS + "# nothing\n\n*.md\n", []),
        (OWNERS.replace("@ada", "@ada # and nobody else"), []),
        ("", ["overlays/prod/", "manifests/", "slipway.yaml", ".github/", *CODE]),
        *((OWNERS.replace(f"/{place} ", f"/{place}"), [place]) for place in ("src/", "Makefile")),
        (OWNERS.replace("/overlays/prod/", "/overlays/test/"), ["overlays/prod/"]),
        (OWNERS.replace("/overlays/prod/", "/overlays/prod/*"), ["overlays/prod/"]),
        (OWNERS.replace("/manifests/ @ada", "/manifests/"), ["manifests/"]),
        (OWNERS.replace("/manifests/ @ada", "/manifests/ ada"), ["manifests/"]),
        (OWNERS.replace("/manifests/ @ada", "#/manifests/ @ada"), ["manifests/"]),
        (OWNERS.replace("/slipway.yaml", "/model/slipway.yaml"), ["slipway.yaml"]),
        (OWNERS.replace("/slipway.yaml", "slipway?yaml"), []),
        (OWNERS + "*.yaml\n", ["manifests/function/kustomization.yaml", "slipway.yaml", ".github/workflows/ci.yaml"]),
        (OWNERS + "/.github/workflows/\n", [".github/workflows/ci.yaml"]),
        (OWNERS + "/.github/CODEOWNERS\n", [".github/CODEOWNERS"]),
        (OWNERS + "/overlays/prod/iris/\n", []),
    ],
)
def test_owners(place, text, bad):
    """CODEOWNERS is read as GitHub does: the last match counts, and a line may take the owner away."""
    place.write(".github/CODEOWNERS", text)
    assert [line.split(":")[1].split()[2] for line in place.missing] == bad


def test_placeholders_are_no_owners(place):
    """The file as it comes has to be filled in; without the file anybody may approve anything."""
    place.write(".github/CODEOWNERS", OWNERS.replace("@team/approvers", "@OWNER/approvers"))
    assert [line.split(" → ")[0] for line in place.missing] == [
        "files: overlays/prod/ is owned by @OWNER/approvers, whom nobody has named yet"
    ]
    (place.root / ".github/CODEOWNERS").unlink()
    assert any("there is no .github/CODEOWNERS" in line for line in place.missing)


def test_each_file_needs_an_owner(place):
    """A line that takes the owner from one model of prod is found once there is a file."""
    place.write(".github/CODEOWNERS", OWNERS + "/overlays/prod/iris/\n")
    place.write("overlays/prod/iris/route.yaml", "")
    assert any("nobody owns overlays/prod/iris/route.yaml" in line for line in place.missing)


@pytest.mark.parametrize(
    ("uses", "good"),
    [
        (f"a/b@{SHA}", True),
        (f"a/b/c/d@{SHA}", True),
        ("./.github/actions/setup", True),
        ("docker://alpine@sha256:" + "0" * 64, True),
        ("a/b@v4", False),
        ("a/b@main", False),
        (f"a/b@{SHA[:12]}", False),
        ("a/b", False),
        ("docker://alpine:3", False),
    ],
)
def test_actions_are_pinned(place, uses, good):
    """An action is named by commit, or is this repository's own, in workflows and in actions."""
    place.write(".github/actions/setup/action.yaml", f"runs: {{using: composite, steps: [{{uses: '{uses}'}}]}}\n")
    expected = [] if good else [f"files: {uses} in .github/actions/setup/action.yaml is no commit"]
    assert [line.split(": whoever")[0] for line in place.missing] == expected


def test_a_workflow_that_is_no_yaml(place):
    """It is missing, because it cannot be read."""
    place.write(".github/workflows/bad.yml", "a: [\n")
    assert any(".github/workflows/bad.yml cannot be read as YAML" in line for line in place.missing)
