"""Where data lie."""

from pathlib import Path

import pytest

from slipway.settings.uris import local_path, scheme

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
    """With all its letters; and what has another scheme is no file here."""
    assert local_path(uri, ROOT) == (path and Path(path))


@pytest.mark.parametrize(
    ("uri", "found"), [("gs://bucket/object", "gs"), ("data.csv", ""), ("a:b.csv", ""), ("file:a://b.csv", "file")]
)
def test_a_scheme_is_what_stands_before_two_slashes(uri: str, found: str) -> None:
    """But for files, of which one is enough."""
    assert scheme(uri) == found
