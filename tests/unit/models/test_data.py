"""The data that a model learns from: where they are, and which columns they have."""

from pathlib import Path

import pytest

from slipway.errors import SlipwayError
from slipway.models.data import columns, data_source, local_path, scheme
from slipway.settings import Data

ROOT = Path("/repository")


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("data/iris.csv", "/repository/data/iris.csv"),
        ("/data/iris.csv", "/data/iris.csv"),
        ("file:data/iris.csv", "/repository/data/iris.csv"),
        ("file:///data/iris.csv", "/data/iris.csv"),
        ("data/a#b?c:d[1.csv", "/repository/data/a#b?c:d[1.csv"),
        ("file:///data/a#b?c.csv", "/data/a#b?c.csv"),
        ("gs://bucket/iris.csv", None),
        ("ftp://host/iris.csv", None),
    ],
)
def test_a_path_is_taken_as_it_is_written(uri: str, path: str | None) -> None:
    """No letter has a special meaning. A URI with another scheme is not a local file."""
    assert local_path(uri, ROOT) == (path and Path(path))


@pytest.mark.parametrize(
    ("uri", "found"), [("gs://bucket/object", "gs"), ("data.csv", ""), ("a:b.csv", ""), ("file:a://b.csv", "file")]
)
def test_a_scheme_is_what_stands_before_two_slashes(uri: str, found: str) -> None:
    """For files, `file:` is enough."""
    assert scheme(uri) == found


@pytest.mark.parametrize(
    ("files", "models", "source"),
    [
        ([], "", None),
        (["a.csv"], "", Data(uri="model/good/a.csv")),
        (["a.csv", "b.csv"], "", None),
        (["a.csv", "._a.csv"], "", Data(uri="model/good/a.csv")),
        (["a.csv", "b.csv"], "models: {good: {data: 'gs://b/{date}.csv'}}", Data(uri="gs://b/{date}.csv")),
        ([], f"models: {{good: {{data: {{uri: x, sha256: {'ab' * 32}}}}}}}", Data(uri="x", sha256="ab" * 32)),
    ],
)
def test_the_data_are_what_the_settings_say_or_the_one_csv_file(repository, files, models, source):
    """With two files, none is chosen."""
    for name in files:
        repository.write(f"model/good/{name}")
    repository.write("model/good/model.py").configure(models)
    assert data_source(repository.settings, "good") == source


@pytest.mark.parametrize("uri", ["a#b.csv", "file:a#b.csv"])
def test_the_columns_of_the_file_that_training_reads(tmp_path: Path, uri: str) -> None:
    """No letter of its name has a special meaning."""
    (tmp_path / "a#b.csv").write_text("\ufeffwidth,height\n1,2\n", encoding="utf-8")
    assert columns(uri, tmp_path) == ["width", "height"]


@pytest.mark.parametrize("uri", ["gs://bucket/a.csv", "none.csv", "a.parquet"])
def test_what_cannot_be_looked_into_has_to_be_named(tmp_path: Path, uri: str) -> None:
    """The message names the setting."""
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(SlipwayError, match="are not known") as caught:
        columns(uri, tmp_path)
    assert "features: […]" in caught.value.fix
