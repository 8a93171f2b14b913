"""Clients that generators make of `/openapi.json`: each predicts as the function does, with the types of the model.

The versions of all generators are in `clients`, in the files of their tools. Where one is missing, its test is skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slipway.models.environment import python_for
from tests.callers.conftest import MODELS, Served

CLIENTS = Path(__file__).parent / "clients"
LIMIT = {"SLIPWAY_MAX_ROWS": "2"}

pytestmark = [pytest.mark.parametrize("name", MODELS)]


@pytest.fixture
def served(serve: Callable[..., Served], name: str) -> Served:
    """Return a function that takes two rows at most."""
    return serve(name, **LIMIT)


@pytest.fixture
def document(served: Served, tmp_path: Path) -> Path:
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(served.document))
    return path


def asked(served: Served) -> dict[str, Any]:
    """Return what a client asks: the examples of the document, and tensors of one value that claim two."""
    infer = served.document["paths"]["/v2/models/{model}/infer"]["post"]["requestBody"]["content"]
    tensors = infer["application/json"]["examples"]["row"]["value"]
    wrong = {"inputs": [{**each, "shape": [2, *each["shape"][1:]]} for each in tensors["inputs"]]}
    return {"row": served.row, "tensors": tensors, "wrong": wrong}


def check(served: Served, told: str) -> None:
    """Hold what a client printed to what the function answers."""
    found = json.loads(told)
    code, message = found.pop("refused")
    assert code == "too_many_rows"
    assert any(message.startswith(f"tensor {field!r}: its shape ") for field in served.row), message
    outputs = found.pop("outputs")
    keys = served.answer if isinstance(served.answer, dict) else []
    assert len(outputs) >= max(1, len(keys))
    answer = bare(served.answer)
    assert bare(found) == {"row": answer, "rows": [answer] * 2, "instances": [answer]}


def bare(value: Any) -> Any:
    """Return a value without what is null, which some clients leave out of what they print."""
    if isinstance(value, dict):
        return {key: bare(each) for key, each in value.items() if each is not None}
    return [bare(each) for each in value] if isinstance(value, list) else value


def run(*command: str | Path, cwd: Path | None = None, **env: str) -> str:
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | env
    done = subprocess.run(command, cwd=cwd, env=own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    return done.stdout


def tool(name: str) -> str:
    """Return the path of a program, or skip the test."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is missing")
    return found


def python() -> Path:
    return python_for(CLIENTS / "requirements.lock")


@pytest.mark.long(60)
def test_openapi_python_client(served: Served, document: Path, tmp_path: Path) -> None:
    """Its models take a row as a dict, and give answers as such."""
    places = os.pathsep.join([str(python().parent), os.environ["PATH"]])  # it formats by ruff
    generate = [python(), "-m", "openapi_python_client", "generate", "--path", document, "--meta", "none"]
    run(*generate, "--output-path", tmp_path / "generated", "--fail-on-warning", PATH=places)
    words = ["generated", served.name, served.url, json.dumps(asked(served))]
    check(served, run(python(), CLIENTS / "python_client.py", *words, PYTHONPATH=str(tmp_path)))


@pytest.mark.long(60)
def test_openapi_generator_for_python(served: Served, document: Path, tmp_path: Path) -> None:
    """Its models are of pydantic, which refuses what does not fit the document."""
    words = ["generate", "-g", "python", "-i", document, "-o", tmp_path, "--package-name", "generated"]
    run(tool("java"), "-jar", openapi_generator(), *words)
    words = ["generated", served.name, served.url, json.dumps(asked(served))]
    check(served, run(python(), CLIENTS / "generator_client.py", *words, PYTHONPATH=str(tmp_path)))


def openapi_generator() -> Path:
    """Return the program, which Maven fetches once and keeps."""
    group, artifact, version = (CLIENTS / "openapi-generator.txt").read_text().strip().split(":")
    path = Path("~/.m2/repository").expanduser() / group.replace(".", "/") / artifact / version
    found = path / f"{artifact}-{version}.jar"
    if not found.exists():
        get = ["-q", "dependency:get", "-Dtransitive=false", f"-Dartifact={group}:{artifact}:{version}"]
        run(tool("mvn"), *get)
    return found


@pytest.mark.long(60)
def test_openapi_typescript(served: Served, document: Path, node: Path, tmp_path: Path) -> None:
    """`tsc --strict` takes what fits the types, and nothing else."""
    given = asked(served)
    (tmp_path / "node_modules").symlink_to(node)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    run(node / ".bin/openapi-typescript", document, "-o", tmp_path / "schema.d.ts")
    lines = [
        'import type { components } from "./schema.js";',
        f'export const model = "{served.name}" as const;',
        f'export const row: components["schemas"]["Row"] = {json.dumps(given["row"])};',
        f'export const tensors: components["schemas"]["InferenceRequest"] = {json.dumps(given["tensors"])};',
        f'export const wrong: components["schemas"]["InferenceRequest"] = {json.dumps(given["wrong"])};',
    ]
    (tmp_path / "asked.ts").write_text("\n".join(lines))
    for file in ("client.ts", "refused.ts"):
        shutil.copy(CLIENTS / file, tmp_path)
    options = ["--strict", "--noUncheckedIndexedAccess", "--module", "nodenext", "--target", "es2022"]
    run(node / ".bin/tsc", *options, "client.ts", "refused.ts", cwd=tmp_path)
    check(served, run(tool("node"), "client.js", served.url, cwd=tmp_path))


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the packages of TypeScript, installed as the lock says."""
    npm, folder = tool("npm"), tmp_path_factory.mktemp("node")
    for file in ("package.json", "package-lock.json"):
        shutil.copy(CLIENTS / file, folder)
    run(npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", cwd=folder)
    return folder / "node_modules"


@pytest.mark.long(60)
def test_oapi_codegen_for_go(served: Served, document: Path, tmp_path: Path) -> None:
    """It compiles, and reads and writes every number as the function has it."""
    go = tool("go")
    for file in ("go.mod", "go.sum", "client.go"):
        shutil.copy(CLIENTS / file, tmp_path)
    generated = tmp_path / "generated/client.go"
    generated.parent.mkdir()
    made = run(go, "tool", "oapi-codegen", "-generate", "types,client", "-package", "generated", document, cwd=tmp_path)
    generated.write_text(made)
    run(go, "build", "-o", "client", ".", cwd=tmp_path)
    check(served, run(tmp_path / "client", served.name, served.url, json.dumps(asked(served))))
