"""Questions of promotions go to a machine without rights, and its answers count for what was asked alone."""

from pathlib import Path

import msgspec
import pytest

from slipway import cli
from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.gitops.branches import Here, Tried
from slipway.release.candidates import Wish
from slipway.release.promote import Promoted, promote
from slipway.review import argued, promotion_body, questions
from tests.forge_server.fixtures import NAME
from tests.unit.release.conftest import Team, team
from tests.unit.review.shop import Shop

__all__ = ["team"]

pytestmark = pytest.mark.usefixtures("forked")


def tried(shop: Shop) -> Promoted:
    """Return what a promotion would change."""
    place = Tried(Here(Repository(shop.root)), "promote/prod/parcel")
    return promote(shop.settings, "parcel", Wish(allow_unbuilt=True), to="prod", place=place)


@pytest.fixture
def second(shop: Shop) -> Promoted:
    """Return a promotion of another version than the one that runs."""
    shop.released_parcel(50)
    shop.promote()
    shop.released_parcel(60)
    return tried(shop)


def answered(shop: Shop, done: Promoted, folder: Path) -> Path:
    """Leave the questions of a promotion, and answer them where there is no store but the one beside them."""
    questions.leave(done, folder / "asked")
    store = shop.root / ".slipway/store"
    store.rename(store.with_name("elsewhere"))
    questions.answer(shop.settings, folder / "asked", folder / "told")
    store.with_name("elsewhere").rename(store)
    return folder / "told"


def test_answers_from_elsewhere_argue_as_those_from_here(
    shop: Shop, second: Promoted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The body is the same; a machine that only has the answers runs no code of a model."""
    expected = promotion_body.body(second)
    told = questions.comparing(answered(shop, second, tmp_path))
    monkeypatch.setattr("slipway.processes.ask", None)
    monkeypatch.setattr("slipway.review.comparison.Version._ask", None)
    assert "**Worse** than what runs now" in expected
    assert promotion_body.body(second, told) == expected
    assert argued.argue(second, told) == argued.stamped(expected, argued.inputs(second))
    monkeypatch.setattr("slipway.review.argued._tool", lambda: ["another"])
    assert argued.argue(second, told) == expected, "what another tool found is argued again"


def test_nothing_runs_yet(shop: Shop, tmp_path: Path) -> None:
    """The question has one side."""
    shop.released_parcel(50)
    done = tried(shop)
    assert "Nothing of parcel runs in prod yet" in promotion_body.body(
        done, questions.comparing(answered(shop, done, tmp_path))
    )


@pytest.mark.parametrize("side", ["candidate", "running"])
@pytest.mark.parametrize("name", ["artifact", "data"])
def test_answers_of_other_files_are_refused(shop: Shop, second: Promoted, tmp_path: Path, side: str, name: str) -> None:
    """Digests decide, not the numbers of versions."""
    told = answered(shop, second, tmp_path) / "answers.json"
    found = msgspec.json.decode(told.read_bytes())
    found[0]["question"][side][name] = "0" * 64
    told.write_bytes(msgspec.json.encode(found))
    with pytest.raises(SlipwayError, match=r"parcel/test/2 beside parcel/test/1 was not asked"):
        promotion_body.body(second, questions.comparing(told.parent))


@pytest.mark.parametrize("name", ["answers", "predictions"])
def test_answers_that_do_not_fit_are_refused(shop: Shop, second: Promoted, tmp_path: Path, name: str) -> None:
    """Each measured row has an answer of each side."""
    told = answered(shop, second, tmp_path) / "answers.json"
    found = msgspec.json.decode(told.read_bytes())
    found[0]["comparison"]["before"][name].pop()
    told.write_bytes(msgspec.json.encode(found))
    with pytest.raises(SlipwayError, match="do not fit their rows"):
        promotion_body.body(second, questions.comparing(told.parent))


@pytest.mark.parametrize("content", [b"{", b'[{"question": 1}]', None], ids=["cut", "other", "missing"])
def test_damaged_answers_are_refused(tmp_path: Path, content: bytes | None) -> None:
    """The error names the file."""
    if content is not None:
        (tmp_path / "answers.json").write_bytes(content)
    with pytest.raises(SlipwayError, match=r"answers\.json cannot be read"):
        questions.comparing(tmp_path)


def test_a_changed_file_is_not_asked(shop: Shop, second: Promoted, tmp_path: Path) -> None:
    """What was handed over is checked by its digests before it runs, and the reason reaches the pull request."""
    questions.leave(second, tmp_path / "asked")
    blobs = tmp_path / "asked/store/test/blobs/sha256"
    for path in blobs.iterdir():
        path.chmod(0o644)
        path.write_bytes(path.read_bytes() + b" ")
    questions.answer(shop.settings, tmp_path / "asked", tmp_path / "told")
    with pytest.raises(SlipwayError, match="is corrupted"):
        promotion_body.body(second, questions.comparing(tmp_path / "told"))


@pytest.fixture
def remote(team: Team, shop: Shop) -> Team:
    """Push the shop to a remote, with a release to promote."""
    shop.set(".slipway/store", str(shop.root.parent / "store"))
    shop.released_parcel(50)
    team.push(shop)
    return team


def push_promotion(shop: Shop, *words: str) -> int:
    return cli.main(["-C", str(shop.root), "promote", "parcel", "--push", "--allow-unbuilt", *words])


def test_the_workflow_promotes_in_three_steps(
    remote: Team, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the last one proposes; a release that came meanwhile is not proposed by the answers of another one."""
    output = tmp_path / "output"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    asked, told = str(tmp_path / "asked"), str(tmp_path / "told")
    assert push_promotion(shop, "--questions", asked) == 0
    assert remote.bare.git("branch", "--list", "promote/*") == "" and "\n1\n" in output.read_text()
    assert cli.main(["-C", str(shop.root), "answer", asked, "--to", told]) == 0
    shop.released_parcel(51)
    remote.push(shop)
    assert push_promotion(shop, "--answers", told) == 1
    assert remote.bare.git("branch", "--list", "promote/*") == ""
    assert push_promotion(shop, "--answers", told, "--release", "1") == 0
    [pull] = remote.forge.repository(NAME).pulls
    assert "`accuracy` 1 on" in pull["body"]


@pytest.mark.usefixtures("remote")
def test_questions_are_for_pull_requests(shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A promotion that is committed at once argues nothing; a folder is used once; answers need --push."""
    assert push_promotion(shop, "--emergency", "--questions", str(tmp_path / "asked")) == 1
    assert push_promotion(shop, "--questions", str(tmp_path)) == 1
    assert cli.main(["-C", str(shop.root), "promote", "parcel", "--answers", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "argues nothing" in said and "is there already" in said and "only --push" in said
