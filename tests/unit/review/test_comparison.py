"""A candidate and the running version on the same rows, each in a process and an environment of its own."""

import io
from typing import Any

import msgspec
import pandas as pd
import pytest

from slipway import digests
from slipway.errors import SlipwayError
from slipway.models.data import held_out
from slipway.models.splits import Split, held_out_by
from slipway.review import comparison
from slipway.review.comparison import Comparison, compare
from slipway.store import Record
from tests.unit.review.shop import CODE, HEADS, ROWS, SCHEMA, Shop, table


def compared(shop: Shop, candidate: Record, before: Record | None) -> Comparison:
    versions = [shop.fetched(record) if record else None for record in (candidate, before)]
    return compare(shop.settings, versions[0], versions[1])


def unseen(*splits: tuple[list[str], float]) -> int:
    data = pd.read_csv(io.StringIO(table(ROWS)))
    mask = pd.Series(True, index=data.index)
    for columns, share in splits:
        mask &= held_out(data, columns, share)
    return int(mask.sum())


@pytest.mark.long(4)
def test_both_are_measured_on_the_rows_that_neither_was_trained_on(shop: Shop) -> None:
    """This holds where their held-out shares differ, too; the model's own metrics are measured."""
    before = shop.publish_parcel(80, share=0.5)
    found = compared(shop, shop.publish_parcel(50, share=0.3), before)
    assert len(found.truth) == unseen((HEADS, 0.3)) == unseen((HEADS, 0.3), (HEADS, 0.5))
    assert found.candidate.answers == found.truth and found.candidate.metrics["accuracy"] == 1
    assert found.before is not None and found.then is not None
    wrong = sum(one != other for one, other in zip(found.truth, found.then, strict=True))
    assert 0 < wrong < len(found.truth)
    assert found.before.metrics["missed"] == wrong and found.candidate.metrics["missed"] == 0
    assert found.before.metrics["accuracy"] == found.alike == pytest.approx(1 - wrong / len(found.truth))
    assert (found.unlike, found.notes, found.total, found.data) == ("", [], 100, None)
    assert "odd" not in found.candidate.metrics, "a metric that is no number is left out"


@pytest.mark.usefixtures("forked")
def test_other_columns_are_hashed_as_each_version_hashed_them(shop: Shop) -> None:
    """Both answer the rows that each version held out by its own columns."""
    fewer = msgspec.json.decode(msgspec.json.encode(SCHEMA))
    del fewer["fields"][1]
    code = CODE.replace(', "colour"', "")
    before = shop.publish_parcel(80, share=0.5)
    found = compared(shop, shop.publish_parcel(50, schema=fewer, code=code, share=0.5), before)
    assert len(found.truth) == unseen((HEADS, 0.5), (["weight", "size"], 0.5))
    assert found.then


@pytest.mark.usefixtures("forked")
def test_a_split_by_groups_and_one_by_time_are_both_kept(shop: Shop) -> None:
    """Their columns need not be features; a row counts if both rules held it out."""
    rows = [[*row, str(place // 5), f"2026-01-{1 + place % 28:02}"] for place, row in enumerate(ROWS)]
    data = table(rows, [*HEADS, "customer", "day"])
    by_group = Split(by="group", words="by customers", share=0.5, column="customer")
    by_time = Split(by="time", words="the last", share=0.3, column="day", since="2026-01-15T00:00:00+00:00")
    before = shop.publish_parcel(80, split=by_group, data=data)
    found = compared(shop, shop.publish_parcel(50, split=by_time, data=data), before)
    read = pd.read_csv(io.StringIO(data))
    mask = held_out_by(by_group, read, HEADS) & (read.day >= "2026-01-15")
    assert found.then and len(found.truth) == mask.sum() > 0


@pytest.mark.long(6)
def test_a_version_whose_class_chose_its_rows_is_asked_by_its_own_class(shop: Shop) -> None:
    """When the class chooses other rows than at its training, nothing is compared on the same rows."""
    code = f"{CODE}\n    def held_out(self, data):\n        return data['weight'] > 70\n"
    chosen = digests.of_value(list(range(70, 100)))
    before = shop.publish_parcel(80, code=code, split=Split(by="model", words="by it", share=0.2, chosen=chosen))
    found = compared(shop, shop.publish_parcel(50, share=0.5), before)
    places = held_out(data := pd.read_csv(io.StringIO(table(ROWS))), HEADS, 0.5)
    assert found.then and len(found.truth) == (places & (data.weight > 70)).sum()
    moved = shop.publish_parcel(80, code=code, split=Split(by="model", words="by it", share=0.2, chosen="0"))
    found = compared(shop, shop.publish_parcel(50, share=0.5), moved)
    assert "the rows held out by it are others than at its training" in found.unlike


@pytest.mark.usefixtures("forked")
def test_rows_that_one_refuses_are_left_out_and_noted(shop: Shop) -> None:
    """Rows that the schema or the model's code refuses are left out; the others are compared."""
    narrow = msgspec.json.decode(msgspec.json.encode(SCHEMA))
    narrow["fields"][0]["maximum"] = 60
    places = held_out(data := pd.read_csv(io.StringIO(table(ROWS))), HEADS, 0.5)
    weights = [int(weight) for weight in data[places]["weight"]]
    before = shop.publish_parcel(40, schema=narrow, refused=weights[0], share=0.5)
    found = compared(shop, shop.publish_parcel(share=0.5), before)
    refused = 1 + sum(weight > 60 for weight in weights)
    assert found.then and len(found.then) == len(found.truth) == len(weights) - refused
    assert f"parcel/test/1 refuses {refused} further rows (weight:" in found.notes[0]


@pytest.mark.usefixtures("forked")
def test_a_model_that_refuses_many_rows_and_does_not_say_which(shop: Shop) -> None:
    """Every other row is compared, however many are refused."""
    code = CODE.replace("row=place, ", "").replace("== self.refused", "> self.refused")
    rows = [[str(weight), "red", "big" if weight > 50 else "small"] for weight in range(1, 401)]
    weights = [int(row[0]) for row in rows]
    places = held_out(pd.read_csv(io.StringIO(table(rows))), HEADS, 0.5)
    sound = sum(weight <= 100 for weight, unseen in zip(weights, places, strict=True) if unseen)
    before = shop.publish_parcel(40, refused=100, code=code, share=0.5)
    found = compared(shop, shop.publish_parcel(share=0.5, data=table(rows)), before)
    assert found.then and len(found.then) == sound
    assert int(places.sum()) - sound > 100
    assert f"refuses {int(places.sum()) - sound} further rows (nothing weighs that)" in found.notes[0]


@pytest.mark.usefixtures("forked")
def test_the_change_of_the_data_is_shown(shop: Shop) -> None:
    """Rows are counted by their content, wherever they stand; the target's values and new columns are shown."""
    before = shop.publish_parcel(50)
    rows = [[*row, "x"] for row in [*reversed(ROWS[10:]), ["500", "red", "big"], ["501", "red", "big"]]]
    found = compared(shop, shop.publish_parcel(50, data=table(rows, [*HEADS, "note"])), before).data
    assert found is not None
    assert (found.added, found.gone) == (2, 10)
    assert (found.columns_added, found.columns_gone) == (["note"], [])
    assert (found.before, found.after) == ({"big": 50, "small": 50}, {"big": 52, "small": 40})


@pytest.mark.usefixtures("forked")
def test_the_first_promotion_has_nothing_to_compare_with(shop: Shop) -> None:
    """The candidate is measured alone, on its own unseen rows."""
    found = compared(shop, shop.publish_parcel(50), None)
    assert found.before is None and found.then is None and found.unlike == ""
    assert len(found.truth) == unseen((HEADS, 0.3)) and found.candidate.metrics["accuracy"] == 1


def changed(**target: Any) -> dict[str, Any]:
    return SCHEMA | {"target": SCHEMA["target"] | target}


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize(
    ("before", "why"),
    [
        ({"by_hand": True}, "parcel/test/1 was published by hand"),
        ({"share": None}, "does not say which rows were held out"),
        ({"schema": changed(name="girth")}, "parcel/test/1 predicts 'girth', and the candidate 'size'"),
        ({"schema": changed(kind="number", categories=[])}, "parcel/test/1 predicts a number"),
        (
            {"schema": SCHEMA | {"fields": [*SCHEMA["fields"], {"name": "height", "kind": "number"}]}},
            "the candidate's data has no column 'height', which parcel/test/1 needs",
        ),
    ],
    ids=["by hand", "no share", "other target", "other kind", "missing feature"],
)
def test_reasons_against_the_same_rows(shop: Shop, before: dict[str, Any], why: str) -> None:
    """The reason is in words that an approver understands."""
    earlier = shop.fetched(shop.publish_parcel(80, **before))
    found = compare(shop.settings, shop.fetched(shop.publish_parcel()), earlier)
    assert why in found.unlike and found.settled


@pytest.mark.long(3)
def test_a_running_version_that_cannot_predict_keeps_its_record(shop: Shop) -> None:
    """The reason is shown; the candidate is still measured on its own rows."""
    before = shop.publish_parcel(80, code="import nosuchlibrary\n" + CODE)
    found = compared(shop, shop.publish_parcel(50), before)
    assert "parcel/test/1 fails at its answers" in found.unlike and "nosuchlibrary" in found.unlike
    assert not found.settled, "another try may work"
    assert found.before is not None and found.then is None
    assert found.before.metrics == {"accuracy": 0.75}
    assert found.candidate.metrics["accuracy"] == 1


def test_a_candidate_by_hand_is_not_measured(shop: Shop) -> None:
    """Only the metrics of its record are known."""
    before = shop.publish_parcel(50)
    found = compared(shop, shop.publish_parcel(50, by_hand=True), before)
    assert "parcel/test/2 was published by hand" in found.unlike and found.settled
    assert (found.truth, found.candidate.metrics) == ([], {"accuracy": 0.75})


def test_a_models_code_sees_no_token(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token of the parent process is out of reach."""
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    code = CODE.replace('print("what', 'import os; assert "GITHUB_TOKEN" not in os.environ; print("what')
    version = shop.fetched(shop.publish_parcel(code=code))
    assert version.answers(shop.settings, [{"weight": 1.0, "colour": "red"}]).outcomes == ["small"]


def test_an_artifact_without_a_schema(shop: Shop) -> None:
    """The comparison fails: without a schema nothing is known of the candidate."""
    version = shop.fetched(shop.publish_parcel())
    (version.folder / "schema.json").unlink()
    with pytest.raises(SlipwayError, match=r"has no schema\.json"):
        compare(shop.settings, version, None)


@pytest.mark.parametrize(
    ("values", "places", "found"),
    [([3.0], [0, 0.5, 1], [3, 3, 3]), ([4, 0], [0, 0.25, 1], [0, 1, 4]), ([1, 2, 3], [0.5, 0.75], [2, 2.5])],
)
def test_quantiles_lie_between_neighbours(values, places, found):
    """The values equal those of numpy."""
    assert comparison.quantiles(values, places) == found


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        (["a", "b"], ["a", "c"], 0.5),
        ([1.0, 2.0], [1.05, 3.0], 0.5),
        ([True], [True], 1.0),
        ([None], ["a"], 0.0),
        ([], [], 1.0),
    ],
)
def test_answers_that_are_alike(one, other, share):
    """Classes have to be equal, quantities near."""
    assert comparison.share_alike(one, other, 0.1) == share
