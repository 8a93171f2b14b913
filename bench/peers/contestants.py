"""The servers that are compared, each started and asked in its own usual way, and their environments."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bench.peers.trained import Served, Trained
from slipway import digests

HERE = Path(__file__).parent
OURS, BARE = "slipway", "bare uvicorn, ONNX Runtime"
ROWS = (1, 100, 10_000)
"""The numbers of rows of a request."""

_Body = Callable[[Trained, int], Any]


class MissingError(Exception):
    """A peer cannot be installed here."""


class Contestant(NamedTuple):
    """A server with one model; `{port}` in its command and variables stands for the port that it listens on."""

    name: str
    model: str
    command: list[str]
    cwd: Path
    env: dict[str, str]
    path: str
    bodies: dict[int, str]
    """The body of a request, by its number of rows."""
    predictions: Callable[[Any], list[Any]]
    """Returns the predictions of an answer's JSON."""

    @property
    def key(self) -> tuple[str, str]:
        """Return the server's name and its model."""
        return self.name, self.model


VERSIONS = {
    "bare": ("uvicorn", "onnxruntime"),
    "framework": ("functions-framework", "scikit-learn"),
    "mlserver": ("mlserver",),
    "bentoml": ("bentoml",),
}
"""The packages of each peer whose versions are reported."""


def of(trained: Trained, scratch: Path) -> Iterator[Contestant]:
    """Return the servers that can run here with a model; print the name of each other one, and the reason."""
    if trained.converted and trained.graph:
        yield _ours(OURS, trained, trained.converted, ["-m", "slipway.serving"])
        frame = ["-m", "functions_framework", "--target", "predict", "--source", "main.py"]
        yield _ours(f"{OURS}, by functions-framework", trained, trained.converted, frame)
    yield _ours(f"{OURS}, not converted", trained, trained.plain, ["-m", "slipway.serving"])
    makers = {"bare": _bare, "framework": _framework, "mlserver": _mlserver, "bentoml": _bentoml}
    for peer, make in makers.items():
        try:
            yield from make(trained, _python(peer), scratch)
        except MissingError as error:
            print(f"{peer} is left out: {error}", file=sys.stderr, flush=True)


def _ours(name: str, trained: Trained, served: Served, command: list[str]) -> Contestant:
    env = {"PYTHONPATH": str(served.folder), "PORT": "{port}", "HOST": "127.0.0.1", "THREADS": "4"}
    bodies = _bodies(trained, lambda trained, count: _first(trained.rows, count))
    return Contestant(
        name,
        trained.name,
        [str(served.python), *command],
        served.folder,
        env,
        "/predict",
        bodies,
        lambda told: list(told["prediction"]),
    )


def _bare(trained: Trained, python: Path, _scratch: Path) -> Iterator[Contestant]:
    if trained.graph is None:
        raise MissingError(f"{trained.name} was not converted")
    env = {"PORT": "{port}", "MODEL": str(trained.graph)}
    command = [str(python), str(HERE / "bare/app.py")]
    yield _with_rows(BARE, trained, command, env, "/", lambda told: list(told["predictions"]))


def _framework(trained: Trained, python: Path, _scratch: Path) -> Iterator[Contestant]:
    env = {"PORT": "{port}", "HOST": "127.0.0.1", "MODEL": str(trained.estimator), "THREADS": "4"}
    source = str(HERE / "framework/main.py")
    command = [str(python), "-m", "functions_framework", "--target", "predict", "--source", source]
    yield _with_rows(
        "functions-framework, scikit-learn", trained, command, env, "/", lambda told: list(told["predictions"])
    )


def _bentoml(trained: Trained, python: Path, scratch: Path) -> Iterator[Contestant]:
    home = scratch / "bentoml"
    home.mkdir(exist_ok=True)
    env = {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True", "MODEL": str(trained.estimator)}
    where = ["--host", "127.0.0.1", "--port", "{port}"]
    command = [str(python), "-m", "bentoml", "serve", "service:Service", *where]
    made = _with_rows("BentoML", trained, command, env, "/predict", list)
    yield made._replace(cwd=HERE / "bentoml")


def _mlserver(trained: Trained, python: Path, scratch: Path) -> Iterator[Contestant]:
    folder = scratch / f"{trained.name}-mlserver"
    folder.mkdir(exist_ok=True)
    model = {
        "name": trained.name,
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": str(trained.estimator)},
    }
    (folder / "model-settings.json").write_text(json.dumps(model))
    (folder / "settings.json").write_text(json.dumps({"debug": False, "host": "127.0.0.1"}))
    for workers in (0, 1):
        env = {"MLSERVER_PARALLEL_WORKERS": str(workers), "MLSERVER_HTTP_PORT": "{port}"}
        env |= {"MLSERVER_GRPC_PORT": "{port+1}", "MLSERVER_METRICS_PORT": "{port+2}"}
        yield Contestant(
            f"MLServer, {workers} worker{'' if workers == 1 else 's'}",
            trained.name,
            [str(python.with_name("mlserver")), "start", str(folder)],
            folder,
            env,
            f"/v2/models/{trained.name}/infer",
            _bodies(trained, _tensor),
            lambda told: list(told["outputs"][0]["data"]),
        )


def _with_rows(
    name: str,
    trained: Trained,
    command: list[str],
    env: dict[str, str],
    path: str,
    predictions: Callable[[Any], list[Any]],
) -> Contestant:
    bodies = _bodies(trained, lambda trained, count: {"rows": _first(trained.inputs, count)})
    return Contestant(name, trained.name, command, HERE, env, path, bodies, predictions)


def _tensor(trained: Trained, count: int) -> dict[str, Any]:
    data = _first(trained.inputs, count)
    tensor = {"name": "predict", "datatype": "FP64", "shape": [count, len(data[0])], "data": data}
    return {"inputs": [tensor]}


def _bodies(trained: Trained, made: _Body) -> dict[int, str]:
    return {count: json.dumps(made(trained, count)) for count in ROWS}


def _first(rows: list[Any], count: int) -> list[Any]:
    """Return so many rows; they are repeated where there are fewer."""
    return [rows[at % len(rows)] for at in range(count)]


def _python(peer: str) -> Path:
    """Return the interpreter of a peer's environment, which is installed once a machine.

    It has the version of Python that runs this. Raise `MissingError` when the environment cannot be installed.
    """
    requirements = HERE / peer / "requirements.txt"
    known = digests.of_value([requirements.read_text(), sys.version])[:12]
    home = _cache() / f"{peer}-{known}"
    interpreter, complete = home / "bin" / "python", home / "complete"
    if not complete.is_file():
        print(f"installing {peer} …", flush=True)
        _uv("venv", "--quiet", "--clear", "--python", sys.executable, str(home))
        _uv("pip", "sync", "--quiet", "--compile-bytecode", "--python", str(interpreter), str(requirements))
        complete.touch()
    return interpreter


def version(peer: str, package: str) -> str:
    """Return the version of `package` in the requirements of a peer."""
    lines = (HERE / peer / "requirements.txt").read_text().splitlines()
    return next(line.partition("==")[2].split()[0] for line in lines if line.startswith(f"{package}=="))


def _cache() -> Path:
    return Path(os.environ.get("SLIPWAY_BENCH_CACHE") or Path.home() / ".cache" / "slipway-bench")


def _uv(*arguments: str) -> None:
    done = subprocess.run(["uv", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise MissingError(said[0].strip() if said else f"uv ended with status {done.returncode}")
