"""What an artifact says of its model to people."""

from pathlib import Path

from slipway.artifacts import about


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Metrics and card; the same ones give the same bytes, in whatever order they came."""
    first, second = tmp_path / "first", tmp_path / "second"
    about.write(about.About({"b": 0.5, "a": 1.0}, "# Card\n"), first)
    about.write(about.About({"a": 1.0, "b": 0.5}, "# Card\n"), second)
    assert about.read(first) == about.About({"a": 1.0, "b": 0.5}, "# Card\n")
    assert (first / about.METRICS).read_bytes() == (second / about.METRICS).read_bytes()


def test_an_artifact_that_says_nothing(tmp_path: Path) -> None:
    """One that was made by hand, or before, has neither."""
    assert about.read(tmp_path) == about.About({}, "")
    about.write(about.About({}, ""), tmp_path)
    assert not (tmp_path / about.CARD).exists()
