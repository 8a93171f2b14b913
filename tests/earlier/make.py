"""Make `store.tar.xz` and `team.bundle` anew, with the code of this checkout: `python -m tests.earlier.make`.

It goes by the command line of that commit, as a team does. Only the container of `stones` is played by a server of the
tests, so that no engine is needed.
"""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import slipway
from slipway import settings as settings_file
from slipway.artifacts import Golden, save
from slipway.images import engines
from slipway.schema import Field, Schema
from slipway.training import task as training

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CASES = ROOT / "tests/models"
TRAINED = ("parcel", "tide", "wine", "soil", "berry", "leaf", "boxes", "crates", "fruit")


def rows(heads: str, line: Any, count: int = 60) -> str:
    """A CSV file."""
    return "\n".join([heads, *(",".join(map(str, line(number))) for number in range(1, count + 1))]) + "\n"


TEST = """def test_nothing() -> None:
    pass
"""

DATA = {
    "parcel": rows(
        "weight,colour,height,size",
        lambda n: (n + 20, ("red", "green")[n % 2], n if n % 3 else "", ("small", "big")[n > 30]),
    ),
    "tide": rows("hour,place,height", lambda n: (n % 24, ("east", "west")[n // 24 % 2], n % 24 / 8), 96),
    "wine": rows(
        "alcohol,acidity,kind",
        lambda n: (9 + n % 7 + n % 3 / 10, 2 + n % 5 / 4, ("red", "white")[(n % 7 + n % 5) > 5]),
        90,
    ),
    "soil": rows("depth,kind,harvest", lambda n: (n / 4, ("clay", "sand")[n % 2], n / 2 + n % 2)),
    "berry": rows("length,width,sweetness", lambda n: (n / 10, n % 7 / 2, n / 10 + n % 7 / 4 + n % 3 / 10)),
    "boxes": rows("length,width,colour,content", lambda n: (n, 1 + n % 4, ("red", "blue")[n % 2], n * (1 + n % 4) * 2)),
    "crates": rows("length,colour,content", lambda n: (n, ("red", "blue")[n % 2], n * 3 + n % 2)),
    "stones": rows("length,width,kind", lambda n: (1 + n / 20, n, ("small", "large")[n > 20])),
    "fruit": rows("length,weight", lambda n: (n - 1, n * 3 + n % 5), 61),
}


class Team:
    """A team's repository, and what is done in it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", "-C", str(self.root), *words], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message)

    def __call__(self, *words: str) -> None:
        """Run a verb by the platform's code of the team's own repository."""
        command = [sys.executable, "-P", "-m", "slipway", "-C", str(self.root), *words]
        print("slipway", *words)  # noqa: T201 - a script
        subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(self.root / "src")}, cwd=self.root)

    def release_of(self, version: int, environment: str) -> str:
        (found,) = (self.root / "overlays" / environment / "fruit").glob(f"v{version}-*")
        return found.name


def begin(root: Path) -> Team:
    """Make the repository with the models and all of the platform that a team has."""
    shutil.copytree(HERE / "team", root)
    for path in ("src/slipway", "functions", "manifests/function"):
        shutil.copytree(ROOT / path, root / path, ignore=shutil.ignore_patterns("__pycache__", "README.md"))
    shutil.copy(ROOT / "requirements.lock", root)
    for case in ("leaf", "boxes"):
        shutil.copytree(CASES / case, root / "model" / case, dirs_exist_ok=True)
    for model, text in DATA.items():
        (root / "model" / model).mkdir(exist_ok=True)
        (root / "model" / model / f"{model}.csv").write_text(text)
    for code in root.glob("model/*/model.py"):
        code.with_name("test_model.py").write_text(TEST)
    team = Team(root)
    team.git("init", "--quiet", "--initial-branch=main")
    team.git("config", "user.name", "Ada")
    team.git("config", "user.email", "ada@example.org")
    team.commit("Start")
    return team


def publish_by_hand(team: Team, scratch: Path) -> None:
    """Publish a folder of any files from Python, and then an artifact by the verb."""
    (scratch / "any/deep").mkdir(parents=True)
    (scratch / "any/deep/weights.txt").write_text("1 2 3\n")
    slipway.publish("byhand", scratch / "any", metadata={"author": "ada"}, root=team.root)
    sys.path.insert(0, str(team.root))
    from model.byhand.model import ByHand  # type: ignore[import-not-found]

    model = ByHand()
    model.factor = 3.0
    schema = Schema(fields=(Field(name="x", kind="number"),), target=Field(name="y", kind="number"))
    save(model, schema, Golden(rows=[{"x": 2.0}, {"x": -1.0}], predictions=[6.0, -3.0]), scratch / "artifact")
    team("publish", "byhand", str(scratch / "artifact"), "-m", "author=grace")


def train_container(team: Team, scratch: Path) -> None:
    """Take `stones` through the steps, as tests/unit/containers does."""
    from tests.unit.images import conftest

    @contextmanager
    def serve(_image: str, *, model_id: str, release: str) -> Iterator[str]:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, content = server.container.answer(
                    self.path, self.rfile.read(int(self.headers.get("content-length") or 0))
                )
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(content).encode())

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_words: Any) -> None:
                """Say nothing."""

        server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.container = conftest.Container(f"http://127.0.0.1:{server.server_port}", model_id, release)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.container.url
        server.shutdown()

    engines.serve, engines.user_of = serve, lambda _image: "65532"  # type: ignore[assignment]
    settings = settings_file.load(team.root)
    source = None
    for name in training.STEPS:
        about = training.begin(settings, "stones", "test") if source is None else None
        training.step(name, settings, source, scratch / "stones" / name, about)
        source = scratch / "stones" / name


def history(team: Team) -> None:
    """Release all, promote both releases of fruit, and roll back from the second in both environments."""
    team("release", *TRAINED, "stones")
    first = team.release_of(1, "test")
    team("verify", f"test/fruit/{first}")
    team("promote", "fruit", "--allow-unbuilt")
    model = team.root / "model/fruit/model.py"
    model.write_text(model.read_text().replace('self.parameters["factor"])', 'self.parameters["factor"]) + 1'))
    team.commit("Fruit is heavier than that")
    team("train", "fruit")
    team("release", "fruit")
    second = team.release_of(2, "test")
    team("traffic", "fruit", "--env", "test", "v1=20", "v2=80")
    team("verify", f"test/fruit/{second}")
    team("promote", "fruit", "--allow-unbuilt")
    team("rollback", "fruit", "--env", "prod", "--to", team.release_of(1, "prod"), "--reason", "callers complain")
    team("rollback", "fruit", "--env", "test", "--to", first, "--reason", "it is too heavy")


def main() -> None:
    with TemporaryDirectory() as made:
        scratch = Path(made)
        team = begin(scratch / "team")
        for name in TRAINED:
            team("train", name, *(["-m", "note=first"] if name == "fruit" else []))
        publish_by_hand(team, scratch)
        train_container(team, scratch)
        history(team)
        with tarfile.open(HERE / "store.tar.xz", "w:xz") as archive:
            archive.add(team.root / ".slipway/store", "store", filter=anonymous)
        team.git("bundle", "create", "--quiet", str(HERE / "team.bundle"), "HEAD", "main")


def anonymous(file: tarfile.TarInfo) -> tarfile.TarInfo:
    """Leave out who made a file."""
    return file.replace(deep=False, mode=0o755 if file.isdir() else 0o644, uid=0, gid=0, uname="", gname="")


if __name__ == "__main__":
    main()
