"""A real Chromium: pages of other origins that call a function, and the function's own page."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from slipway.images import running
from slipway.models.environment import python_for
from slipway.serving.access import FOLDER, KIND
from slipway.serving.process import ORIGINS
from tests.callers.conftest import MODELS, Served
from tests.unit.serving import tiny

CLIENTS = Path(__file__).parent / "clients"
ROW = {"weight": 2.0, "wrapping": "box"}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of an empty page of another origin than any function."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "index.html").write_text("<!doctype html><title>A page of somebody else</title>")
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def browse(what: str, *words: str) -> Any:
    """Return what Chromium saw, or skip the test where there is none."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("chromium is missing: apt-get install chromium")
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [python_for(CLIENTS / "requirements.lock"), CLIENTS / "browser.py", chromium, what, *words]
    done = subprocess.run(command, env=own, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def guarded(tmp_path: Path, kind: str, **files: str) -> dict[str, str]:
    """Return the variables of a function with access."""
    keys = tmp_path / "keys"
    keys.mkdir()
    for name, content in files.items():
        (keys / name).write_text(content)
    return {FOLDER: str(keys), KIND: kind}


@pytest.mark.long(20)
def test_page_of_another_origin_calls_where_the_setting_allows_it(tmp_path: Path, page: str) -> None:
    """Answers, refusals, ids and long answers reach the page, with a key; without the setting nothing does."""
    folder, env = tiny.bundled(tmp_path).folder, guarded(tmp_path, "bearer", ada="secret")
    with (
        running.start(folder, env={**env, ORIGINS: page}) as allowing,
        running.start(folder, env={**env, ORIGINS: "https://app.example.org"}) as other,
        running.start(folder, env=env) as closed,
    ):
        known = json.dumps(
            {"Content-Type": "application/json", "Authorization": "Bearer secret", "X-Request-Id": "mine"}
        )
        strange = json.dumps({"Content-Type": "application/json"})
        predict = f"{allowing.url}/predict"
        found = browse("call", page, predict, known, json.dumps(ROW))
        assert (found["status"], found["id"], json.loads(found["text"])["prediction"]) == (200, "mine", 4.0)
        many = browse("call", page, predict, known, json.dumps([ROW] * 500))
        assert len(json.loads(many["text"])["prediction"]) == 500
        for headers, body, status in ((known, "[1]", 400), (strange, json.dumps(ROW), 401)):
            refused = browse("call", page, predict, headers, body)
            assert (refused["status"], json.loads(refused["text"])["status"]) == (status, "error")
        for server in (other, closed):
            blocked = browse("call", page, f"{server.url}/predict", known, json.dumps(ROW))
            assert blocked == {"blocked": "TypeError: Failed to fetch"}


@pytest.mark.long(10)
@pytest.mark.parametrize("kind", ["none", "bearer", "basic"])
def test_page_of_documentation_predicts(tmp_path: Path, kind: str) -> None:
    """Where access is needed the page asks for it, and not the browser, which would keep a password."""
    files = {"basic": {"username": "ada", "password": "secret"}, "bearer": {"ada": "secret"}, "none": {}}[kind]
    env = guarded(tmp_path, kind, **files) if files else {}
    with running.start(tiny.bundled(tmp_path).folder, env=env) as server:
        found = browse("docs", server.url, kind)
    assert found == {
        "asks": kind != "none",
        "refusal": "" if kind == "none" else "That is not known here, or not any more.",
        "predictions": ["4", "price: [4]"],
        "errors": [],
    }


@pytest.mark.long(20)
@pytest.mark.parametrize("name", MODELS)
def test_page_of_documentation_takes_all_types(serve: Callable[..., Served], name: str) -> None:
    """Its example is predicted as it stands there, as a row and as tensors, whatever the types of the fields."""
    served = serve(name)
    found = browse("docs", served.url, "none")
    assert found["errors"] == []
    row, tensors = found["predictions"]
    assert (row if isinstance(served.answer, str) else json.loads(row)) == served.answer
    names = served.answer if isinstance(served.answer, dict) else [""]
    assert all(re.search(rf"{output}[\w.]*: \[", tensors) for output in names), tensors  # one for each key in a key
