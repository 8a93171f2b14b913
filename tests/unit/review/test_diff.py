"""`slipway diff`: the rendered objects that a change touches, and how the difference reads."""

import re
import time

import pytest

from slipway.git import Repository
from slipway.gitops.branches import Here, Proposed
from slipway.release.candidates import Wish
from slipway.release.decisions import hold
from slipway.release.promote import promote
from slipway.review import diff
from slipway.review.consequences import Consequence
from slipway.review.diff import MARKER, Diff, ObjectDiff, OverlayDiff
from tests.unit.conftest import Site


def changed(site: Site, path: str, content: bytes | None) -> None:
    """Commit one file on the branch `change`, which begins at main."""
    if "change" not in site.git("branch", "--format=%(refname:short)").split():
        site.git("branch", "change")
    repository = Repository(site.root)
    repository.commit({path: content}, "By hand", branch="change", parent=repository.commit_at("change") or "")


def look(site: Site) -> Diff:
    return diff.diff(site.settings, base="main", head="change")


def test_a_promotion(site: Site) -> None:
    """The new Service is added, the route's lines are changed, and the environment is named."""
    for _ in range(2):
        site.released()
        place = Proposed(Here(Repository(site.root)), "change") if site.versions() == {2: 100} else None
        promote(site.settings, "iris", Wish(allow_unbuilt=True), to="prod", place=place)
    [overlay] = look(site).overlays
    assert (overlay.environment, overlay.folder) == ("prod", "iris")
    assert {(each.kind, each.name.partition("-")[0], each.change) for each in overlay.objects} == {
        ("Route", "iris", "changed"),
        ("Service", "iris", "added"),
    }
    route = next(each for each in overlay.objects if each.kind == "Route")
    assert [line[:3] for line in route.lines if line[0] in "+-"] == ["-  ", "+  "]
    said = diff.markdown(look(site))
    assert said.startswith(MARKER) and "#### `prod`" in said and "<code>iris</code>: 1 added, 1 changed" in said
    assert "prod/iris: 1 added, 1 changed" in diff.text(look(site))


def test_only_what_was_touched_is_built(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Overlays that are the same on both sides cost nothing, however many there are."""
    site.released("iris")
    site.released("tumor")
    site.git("switch", "--quiet", "-c", "change")
    site.released("tumor")
    built = []
    build = diff.rendering.build
    monkeypatch.setattr(diff.rendering, "build", lambda *given: built.append(given) or build(*given))
    [overlay] = look(site).overlays
    assert (overlay.environment, overlay.folder, len(built)) == ("test", "tumor", 2)


def test_a_hold_is_no_difference(site: Site) -> None:
    """A hold changes nothing that runs, so nothing is shown."""
    site.released()
    site.git("switch", "--quiet", "-c", "change")
    hold(site.settings, "iris", "test", reason="a look")
    assert look(site) == Diff([], [])
    assert diff.markdown(look(site)) == diff.text(look(site)) == ""


def test_an_overlay_that_goes(site: Site) -> None:
    """Each of its objects is removed."""
    site.released()
    site.git("switch", "--quiet", "-c", "change")
    site.git("rm", "-rq", "overlays/test/iris")
    site.commit()
    [overlay] = look(site).overlays
    assert {each.change for each in overlay.objects} == {"removed"}


@pytest.mark.parametrize(
    "resources",
    ["https://example.org/x", "../../../../etc", "/etc", "nowhere.yaml", "git@example.org:x.git", "a b"],
)
def test_resources_elsewhere_are_not_built(site: Site, resources: str) -> None:
    """A kustomization that names files elsewhere is not built on the machine of the check."""
    site.released()
    path = "overlays/test/iris/kustomization.yaml"
    text = (site.root / path).read_text()
    changed(site, path, text.replace("resources:", f'resources:\n  - "{resources}"').encode())
    [overlay] = look(site).overlays
    assert overlay.objects == [] and "is not what slipway writes" in overlay.problem
    assert "is not rendered" in diff.markdown(look(site))


def test_resources_that_are_no_list(site: Site) -> None:
    """The problem is named, and the other overlays are shown."""
    site.released()
    path = "overlays/test/iris/kustomization.yaml"
    changed(site, path, b"kind: Kustomization\nresources: 5\n")
    [overlay] = look(site).overlays
    assert "kustomization.yaml is not what slipway writes: its resources are no list" in overlay.problem


def test_generators_are_not_built(site: Site) -> None:
    """Keys that slipway never writes are refused in every folder."""
    name = site.released()
    path = f"overlays/test/iris/{name}/kustomization.yaml"
    text = (site.root / path).read_text()
    changed(site, path, f"{text}generators:\n  - manifests.yaml\n".encode())
    [overlay] = look(site).overlays
    assert f"{name}/kustomization.yaml is not what slipway writes" in overlay.problem


def test_a_newer_base_branch_is_no_difference(site: Site) -> None:
    """A newer commit of the base branch does not show as if the change undid it."""
    site.released()
    changed(site, "README.md", b"words\n")
    site.released()
    assert look(site) == Diff([], [])


HOSTILE = "x</details><img src=x>`|@team\n::error::\u202e" + "`" * 5


def test_nothing_becomes_markup() -> None:
    """Names and lines that others chose are shown as text."""
    lines = ["+a: ```", "+</details>", f"+{HOSTILE}", "+\x1b[31m"]
    overlay = OverlayDiff("prod", HOSTILE, [ObjectDiff("Service", HOSTILE, "added", lines)])
    damaged = OverlayDiff("prod", "iris", [], f"{HOSTILE} is not YAML")
    said = diff.markdown(Diff([overlay, damaged], [Consequence(HOSTILE, "what follows cannot be told", HOSTILE)]))
    # Without code: as HTML, and in blocks and spans, which begin and end with the same number of ticks.
    words = re.sub(r"(?ms)<code>[^<]*</code>|^(`{3,})diff$.*?^\1$|(`+)(?!`).*?(?<!`)\2(?!`)", "", said)
    assert words.count("<details>") == words.count("</details>") == 1
    assert not re.search("<img|@team|`", words)
    assert "\x1b" not in said and "\u202e" not in said
    assert not any(line.lstrip().startswith("::") for line in diff.text(Diff([overlay], [])).splitlines())


@pytest.mark.parametrize(
    ("count", "length"), [(1, 2000), pytest.param(40, 2000, marks=pytest.mark.long(15)), (2000, 20)]
)
def test_the_comment_is_never_too_long(count: int, length: int) -> None:
    """GitHub takes 65,536 characters: the comment is cut, block by block, and says so."""
    lines = [f"+line {number} {'x' * 60}" for number in range(length)]
    overlays = [OverlayDiff("prod", f"m{at}", [ObjectDiff("Service", "s", "added", lines)]) for at in range(count)]
    said = diff.markdown(Diff(overlays, [Consequence(f"m{at}", "trains") for at in range(count)]))
    assert len(said) < 60_000
    assert "slipway diff" in said or "more lines" in said
    assert said.count("<details>") == said.count("</details>")
    assert "### After the merge" in said


@pytest.mark.parametrize("line", ["+ a line of a manifest", "+ 🌈ü日" * 40, "`" * 300])
def test_hundreds_of_overlays(line: str) -> None:
    """The comment fits into GitHub, and each of the first overlays is named in it, however long they are."""
    items = [ObjectDiff("Service", "x", "changed", [line] * 400)]
    overlays = [OverlayDiff("prod", f"model-{number}", items) for number in range(340)]
    following = [Consequence(f"model-{number}", line) for number in range(340)]
    spent = time.process_time()
    text = diff.markdown(Diff(overlays, following))
    assert time.process_time() - spent < 10
    assert len(text) <= 65_536 and len(text.encode()) <= 262_144
    assert all(f"model-{number}<" in text for number in range(300)) and "and 40 overlays more" in text
