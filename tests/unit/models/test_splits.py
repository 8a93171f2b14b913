"""The rows that are held out: by a hash, by groups, by time, or by the model's class."""

import msgspec
import numpy as np
import pandas as pd
import pytest

from slipway.errors import SlipwayError
from slipway.model import Model
from slipway.models.data import held_out
from slipway.models.splits import Split, choose, held_out_by, split_of
from slipway.settings.types import SplitSettings

COLUMNS = ["a", "kind"]
DATA = pd.DataFrame(
    {
        "a": range(400),
        "kind": ["x", "y"] * 200,
        "patient": [n // 10 for n in range(400)],
        "when": pd.date_range("2026-01-01", periods=400, freq="h").strftime("%Y-%m-%dT%H:%M"),
    }
)
BY_TIME, BY_GROUP = SplitSettings(time="when"), SplitSettings(group="patient")


def chosen(data=DATA, wanted=None, kind=Model, share=0.2):
    """Return the rule, as a record gives it back, and the rows that are held out."""
    rule, mask = choose(data, COLUMNS, share, wanted, kind())
    return msgspec.json.decode(msgspec.json.encode(rule), type=Split), mask


def test_a_hash_of_each_row_chooses_by_default():
    """Records of before have the share alone."""
    rule, mask = chosen()
    assert mask.equals(held_out(DATA, COLUMNS, 0.2))
    assert split_of(None, 0.2) == rule
    assert split_of(None, None) is None


def test_all_rows_of_a_group_are_on_one_side():
    """About the share of the groups is held out."""
    rule, mask = chosen(wanted=BY_GROUP)
    assert set(mask.groupby(DATA.patient).mean()) == {0.0, 1.0}
    assert 0.1 < mask.mean() < 0.35
    assert rule.words == f"all rows of one patient together, {int(mask.sum() / 10)} of 40"


@pytest.mark.parametrize(
    "change",
    [
        lambda column: column.astype(float),
        lambda column: column.astype(str),
        lambda column: column.map("{:03d}".format),
        lambda column: column.astype("category"),
    ],
    ids=["float", "text", "leading zeros", "category"],
)
def test_a_group_is_the_same_however_its_column_is_read(change):
    """Otherwise, a new row with the group A7 would move all groups, and a version be measured on what it knows."""
    rule, mask = chosen(wanted=BY_GROUP)
    data = DATA.assign(patient=change(DATA.patient))
    assert held_out_by(rule, data, COLUMNS).equals(mask)


def test_the_last_rows_by_time_are_held_out():
    """Their order in the file does not count."""
    rule, mask = chosen(DATA.sample(frac=1, random_state=3), BY_TIME)
    assert sorted(DATA.a[mask.sort_index()]) == list(range(320, 400))
    assert rule.words == "the last by when, from 2026-01-14T08:00:00 on"


@pytest.mark.parametrize(
    "times",
    [
        list(range(400)),
        pd.date_range("2026-01-01", periods=400),
        pd.date_range("2026-01-01", periods=400, tz="Europe/Paris"),
        [day.date() for day in pd.date_range("2026-01-01", periods=400)],
        pd.date_range("2026-01-01", periods=400).strftime("%Y%m%d"),
    ],
    ids=["numbers", "dates", "zones", "objects", "text"],
)
def test_times_are_numbers_or_dates(times):
    """Later data are split at the same time."""
    data = DATA.assign(when=times)
    rule, mask = chosen(data, BY_TIME)
    assert mask.tolist() == [False] * 320 + [True] * 80
    assert held_out_by(rule, data[100:], COLUMNS).sum() == 80


@pytest.mark.parametrize(("counts", "held"), [([300, 100], 100), ([80, 300, 20], 20), ([100, 50, 40, 210], 210)])
def test_rows_of_one_time_are_on_one_side(counts, held):
    """The nearest number is held out, and never all."""
    data = DATA.assign(when=np.repeat(range(len(counts)), counts))
    assert chosen(data, BY_TIME)[1].sum() == held


@pytest.mark.parametrize(
    ("column", "values", "says"),
    [
        ("when", ["03/04/2026"] * 400, r"row 1: '03/04/2026' is no date whose order is sure"),
        ("when", [*DATA.when[:-1], None], "row 400: has no value"),
        ("when", [True, False] * 200, "row 1: 'True' is no date"),
        ("when", [7] * 400, "all rows have the same when"),
        ("wen", DATA.when, "no column 'when'"),
    ],
)
def test_times_without_an_order_are_refused(column, values, says):
    """The row is named."""
    with pytest.raises(SlipwayError, match=says):
        chosen(DATA.drop(columns="when").assign(**{column: values}), BY_TIME)


def test_other_times_are_refused():
    """A version that was split by dates cannot tell which numbers it knows."""
    rule, _ = chosen(wanted=BY_TIME)
    with pytest.raises(SlipwayError, match="holds numbers, and the split was by dates"):
        held_out_by(rule, DATA.assign(when=range(400)), COLUMNS)


class Last(Model):
    """A model whose class holds out the last rows."""

    def held_out(self, data):
        return data.patient >= 30


class Random(Model):
    """A model whose class holds out other rows each time."""

    def held_out(self, data):
        return np.random.default_rng().random(len(data)) < 0.2


class Wrong(Model):
    """A model whose class returns places."""

    def held_out(self, data):
        return [1, 2, len(data)]


def test_the_models_class_chooses():
    """Other data cannot be asked by the rule alone."""
    rule, mask = chosen(kind=Last)
    assert mask.equals(DATA.patient >= 30)
    assert rule.words == "by Last.held_out"
    with pytest.raises(SlipwayError, match="other data cannot be asked"):
        held_out_by(rule, DATA, COLUMNS)


@pytest.mark.parametrize(
    ("kind", "wanted", "says"),
    [
        (Random, None, "other rows each time"),
        (Wrong, None, "no True or False for each of the 400 rows"),
        (Last, BY_TIME, "only one can choose"),
    ],
)
def test_a_class_that_does_not_choose_is_refused(kind, wanted, says):
    """The message names the method."""
    with pytest.raises(SlipwayError, match=says) as caught:
        chosen(wanted=wanted, kind=kind)
    assert "held_out" in str(caught.value)


class ByLabel(Model):
    """Holds out the last rows, in whatever order and form the case says."""

    form = staticmethod(lambda mask: mask)

    def held_out(self, data):
        return type(self).form(data["a"] >= 320)


@pytest.mark.parametrize(
    "form",
    [
        lambda mask: mask.sort_index(ascending=False),
        lambda mask: mask.sample(frac=1, random_state=3),
        lambda mask: mask.astype("boolean"),
        lambda mask: mask.to_numpy(),
        lambda mask: list(mask.to_numpy()),
        lambda mask: (value for value in mask),
    ],
    ids=["turned", "shuffled", "nullable", "array", "list of numpy", "generator"],
)
def test_a_series_of_a_class_counts_by_its_labels(form):
    """A class that sorts the rows, as by time, means the rows themselves and not their places."""
    kind = type("Sorted", (ByLabel,), {"form": staticmethod(form)})
    _, mask = chosen(kind=kind)
    assert DATA.a[mask].tolist() == list(range(320, 400))


@pytest.mark.parametrize(
    ("form", "says"),
    [
        (lambda mask: mask.set_axis(range(1000, 1400)), "labels are not those of the 400 rows"),
        (lambda mask: mask.head(10), "labels are not those of the 400 rows"),
        (lambda mask: mask.to_frame(), "no True or False for each of the 400 rows"),
        (lambda mask: bool(mask.any()), "no True or False for each of the 400 rows"),
        (lambda mask: mask.astype(int), "no True or False for each of the 400 rows"),
    ],
    ids=["other labels", "some rows", "table", "one value", "numbers"],
)
def test_rows_that_a_class_does_not_name_are_refused(form, says):
    """What cannot be told apart is never guessed."""
    kind = type("Odd", (ByLabel,), {"form": staticmethod(form)})
    with pytest.raises(SlipwayError, match=says):
        chosen(kind=kind)


def test_days_as_numbers_are_told_in_full():
    """20260131 is no 2.02601e+07."""
    rule, _ = chosen(DATA.assign(when=[20260100 + n // 20 for n in range(400)]), BY_TIME)
    assert rule.words == "the last by when, from 20260116 on"
