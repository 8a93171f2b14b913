"""The step `fetch` takes a snapshot of the data."""

import hashlib
from datetime import UTC, datetime

import msgspec
import pytest

from slipway.errors import SlipwayError


def test_the_snapshot_is_named_by_its_content(team):
    """The data lies under its digest, and the run knows where it came from."""
    content = (team.folder / "fruit.csv").read_bytes()
    folder = team.run("fetch")
    data = msgspec.json.decode((folder / "data.json").read_bytes())
    assert data["sha256"] == hashlib.sha256(content).hexdigest()
    assert data["uri"] == "model/fruit/fruit.csv"
    assert (folder / data["file"]).read_bytes() == content
    assert data["sha256"] in data["file"]


def test_data_that_is_not_what_its_pin_says_is_refused(team):
    """The message has both digests, and no folder is left."""
    team.configure(f"models:\n  fruit:\n    data: {{uri: model/fruit/fruit.csv, sha256: {'a' * 64}}}\n")
    with pytest.raises(SlipwayError, match="aaaaaa") as caught:
        team.run("fetch")
    assert "models.fruit.data.sha256" in str(caught.value)
    assert not (team.root / "run" / "fetch").exists()


def test_a_date_in_the_uri_is_todays(team):
    """`{date}` stands for the day of the run, in UTC."""
    today = datetime.now(UTC).date().isoformat()
    (team.folder / "fruit.csv").rename(team.root / f"{today}.csv")
    team.configure("models:\n  fruit:\n    data: '{date}.csv'\n")
    assert f"{today}.csv" in (team.run("fetch") / "data.json").read_text()


@pytest.mark.parametrize("name", ["a#b.csv", "a?b.csv", "a[1].csv", "a:b.csv"])
def test_a_path_is_no_address(team, name):
    """Letters with a meaning in an address are plain letters in a path."""
    (team.folder / "fruit.csv").rename(team.root / name)
    team.configure(f"models:\n  fruit:\n    data: '{name}'\n")
    data = msgspec.json.decode((team.run("fetch") / "data.json").read_bytes())
    assert (data["uri"], data["file"]) == (name, f"data/{data['sha256']}.csv")


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("nowhere.csv", "no data at"),
        ("ftp://host/data.csv", "cannot be fetched by ftp://"),
        ("model", "no data at"),
    ],
)
def test_data_that_cannot_be_fetched_is_named(team, uri, says):
    """The message has the URI and an alternative."""
    with pytest.raises(SlipwayError, match=says):
        team.run("fetch", data=uri)


def test_two_files_and_no_setting_is_ambiguous(team):
    """The settings have to name one of two CSV files."""
    (team.folder / "more.csv").write_text("a\n1\n")
    with pytest.raises(SlipwayError, match=r"fruit\.csv and more\.csv"):
        team.run("fetch")
