"""The body of a promotion's pull request, from real releases; short and harmless whatever they hold."""

import re

import msgspec
import pytest

from slipway.errors import SlipwayError
from slipway.overlays.types import Release
from slipway.release.compatibility import Change
from slipway.release.decisions import hold
from slipway.review import promotion_body
from slipway.review.comparison import Comparison, Side
from slipway.review.promotion_facts import Facts, Manifests, Moved, gather, running, running_version
from slipway.review.worker import DataChange
from slipway.store.records import SecondFit
from tests.unit.review.shop import ROWS, SCHEMA, Shop, table

pytestmark = pytest.mark.usefixtures("forked")


def without_code(text: str) -> str:
    """Return the text without its code, in which GitHub reads no markup."""
    return re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", text, flags=re.DOTALL)


def test_a_first_promotion(shop: Shop) -> None:
    """The body compares with nothing, and names one way back."""
    name = shop.released_parcel()
    text = promotion_body.body(shop.propose())
    assert text.startswith(f"<!-- slipway: promotion prod/parcel {name} -->\n")
    assert "Nothing of parcel runs in prod yet. `accuracy` 1" in text
    assert "runs now" not in text and "WARNING" not in text
    assert "then nothing of the model runs here" in text and "slipway rollback" not in text


@pytest.mark.parametrize(
    ("seen", "row"),
    [
        (SecondFit(result="different", files=["parts/a.npy"], rows=9, alike=8, largest_difference=0.25), ""),
        (SecondFit(result="failed", why="no such file"), ""),
        (SecondFit(result="same"), "a second fit gave the same artifact"),
        (SecondFit(result="not made", why="the first took 40 s"), "no second fit was made: the first took 40 s"),
        (None, "not known"),
    ],
    ids=lambda each: each.result if isinstance(each, SecondFit) else "",
)
def test_a_training_that_cannot_be_repeated_is_a_doubt(shop: Shop, seen: SecondFit | None, row: str) -> None:
    """One line warns of it. Where it could be repeated, or that was not tried, a row of the table says so."""
    shop.released_parcel(second_fit=seen)
    text = promotion_body.body(shop.propose())
    words = seen.words if seen else ""
    assert (f"> - Its training may not give it again: `{words}`." in text) is bool(words and not row)
    assert re.search(rf"\| fitted twice\s+\| `?{re.escape(row or words)}`?\s+\|", text)


def test_code_that_was_never_merged(shop: Shop) -> None:
    """The warning stands first and in bold; a hold in the source environment is shown, too."""
    shop.git("checkout", "--quiet", "-b", "deploy/x")
    shop.write("model/parcel/more.py", "")
    commit = shop.commit("Never merged")
    name = shop.released_parcel()
    shop.git("checkout", "--quiet", "main")
    shop.git("restore", "--source", "deploy/x", "--staged", "--worktree", "overlays")
    shop.commit("Released")
    hold(shop.settings, "parcel", "test", reason="audit")
    done = shop.propose(release=str(name))
    text = promotion_body.body(done)
    warning = f"> [!WARNING]\n> - **It was built from `deploy/x`, commit {commit}, which is not on `main`**: nobody"
    assert warning in text
    assert "> - In test the model is held by `Ada <ada@example.org>` since" in text and "`audit`" in text
    assert "Undo:" not in done.edited.message


def test_a_worse_candidate_that_breaks_callers(shop: Shop) -> None:
    """The warnings stand first, and the way back last."""
    first = shop.released_parcel(50)
    shop.promote()
    schema = msgspec.json.decode(msgspec.json.encode(SCHEMA))
    schema["fields"][0]["maximum"] = 600
    data = table([*ROWS[5:], ["599", "red", "big"]])
    second = shop.released_parcel(80, schema=schema, data=data, parameters={"scale": 2.0})
    text = promotion_body.body(shop.propose(traffic=10, accept_breaking="@team | agreed\nby <b>mail</b>"))
    assert text.index("[!WARNING]") < text.index("A gate is missed: `accuracy") < text.index("It breaks callers")
    assert f"`{second}` of parcel in test becomes `{second}` in prod: the same image, `sha256:" in text
    assert "**Worse** than what runs now: `accuracy` 1 →" in text
    assert "- **breaks**: `field 'weight' has the maximum 600, until now none`" in text
    assert "accepted, because: `@team | agreed by <b>mail</b>`" in text
    assert "It gets 10 % of the requests at first." in text
    assert f"| requests | `{first} 100 %` | `{second} 10 %, {first} 90 %` |" in text
    assert "| `scale` | `1.0` | `2.0` |" in text and "1 row came and 5 went" in text
    assert "nothing but names and digests differ" in text
    assert "<https://ci.example.org/runs/1>" in text and f"| trained from commit | {'c' * 40} |" in text
    assert re.search(rf"slipway rollback parcel --env prod .*; `{second}` is rejected", text)
    assert text.rstrip().endswith(f"then it is `{first} 100 %` again, held and rejected as before.")
    assert "@" not in without_code(text) and "<b>" not in without_code(text)


def test_the_running_version_comes_from_the_source_store(shop: Shop) -> None:
    """An approver's job may lack rights to the target's store; a lost artifact is named."""
    shop.released_parcel(50)
    shop.promote()
    shop.released_parcel(80)
    done = shop.propose()
    assert done.edited.before is not None
    now = running(done.edited.before)
    (shop.root / ".slipway/store/prod").rename(shop.root / ".slipway/elsewhere")
    version, notes = running_version(shop.settings, "test", now, "parcel", lambda _store, record: str(record.id))
    assert version == "parcel/test/1" and notes == []
    (shop.root / ".slipway/store/test/parcel/versions/1.json").unlink()
    found = gather(done)
    assert found.contents is None and found.comparison.before == Side(metrics={"accuracy": 0.75})
    assert "cannot be had" in found.notes[0] and found.notes[0] in found.comparison.unlike
    assert "Not known: `the artifact of v1-" in promotion_body.of_facts(found)


def test_the_running_release_has_the_largest_share(shop: Shop) -> None:
    """The newest release may have only a tenth of the requests."""
    first = shop.released_parcel(50)
    shop.promote()
    shop.released_parcel(51)
    done = shop.promote(traffic=10)
    assert done.edited.after is not None
    found = running(done.edited.after)
    assert found is not None and found.name.short == first.short


def test_a_promotion_that_changed_nothing_has_no_body(shop: Shop) -> None:
    """The error says that nothing was changed."""
    shop.released_parcel()
    shop.promote()
    with pytest.raises(SlipwayError, match="nothing was changed"):
        promotion_body.body(shop.promote())


def huge(facts: Facts, nasty: str) -> Facts:
    """Return the facts with everything that a model's author decides as long and as nasty as can be."""
    names = [f"{nasty}{number}" for number in range(60)]
    metrics = {name: float(number) for number, name in enumerate(names * 20)}
    assert facts.contents is not None and facts.manifests is not None
    side = Side(metrics=metrics, answers=names)
    counts = dict.fromkeys(names, 1.0)
    change = DataChange(
        added=3,
        gone=4,
        columns_added=names,
        columns_gone=names,
        before=counts,
        after=counts,
    )
    return facts._replace(
        comparison=Comparison(
            target=facts.comparison.target,
            candidate=side,
            before=side,
            truth=names,
            unlike=nasty,
            notes=names,
            data=change,
        ),
        contents=facts.contents._replace(
            changes=[Change(name, breaking=True) for name in names * 5],
            parameters=[Moved(name, nasty, nasty) for name in names * 5],
            packages=[Moved(name, nasty, nasty) for name in names * 5],
            code="\n".join(f"+{nasty}" for _ in range(3_000)),
        ),
        manifests=Manifests(facts.manifests.expected, "\n".join(f"-{nasty}" for _ in range(3_000))),
        platform=names,
        notes=names,
        unjudged=nasty,
        evidence={"when": nasty, "by": nasty, "where": nasty},
        release=release_of(facts, nasty),
    )


def release_of(facts: Facts, nasty: str) -> Release:
    record = msgspec.structs.replace(facts.release.record, accepted=nasty, by=nasty, run=nasty, branch=nasty)
    return msgspec.structs.replace(facts.release, record=record)


@pytest.fixture
def facts(shop: Shop) -> Facts:
    """Return a second promotion, without rows to measure on."""
    shop.released_parcel(50, by_hand=True)
    shop.promote()
    shop.released_parcel(80, by_hand=True)
    return gather(shop.propose())


def test_it_stays_short_and_harmless(facts: Facts) -> None:
    """The body has fewer than 60,000 characters and the way back; no text becomes markup or a mention."""
    for nasty in (
        "`@all` <script>x</script> | ```\n# head\n",
        "x" * 5_000,
        "```\n</details>\n@all ",
        "|" * 300,
        "漢🙂" * 900,
    ):
        text = promotion_body.of_facts(huge(facts, nasty))
        assert len(text) < 60_000
        assert "### How to undo it" in text and "git revert" in text
        assert "more lines" in text
        outside = re.sub(r"^(`{3,})[\s\S]*?^\1$", "", text, flags=re.MULTILINE)
        assert not re.search(r"@all|<script>|^# head", without_code(outside), re.MULTILINE)
        assert outside.count("<details>") == without_code(outside).count("</details>")


def test_an_unmeasured_candidate_is_marked(facts: Facts) -> None:
    """Versions that were published by hand have only the metrics of their records, which the body says."""
    text = promotion_body.of_facts(facts)
    assert "> - It was not compared with what runs now on the same rows." in text
    assert "**Not compared on the same rows**" in text and "published by hand" in text
    assert "0.75 recorded for what runs now, on other rows" in text


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://github.com/team/models/actions/runs/1", "<https://github.com/team/models/actions/runs/1>"),
        ("javascript:alert(1)", "`javascript:alert(1)`"),
        ("https://example.org/>@all", "`https://example.org/>@all`"),
        ("train-iris-1a2b3c4d", "`train-iris-1a2b3c4d`"),
    ],
)
def test_only_an_address_of_the_web_becomes_a_link(address: str, shown: str) -> None:
    """A run may also be the name of a workflow, and the record could hold anything."""
    assert promotion_body._link(address) == shown
