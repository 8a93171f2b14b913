"""Fields of a record, its form, and the address of a run."""

from typing import Any

import numpy as np
import pytest

from slipway.errors import SlipwayError
from slipway.store import records


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"version": 3}, "no field 'version' to give\n.*give any of by, training"),
        ({"metric": {}}, "no field 'metric'"),
        ({"metadata": {"rows": 5}}, r"Expected `str`, got `int` .*metadata.*\n.*write str\(value\)"),
        ({"metrics": {"loss": float("nan")}}, "the metric 'loss' is nan"),
        ({"metrics": {"loss": float("inf")}}, "the metric 'loss' is inf"),
        ({"metrics": {"loss": "low"}}, "Expected `float`, got `str`"),
        ({"data": {"uri": "x", "sha256": "abc", "rows": 1}}, r"sha256"),
        ({"training": {"commit": "c"}}, "missing required field `digest`"),
        ({"metadata": {"x": object()}}, "a value of type object"),
    ],
)
def test_invalid_field_is_named(given: dict[str, Any], message: str) -> None:
    """It is unknown, or its value has the wrong type."""
    with pytest.raises(SlipwayError, match=message):
        records.fields(given)


def test_numbers_of_numpy_become_numbers_of_python() -> None:
    """Metrics from notebooks are often of NumPy."""
    assert records.fields({"metrics": {"a": np.float32(0.5), "n": np.int64(3)}}) == {"metrics": {"a": 0.5, "n": 3.0}}


def test_records_are_written_for_people() -> None:
    """Keys are sorted, one on each line, with a final newline."""
    assert records.encode({"b": [1], "a": None}) == b'{\n  "a": null,\n  "b": [\n    1\n  ]\n}\n'


def test_address_of_the_current_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """SLIPWAY_RUN goes before the page of GitHub. Each attempt has its own page. A laptop has none."""
    for name in ("SLIPWAY_RUN", "GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT"):
        monkeypatch.delenv(name, raising=False)
    assert records.run_url() == ""
    for name, value in {"SERVER_URL": "https://github.com", "REPOSITORY": "team/models", "RUN_ID": "42"}.items():
        monkeypatch.setenv(f"GITHUB_{name}", value)
    assert records.run_url() == "https://github.com/team/models/actions/runs/42"
    monkeypatch.setenv("GITHUB_RUN_ATTEMPT", "2")
    assert records.run_url() == "https://github.com/team/models/actions/runs/42/attempts/2"
    monkeypatch.setenv("SLIPWAY_RUN", "train-iris-1a2b3c4d")
    assert records.run_url() == "train-iris-1a2b3c4d"


def test_outcome_of_a_conversion_is_kept() -> None:
    """It is read as the record's own type."""
    given = {"conversion": {"forest": {"form": "skops", "why": "predict does not use it"}}}

    assert records.fields(given)["conversion"]["forest"] == records.Conversion(
        form="skops", why="predict does not use it"
    )
