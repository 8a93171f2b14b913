"""The columns of data, for a class that does not name them."""

from pathlib import Path

import pytest

from slipway.errors import SlipwayError
from slipway.models.discovery import heads


@pytest.mark.parametrize("uri", ["a#b.csv", "file:a#b.csv"])
def test_the_heads_of_the_file_that_training_reads(tmp_path: Path, uri: str) -> None:
    """Whatever letters its name has."""
    (tmp_path / "a#b.csv").write_text("\ufeffwidth,height\n1,2\n", encoding="utf-8")
    assert heads(uri, tmp_path) == ["width", "height"]


@pytest.mark.parametrize("uri", ["gs://bucket/a.csv", "none.csv", "a.parquet"])
def test_what_cannot_be_looked_into_has_to_be_named(tmp_path: Path, uri: str) -> None:
    """The message says in which setting."""
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(SlipwayError, match="are not known") as caught:
        heads(uri, tmp_path)
    assert "features: […]" in caught.value.fix
