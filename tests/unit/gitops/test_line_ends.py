"""Line ends that git changes in a clone: verbs do the same, or say so before anything is named by wrong bytes."""

import shutil
import subprocess

import pytest

from slipway import cli
from slipway.errors import SlipwayError
from slipway.git.line_ends import converted
from slipway.release.decisions import rollback
from slipway.release.release import release
from slipway.training import task
from tests.turns import in_turns
from tests.unit.conftest import ROOT, Site

# The configuration of a clone, and the attributes of its repository.
CONFIGURED = {
    "core.autocrlf=true": (["core.autocrlf=true"], ""),
    "core.eol=crlf": (["core.eol=crlf"], "* text=auto\n"),
    "attributes": ([], "* text eol=crlf\n"),
    "core.autocrlf=input": (["core.autocrlf=input", "core.safecrlf=true"], ""),
}
CHANGED = [name for name in CONFIGURED if "input" not in name]


def cloned(site: Site, case: str, *, exact: bool) -> Site:
    """Clone a repository of two releases, with a store of its own; `exact`: it has the attributes that we ship."""
    options, attributes = CONFIGURED[case]
    if exact or attributes:
        site.write(".gitattributes", (ROOT / ".gitattributes").read_text() if exact else attributes)
        site.commit("Attributes")
    made = Site(site.root.parent / f"clone-{len(list(site.root.parent.glob('clone-*')))}")
    words = [word for option in options for word in ("-c", option)]
    subprocess.run(["git", "clone", "--quiet", *words, site.root.as_uri(), str(made.root)], check=True)
    shutil.copytree(site.root / ".slipway", made.root / ".slipway")
    return made


def said(site: Site, capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    capsys.readouterr()
    assert cli.main(["-C", str(site.root), *words]) == status
    printed = capsys.readouterr()
    return printed.out + printed.err


@pytest.fixture
def two(site: Site) -> Site:
    site.write("model/iris/model.py", "# one line\n# and another\n")
    site.write("model/iris/requirements.txt", "")
    site.commit("Code of two lines")
    for _ in range(2):
        site.released()
    return site


@pytest.mark.parametrize("case", in_turns(CONFIGURED, always=1, seconds=6))
def test_with_our_attributes_nothing_differs(two: Site, capsys: pytest.CaptureFixture[str], case: str) -> None:
    """A release has the same image, files and digest of training as that of a plain clone."""
    clone = cloned(two, case, exact=True)
    assert converted(clone.root) == []
    for site in (two, clone):
        site.publish(content="three") if site is two else shutil.copytree(
            two.root / ".slipway", clone.root / ".slipway", dirs_exist_ok=True
        )
    made = [site.release("iris").outcomes[0].release for site in (two, clone)]
    assert made[0] == made[1]
    assert clone.overlay().releases[0].files.keys() == two.overlay().releases[0].files.keys()
    assert said(clone, capsys, "check", "--base", "HEAD~1").endswith("all claims hold\n")
    for verb in (["render"], ["status"]):
        assert b"\r" not in said(clone, capsys, *verb).encode()
    assert clone.git("status", "--porcelain") == ""


@pytest.mark.parametrize("case", in_turns(CONFIGURED, always=1, seconds=6))
def test_without_attributes_people_decide_and_read(two: Site, capsys: pytest.CaptureFixture[str], case: str) -> None:
    """A rollback reads the commit, and writes files that git takes for unchanged; what is rendered stays the same."""
    clone = cloned(two, case, exact=False)
    assert said(clone, capsys, "render") == said(two, capsys, "render")
    done = rollback(clone.settings, "iris", "test", reason="wrong")
    assert done.commit == clone.head and clone.git("status", "--porcelain") == ""
    assert b"\r" not in subprocess.check_output(["git", "-C", clone.root, "show", "HEAD:overlays/test/iris/route.yaml"])
    assert said(clone, capsys, "check", "--base", "HEAD~1").endswith("all claims hold\n")
    assert cli.main(["-C", str(clone.root), "audit"]) == 0
    said(clone, capsys, "trace", "iris/test/1")


@pytest.mark.parametrize("case", CHANGED)
def test_without_attributes_nothing_is_named_by_changed_bytes(
    two: Site, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    """Releases, builds and trainings say it, doctor too; after what they advise, they work."""
    clone = cloned(two, case, exact=False)
    for work in (
        lambda: release(clone.settings, ["iris"]),
        lambda: task._commit(clone.root, clone.settings.folder("iris")),
    ):
        with pytest.raises(SlipwayError, match="git has changed the line ends of ") as caught:
            work()
    fix = str(caught.value.fix)
    assert "git has changed the line ends" in said(clone, capsys, "build", "--to", str(clone.root / "plan"), status=1)
    assert "git has changed the line ends" in said(clone, capsys, "doctor", status=1)
    clone.write(".gitattributes", "* -text\n")
    clone.git("add", ".gitattributes")
    clone.git("commit", "--quiet", "-m", "Attributes")
    subprocess.run(fix.partition("anew: ")[2], shell=True, cwd=clone.root, check=True)  # noqa: S602 - our own words
    assert converted(clone.root) == []
    assert release(clone.settings, ["iris"]).outcomes[0].result == "nothing due"
    clone.write("model/iris/model.py", "# a person's own line ends\r\n")
    assert converted(clone.root) == []
