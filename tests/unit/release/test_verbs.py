"""The verbs of releases on the command line: their output and exit status."""

import pytest

from slipway.cli import main
from tests.unit.conftest import Site


@pytest.fixture
def run(site: Site, capsys: pytest.CaptureFixture[str]) -> "Run":
    """Run a command line in the repository."""
    return Run(site, capsys)


class Run:
    def __init__(self, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
        self.site, self._capsys = site, capsys

    def __call__(self, *arguments: str) -> tuple[int, str]:
        """Return the exit status and the output."""
        self._capsys.readouterr()
        status = main(["-C", str(self.site.root), *arguments])
        printed = self._capsys.readouterr()
        return status, printed.out + printed.err


def test_release_prints_a_line_for_each_model(run: Run) -> None:
    """A line has the result and the reason. A model without a version makes the status 1."""
    run.site.publish("iris")
    status, text = run("release")
    lines = text.splitlines()
    assert status == 1
    assert lines[0].split() == ["MODEL", "RESULT", "RELEASE", "WHY"]
    assert "released" in lines[1] and "v1 is the first release" in lines[1]
    assert "skipped" in lines[2] and "slipway train tumor --env test" in lines[2]
    assert lines[3] == f"committed {run.site.head[:12]} on main"
    status, text = run("release", "iris")
    assert status == 0 and text.splitlines()[-1] == "nothing to commit"


def test_release_notes_a_branch_that_the_cluster_does_not_follow(run: Run) -> None:
    """The note names both branches."""
    run.site.git("switch", "--quiet", "-c", "side")
    run.site.publish("iris")
    assert "note: the cluster follows main, not side" in run("release", "iris")[1]


def test_each_verb_prints_its_changes(run: Run) -> None:
    """The verbs follow a model from its release to its rollback."""
    first = run.site.released()
    second = run.site.released()
    assert run("traffic", "iris", "--env", "test", "v1=90", "v2=10")[1].startswith(
        f"test: iris {second} 10 %, {first} 90 %"
    )
    status, text = run("promote", "iris", "--allow-unbuilt")
    assert status == 0 and f"prod: iris v1-{second.short} from test/{second}, v1-{second.short} 100 % (main)" in text
    assert "copied iris/test/2 to iris/prod/1" in text
    assert run("copy", "--env", "prod") == (0, "nothing is missing\n")
    status, text = run("rollback", "iris", "--env", "test", "--reason", "wrong")
    assert status == 0 and f"test: iris is back at {first}; rejected: {second}" in text
    status, text = run("history", "iris", "--env", "test")
    assert status == 0 and len(text.splitlines()) == 5 and "rolled back to" in text.splitlines()[1]
    status, text = run("history", "--at", "2999-01-01")
    assert status == 0 and f"{first}  100 %  iris/test/1" in text and "was held by Ada" in text
    status, text = run("status", "iris")
    assert status == 0 and text.splitlines()[1].startswith("test  iris") and "held by Ada" in text
    status, text = run("lift", "iris", "--env", "test")
    assert status == 0 and "nothing is due: v1 is deployed; v2 was rejected" in text


def test_render_prints_the_overlays(run: Run) -> None:
    """Without any overlay, the status is 1."""
    assert run("render")[0] == 1
    run.site.released()
    status, text = run("render", "--env", "test")
    assert status == 0 and "# overlays/test/iris" in text and "kind: Route" in text


def test_bundle_writes_the_build_context(run: Run) -> None:
    """The folder has the files of the bundle."""
    run.site.publish("iris")
    target = run.site.root.parent / "bundle"
    status, text = run("bundle", "iris", "--to", str(target))
    assert status == 0 and "the bundle of iris/test/1" in text
    assert (target / "bundle.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["traffic", "iris", "--env", "test", "v1"], "is not NAME=VALUE"),
        (["traffic", "iris", "--env", "test", "v1=half", "v2=10"], "write whole percent"),
        (["traffic", "iris", "--env", "test", "v1=50", "v1=50"], "given twice"),
        (["history", "--at", "yesterday"], "'yesterday' is not a time"),
        (["history", "--env", "tset"], "unknown environment"),
        (["rollback", "iris", "--env", "test", "--reason", "x"], "no release of iris runs in test"),
        (["promote", "iris"], "no release of iris is on the route of test"),
        (["release", "--env", "prod"], "slipway promote MODEL --to prod"),
        (["history", "irsi"], "unknown model"),
        (["history", "irsi", "--at", "2001-01-01"], "unknown model"),  # before there was anything
        (["history", "irsi", "--at", "2999-01-01"], "unknown model"),
        (["render", "--env", "tset"], "unknown environment"),
        (["copy", "--env", "tset"], "unknown environment"),
    ],
)
def test_mistakes_are_reported_without_a_traceback(run: Run, arguments: list[str], problem: str) -> None:
    """The status is 1."""
    status, text = run(*arguments)
    assert status == 1 and problem in text and "Traceback" not in text
