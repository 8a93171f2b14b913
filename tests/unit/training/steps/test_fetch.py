"""The step `fetch` takes a snapshot of the data."""

import hashlib
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar

import msgspec
import pytest

from slipway.errors import SlipwayError
from slipway.training.task import Workspace, task_in


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


class Website(BaseHTTPRequestHandler):
    """Serve the rows at `/fruit.csv`, half of them at `/half.csv`, and lead from `/moved` to them."""

    rows: ClassVar[bytes] = b""

    def do_GET(self):
        path, _, _ = self.path.partition("?")
        if path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/fruit.csv")
            self.end_headers()
            return
        self.send_response(200 if path in ("/fruit.csv", "/half.csv") else 404)
        self.send_header("Content-Length", str(len(self.rows)))
        self.end_headers()
        self.wfile.write(self.rows[: len(self.rows) // 2] if path == "/half.csv" else self.rows)

    def log_message(self, *words):
        pass


@pytest.fixture
def website(team):
    Website.rows = (team.folder / "fruit.csv").read_bytes()
    with ThreadingHTTPServer(("127.0.0.1", 0), Website) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("path", ["fruit.csv?token=1", "moved"])
def test_data_on_the_web_are_pinned_where_anybody_could_change_them(team, website, path):
    """`http://` takes a digest; the ending of the snapshot is that of the address, without its question."""
    digest = hashlib.sha256(Website.rows).hexdigest()
    team.configure(f"models: {{fruit: {{data: {{uri: '{website}/{path}', sha256: {digest}}}}}}}\n")
    folder = team.run("fetch")
    data = msgspec.json.decode((folder / "data.json").read_bytes())
    assert data["file"] == f"data/{digest}{'.csv' if 'csv' in path else ''}"
    assert (folder / data["file"]).read_bytes() == Website.rows
    team.configure(f"models: {{fruit: {{data: '{website}/{path}'}}}}\n")
    with pytest.raises(SlipwayError, match="anybody on the way can change"):
        team.run("fetch")


@pytest.mark.parametrize(
    ("path", "says"), [("gone.csv", "404 Not Found"), ("half.csv", r"it broke off after [\d,]+ of [\d,]+ bytes")]
)
def test_an_answer_that_is_not_all_of_the_data_is_refused(team, website, path, says):
    """The message has the address and the reason."""
    team.configure(f"models: {{fruit: {{data: {{uri: '{website}/{path}', sha256: {'a' * 64}}}}}}}\n")
    with pytest.raises(SlipwayError, match=f"/{path} cannot be fetched: {says}"):
        team.run("fetch")


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("https://127.0.0.1:1/fruit.csv", "cannot be fetched: .*refused"),
        ("https://ada:secret@example.com/fruit.csv", "holds a name or a password"),
    ],
)
def test_a_web_address_that_cannot_be_asked_is_refused(team, uri, says):
    """No secret of an address is shown."""
    with pytest.raises(SlipwayError, match=says) as caught:
        team.run("fetch", data=uri)
    assert "secret" not in caught.value.problem


_READ = """
    def read(self, path):
        import pandas as pd

        assert path is None
        return pd.DataFrame({"length": [1.5, 2, 3.25], "width": 2, "colour": "red", "kind": ["a", "b", None]})

    def pipeline(self):"""


def test_a_model_may_get_its_data_itself(team):
    """Its `read` is called once; the later steps read the snapshot, which is named by its content."""
    team.configure("models: {fruit: {data: read()}}\n")
    team.edit("\n    def pipeline(self):", _READ)
    folder = team.run("fetch")
    data = msgspec.json.decode((folder / "data.json").read_bytes())
    assert (data["uri"], data["file"]) == ("read()", f"data/{data['sha256']}.snapshot.csv")
    workspace = Workspace(team.settings, folder, task_in(folder))
    assert workspace.data()["length"].tolist() == [1.5, 2, 3.25]
    team.configure(f"models: {{fruit: {{data: '{folder / data['file']}'}}}}\n")
    again = msgspec.json.decode((team.run("fetch") / "data.json").read_bytes())
    assert again["file"] == data["file"]


def test_a_model_gets_its_data_with_its_secrets(team, monkeypatch):
    """One that is not set is named, and the value of none is shown or kept."""
    secrets = "secrets: {TASTE: {secret: fruit, key: taste}}"
    team.configure(f"models: {{fruit: {{data: read(), {secrets}}}}}\n")
    team.edit("\n    def pipeline(self):", _READ)
    monkeypatch.delenv("TASTE", raising=False)
    with pytest.raises(SlipwayError, match="the secret TASTE, which training needs, is not set"):
        team.run("fetch")
    monkeypatch.setenv("TASTE", "sweet enough")
    assert (team.run("fetch") / "data.json").is_file()
    monkeypatch.setenv("TASTE", next(iter((team.root / "run/fetch/data").glob("*"))).read_text().splitlines()[0])
    with pytest.raises(SlipwayError, match=r"the data that Fruit\.read gives hold the value of the secret TASTE"):
        team.run("fetch")


def test_a_model_without_a_read_of_its_own_gets_no_data_itself(team):
    """The message says what to write."""
    team.configure("models: {fruit: {data: read()}}\n")
    with pytest.raises(SlipwayError, match=r"Fruit has no `read\(self, path\)` of its own"):
        team.run("fetch")
