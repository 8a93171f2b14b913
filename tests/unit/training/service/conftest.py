"""A service over runs that are made up, and a store of its own."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from slipway.serving.access import Access
from slipway.store import Store, open_store
from slipway.training.service.runs import Parameter, Run
from slipway.training.service.service import Download, Identity, Service

NAME, PASSWORD = "ada", "päss:word"
PARAMETERS: dict[str, Parameter] = {"c": 1.0, "steps": 3, "fast": True, "solver": "lbfgs"}


class MadeUp:
    """Runs as a test wants them; `started` are the parameters and data of each."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.started: list[tuple[dict[str, Parameter], str | None]] = []

    def start(self, parameters: Mapping[str, Parameter], data: str | None) -> Run:
        self.started.append((dict(parameters), data))
        self.runs.append(Run(f"train-iris-{len(self.runs)}", "Pending"))
        return self.runs[-1]

    def last(self) -> Run | None:
        return self.runs[-1] if self.runs else None

    def under_way(self) -> Run | None:
        return next((run for run in self.runs if not run.is_over), None)

    def find(self, name: str) -> Run | None:
        return next((run for run in self.runs if run.name == name), None)


class Asked:
    """The service, and how it is asked: status, headers and what the JSON holds."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.runs = folder, MadeUp()
        self.store: Store = open_store("store", root=folder, environment="test")
        self.access = folder / "access"
        self.access.mkdir()
        self.let_in(NAME, PASSWORD)
        access = Access("basic", self.access, "training", fresh=0)
        self.service = Service(Identity("iris", "test", PARAMETERS), self.runs, lambda: self.store, access)

    def let_in(self, name: str, password: str) -> None:
        (self.access / "username").write_text(name)
        (self.access / "password").write_text(password)

    def raw(self, method: str, path: str, body: bytes = b"", **headers: str) -> Any:
        """The answer as the service gives it, asked by whoever is let in."""
        route, _, query = path.partition("?")
        given = {"authorization": basic(NAME, PASSWORD)} | {
            key.replace("_", "-"): text for key, text in headers.items()
        }
        return self.service.answer(method, route, query, given, body)

    def ask(self, method: str, path: str, content: Any = None, **headers: str) -> tuple[int, Any]:
        body = b"" if content is None else json.dumps(content).encode()
        found = self.raw(method, path, body, **headers)
        assert not isinstance(found, Download)
        return found.status, json.loads(found.body)

    def refused(self, *words: Any, **more: Any) -> tuple[int, str, str]:
        """Status, code and message of what is refused."""
        status, told = self.ask(*words, **more)
        return status, told["error"]["code"], told["error"]["message"]

    def publish(self, text: str = "model", **record: Any) -> None:
        """The next version of the model."""
        made = self.folder / "artifact"
        made.mkdir(exist_ok=True)
        (made / "model.txt").write_text(text)
        self.store.publish("iris", made, record=record)


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    return Asked(tmp_path)
