"""Versions compared on rows that neither was trained on, whatever held them out."""

import sys

import msgspec
import pytest

from slipway.errors import SlipwayError
from slipway.store import open_store
from slipway.training.task import STEPS, step

MODEL = """
from slipway.model import Model

class Fruit(Model):
    source_features = ["length"]
    target_variable = "kind"

    def train(self, data):
        self.known = sorted(data["length"].tolist())

    def predict(self, rows):
        return ["large" if row["length"] in self.known else "small" for row in rows]
"""
HOOK = """
    def held_out(self, data):
        return data["box"] >= 10
"""
HEAD = "length,box,day,kind\n"
ROWS = [f"{n}.5,{n // 4},2026-01-{1 + n % 28:02},{('small', 'large')[n % 3 == 0]}" for n in range(64)]


@pytest.fixture
def boxes(team, monkeypatch):
    """Make a model that knows the rows it was trained on again, as large ones."""
    (team.folder / "model.py").write_text(MODEL)
    (team.folder / "test_model.py").write_text("def test_nothing():\n    pass\n")
    (team.folder / "requirements.txt").write_text("")
    team.data(HEAD + "\n".join(ROWS))
    monkeypatch.setenv("SLIPWAY_DEPLOYED", "1")
    return team


def train(team, text="", *, gates="{accuracy: {worse_by: 1}}"):
    """Train a version with these settings; return its record and the line of the step `evaluate`."""
    team.configure(f"models:\n  fruit: {{gates: {gates}, {text}}}\n")
    for name in [name for name in sys.modules if name.partition(".")[0] == "model"]:
        del sys.modules[name]
    folder = team.run("fetch", "check", "fit")
    told = step("evaluate", team.settings, folder, team.root / "run" / "evaluate")
    step("publish", team.settings, team.root / "run" / "evaluate", team.root / "run" / "publish")
    store = open_store("store/test", root=team.root, environment="test")
    return store.record("fruit", max(store.versions("fruit"))), told


@pytest.mark.parametrize(
    ("split", "words"),
    [
        ("split: {group: box}", "all rows of one box together"),
        ("split: {time: day}", "the last by day, from 2026-01-"),
        ("", "by a hash of each row"),
    ],
)
def test_the_record_says_how_rows_were_held_out(boxes, split, words):
    """The step `check` says it, and no row that trains is measured."""
    record, _ = train(boxes, split)
    assert record.data.split.words.startswith(words)
    assert (record.data.share is None) == bool(split)
    assert 0 < record.data.held_out < 64
    known = msgspec.json.decode((boxes.root / "run/fit/artifact/parts/known.json").read_bytes())
    golden = msgspec.json.decode((boxes.root / "run/evaluate/artifact/golden.json").read_bytes())
    assert not {row["length"] for row in golden["rows"]} & set(known)


def test_a_gate_compares_on_rows_that_neither_was_trained_on(boxes):
    """The rows that the deployed version was trained on do not count; the line says how many are left."""
    train(boxes, "split: {group: box}")
    record, told = train(boxes, "split: {group: box}, held_out: 0.5")
    measured = msgspec.json.decode((boxes.root / "run/evaluate/metrics.json").read_bytes())
    number = int(told.partition("compared with v1 on ")[2].partition(" ")[0])
    assert 0 < number < record.data.held_out
    assert f"on {number} of {record.data.held_out} held-out rows, which neither was trained on" in told
    small = measured["before"]["accuracy"] * number
    assert small == pytest.approx(round(small))


@pytest.mark.long(18)
def test_without_such_rows_the_record_is_compared_and_the_step_says_so(boxes):
    """The deployed version held out what the fresh one is trained on."""
    train(boxes)
    boxes.edit("def train", HOOK.strip() + "\n\n    def train")
    train(boxes)
    boxes.edit(">= 10", "< 10")
    record = open_store("store/test", root=boxes.root, environment="test").record("fruit", 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLIPWAY_DEPLOYED", "2")
        _, told = train(boxes)
    measured = msgspec.json.decode((boxes.root / "run/evaluate/metrics.json").read_bytes())
    assert "compared with the record of v2, on other rows, as it was trained on all rows that are held out now" in told
    assert measured["before"] == record.metrics


@pytest.mark.long(21)
def test_a_version_whose_class_chose_is_asked_by_its_own_class(boxes):
    """Rows that it was trained on do not count, whatever its class says of other data."""
    boxes.edit("def train", HOOK.strip() + "\n\n    def train")
    first, _ = train(boxes)
    assert (first.data.split.by, first.data.held_out) == ("model", 24)
    boxes.data(HEAD + "\n".join(row.replace(",4,", ",12,") for row in ROWS) + "\n100.5,12,2026-01-01,small")
    record, told = train(boxes)
    assert record.data.held_out == 29
    assert "compared with v1 on 25 of 29 held-out rows, which neither was trained on" in told


@pytest.mark.long(17)
def test_a_version_that_was_published_by_hand_may_know_the_rows(boxes, tmp_path):
    """It is compared all the same, and the step says that nothing tells."""
    train(boxes)
    store = open_store("store/test", root=boxes.root, environment="test")
    store.publish("fruit", store.fetch(store.record("fruit", 1), tmp_path / "by-hand"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLIPWAY_DEPLOYED", "2")
        _, told = train(boxes)
    assert "held-out rows, which it may have been trained on: its record does not say" in told


def test_only_one_chooses(boxes):
    """The message names the method and the settings."""
    boxes.edit("def train", HOOK.strip() + "\n\n    def train")
    with pytest.raises(SlipwayError, match=r"Fruit has a method held_out, and slipway\.yaml a split"):
        train(boxes, "split: {group: box}")


def test_steps_in_their_order_publish(boxes):
    """All steps run with a split by a column that is no feature."""
    boxes.configure("models: {fruit: {split: {group: box}}}")
    boxes.run(*STEPS)
