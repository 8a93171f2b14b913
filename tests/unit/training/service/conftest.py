"""A service with runs that a test makes up, and a store of its own."""

import asyncio
import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from slipway.model import Parameter
from slipway.serving.access import Access
from slipway.serving.answers import Answer
from slipway.serving.http import server
from slipway.store import Store, open_store
from slipway.training.service.app import Identity, Service
from slipway.training.service.runs import Run

NAME, PASSWORD = "ada", "päss:word"
PARAMETERS: dict[str, Parameter] = {"c": 1.0, "steps": 3, "fast": True, "solver": "lbfgs"}


class MadeUp:
    """Runs without processes; `started` has the parameters and data of each."""

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
    """A service with a store of its own, and requests to it."""

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

    def raw(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        """Return the answer over ASGI; the caller is known unless `headers` say otherwise."""
        path, _, query = path.partition("?")
        given = {"authorization": basic(NAME, PASSWORD), "content_length": str(len(body)), **headers}
        encoded = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in given.items()]
        scope = {"method": method, "path": path, "query_string": query.encode(), "headers": encoded}

        messages = [{"type": "http.request", "body": body}]

        async def receive() -> Mapping[str, Any]:
            if not messages:
                await asyncio.Event().wait()  # the caller stays
            return messages.pop()

        return asyncio.run(server.respond(self.service, scope, receive))

    def ask(self, method: str, path: str, content: Any = None, **headers: str) -> tuple[int, Any]:
        body = b"" if content is None else json.dumps(content).encode()
        found = self.raw(method, path, body, **headers)
        return found.status, json.loads(found.body)

    def refused(self, *words: Any, **more: Any) -> tuple[int, str, str]:
        """Return status, code and message of a refusal."""
        status, told = self.ask(*words, **more)
        return status, told["error"]["code"], told["error"]["message"]

    def publish(self, text: str = "model", **record: Any) -> None:
        """Publish the next version of the model."""
        made = self.folder / "artifact"
        made.mkdir(exist_ok=True)
        (made / "model.txt").write_text(text)
        self.store.publish("iris", made, record=record)


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    return Asked(tmp_path)
