"""Who takes part, and how each is started and asked: every one in its own usual way."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bench.peers import environments
from bench.peers.environments import MissingError
from bench.peers.trained import Served, Trained

__all__ = ["BARE", "OURS", "VERSIONS", "Contestant", "of"]

HERE = Path(__file__).parent
OURS, BARE = "slipway", "bare uvicorn, ONNX Runtime"

_Body = Callable[[Trained, int], Any]


class Contestant(NamedTuple):
    """A server with one model: `{port}` in its command and variables stands for where it is to listen."""

    name: str
    model: str
    command: list[str]
    cwd: Path
    env: dict[str, str]
    path: str
    bodies: dict[int, str]
    """By the number of rows."""
    predictions: Callable[[Any], list[Any]]
    """Of an answer's JSON."""

    @property
    def key(self) -> tuple[str, str]:
        """Its name and its model."""
        return self.name, self.model


VERSIONS = {
    "bare": ("uvicorn", "onnxruntime"),
    "framework": ("functions-framework", "scikit-learn"),
    "mlserver": ("mlserver",),
    "bentoml": ("bentoml",),
}
"""By peer, the packages whose versions matter."""


def of(trained: Trained, scratch: Path) -> Iterator[Contestant]:
    """All that can be had here; says who is left out, and why."""
    if trained.converted and trained.graph:
        yield _ours(OURS, trained, trained.converted, ["-m", "slipway.serving"])
        frame = ["-m", "functions_framework", "--target", "predict", "--source", "main.py"]
        yield _ours(f"{OURS}, by functions-framework", trained, trained.converted, frame)
    yield _ours(f"{OURS}, not converted", trained, trained.plain, ["-m", "slipway.serving"])
    makers = {"bare": _bare, "framework": _framework, "mlserver": _mlserver, "bentoml": _bentoml}
    for peer, make in makers.items():
        try:
            yield from make(trained, environments.python(peer), scratch)
        except MissingError as error:
            print(f"{peer} is left out: {error}", file=sys.stderr, flush=True)


def _ours(name: str, trained: Trained, served: Served, command: list[str]) -> Contestant:
    env = {"PYTHONPATH": str(served.folder), "PORT": "{port}", "HOST": "127.0.0.1", "THREADS": "4"}
    bodies = _bodies(trained, lambda trained, count: trained.rows[:count])
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
    bodies = _bodies(trained, lambda trained, count: {"rows": trained.inputs[:count]})
    return Contestant(name, trained.name, command, HERE, env, path, bodies, predictions)


def _tensor(trained: Trained, count: int) -> dict[str, Any]:
    data = trained.inputs[:count]
    tensor = {"name": "predict", "datatype": "FP64", "shape": [count, len(data[0])], "data": data}
    return {"inputs": [tensor]}


def _bodies(trained: Trained, made: _Body) -> dict[int, str]:
    return {count: json.dumps(made(trained, count)) for count in (1, 100)}
