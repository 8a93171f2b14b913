"""Metrics and card of an artifact are written and read."""

from pathlib import Path

from slipway.artifacts import card


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Metrics and card; the same ones give the same bytes, in whatever order they came."""
    first, second = tmp_path / "first", tmp_path / "second"
    card.write(card.About({"b": 0.5, "a": 1.0}, "# Card\n"), first)
    card.write(card.About({"a": 1.0, "b": 0.5}, "# Card\n"), second)
    assert card.read(first) == card.About({"a": 1.0, "b": 0.5}, "# Card\n")
    assert (first / card.METRICS).read_bytes() == (second / card.METRICS).read_bytes()


def test_an_artifact_that_says_nothing(tmp_path: Path) -> None:
    """An artifact that was made by hand has neither."""
    assert card.read(tmp_path) == card.About({}, "")
    card.write(card.About({}, ""), tmp_path)
    assert not (tmp_path / card.CARD).exists()
