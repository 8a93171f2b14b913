"""A model that hunts for tokens goes through the jobs of the workflows, each as on a machine of its own.

`act` executes them by `../shared/cluster/run-workflow`; where that is missing, these tests are skipped.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.cluster.actions import PYTHON, RUNNER
from tests.forge_server.fixtures import NAME
from tests.forge_server.repositories import Bare
from tests.forge_server.server import Forge, started
from tests.forge_server.state import Token
from tests.manifests.conftest import ROOT

pytestmark = [
    pytest.mark.long(300),
    pytest.mark.skipif(not RUNNER.exists(), reason="act is not here"),
]

MARK = "canary"
"""Stands in every token and key that a job may be given."""
APP_TOKEN = f"{MARK}-app"
SECRETS = {"GITHUB_TOKEN": f"{MARK}-job", "SLIPWAY_APP_PRIVATE_KEY": f"{MARK}-key"}

MODEL = '''
"""Whether a coin shows heads."""

from slipway.model import Model
from model.hunter.hunt import hunt

hunt("FOUND")


class Hunter(Model):
    """Heads or tails."""

    source_features = ["weight"]
    target_variable = "side"

    def train(self, data):
        hunt("FOUND")
        self.limit = float(data["weight"].median())

    def predict(self, rows):
        return ["heads" if row["weight"] > self.limit else "tails" for row in rows]
'''

HUNT = (
    f'''
MARK = bytes.fromhex("{MARK.encode().hex()}")  # not as it is searched for
'''
    + '''
import json
import os
import sys
import urllib.request
from pathlib import Path


def ancestors():
    """Return this process and those that it descends from, below the runner; none where there is no runner."""
    found, number = [], os.getpid()
    while number > 1:
        folder = Path(f"/proc/{number}")
        if (folder / "comm").read_text().strip() == "act":
            return found
        found.append(folder)
        number = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    return []


def content(path):
    """Return the content of a file, if this process may read it."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def looked_into(processes):
    """Yield what a job is given, each with its place."""
    folders = set()
    for folder in processes:
        for name in ("environ", "cmdline"):
            for given in content(folder / name).split(b"\\0"):
                key, _, value = given.decode(errors="replace").partition("=")
                yield f"{folder / name}/{key}", given
                if key in ("GITHUB_WORKSPACE", "HOME", "RUNNER_TEMP") and value:
                    folders.add(value)
    for top in folders:
        for folder, names, files in os.walk(top):
            names[:] = [name for name in names if name != "site-packages"]
            for path in (Path(folder, name) for name in files):
                if path.is_file() and path.stat().st_size < 100_000:
                    yield str(path), content(path)


def metadata():
    """Return what the cloud's metadata server gives."""
    url = "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token"
    request = urllib.request.Request(url, headers={"Metadata-Flavor": "Google"})
    try:
        return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=0.2).read()
    except OSError:
        return b""


def hunt(target):
    processes = ancestors()
    if not processes:
        return
    found = [place for place, content in looked_into(processes) if MARK in content]
    if metadata():
        found.append("the metadata server")
    own = {"argv": sys.argv, "processes": len(processes), "found": sorted(found)}
    try:
        with open(target, "a") as file:
            file.write(json.dumps(own) + "\\n")
    except OSError as error:  # in an image, which fails its checks then
        if found:
            raise SystemExit(str(own)) from error
'''
)

SETTINGS = """
environments:
  test: {store: STORE/test, namespace: slipway-test}
  prod: {store: STORE/prod, namespace: slipway-prod, promotes_from: test}
models:
  hunter: {train: runner}
"""


class Site(NamedTuple):
    """A team with the hunter as its one model."""

    root: Path
    forge: Forge
    folder: Path

    @property
    def bare(self) -> Bare:
        """Return the team's repository on the server."""
        return self.forge.bare(NAME)

    @property
    def found(self) -> Path:
        """Return the file that the hunter writes to."""
        return self.folder / "found"

    def run(self, *words: str) -> str:
        """Run a command in the clone of the team."""
        server = {"GITHUB_API_URL": self.forge.url, "GITHUB_REPOSITORY": NAME, "GITHUB_TOKEN": APP_TOKEN}
        done = subprocess.run(
            words, cwd=self.root, env=os.environ | server, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def slipway(self, *words: str) -> str:
        return self.run(sys.executable, "-m", "slipway", *words)

    def hunted(self) -> list[dict[str, Any]]:
        """Return what the hunter has found since the last call."""
        lines = self.found.read_text().splitlines() if self.found.exists() else []
        self.found.unlink(missing_ok=True)
        return [json.loads(line) for line in lines]

    def job(
        self,
        workflow: str,
        name: str,
        event: str,
        *,
        careless: bool = False,
    ) -> str:
        """Run one job in a new clone with a new home, and what earlier jobs have uploaded; return its log.

        A `careless` one is given a token, and keeps those of its actions.
        """
        folder = self.folder / f"{workflow}-{name}"
        shutil.rmtree(folder, ignore_errors=True)
        checkout = folder / "checkout"
        subprocess.run(["git", "clone", "--quiet", self.forge.clone_url(NAME), str(checkout)], check=True)
        content = (checkout / ".github/workflows" / workflow).read_text()
        (folder / workflow).write_text(self._alone(content, name, careless=careless))
        (folder / "event.json").write_text(json.dumps({"ref": "refs/heads/main"}))
        (folder / "home").mkdir()
        (self.folder / "artifacts").mkdir(exist_ok=True)
        variables = {
            "GITHUB_SERVER_URL": self.forge.url,
            "GITHUB_API_URL": self.forge.url,
            "GITHUB_REPOSITORY": NAME,
            "PYTHON": str(PYTHON),
            "PYTHONDONTWRITEBYTECODE": "",
            "HOME": str(folder / "home"),
            "RUNNER_TEMP": str(folder / "home"),
            "SLIPWAY_CACHE": os.environ.get("SLIPWAY_CACHE") or str(Path.home() / ".cache/slipway"),
            "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR") or str(Path.home() / ".cache/uv"),
        }
        words = [
            *(str(RUNNER), str(checkout), event, "-W", str(folder / workflow)),
            *("-e", str(folder / "event.json"), "--actor", "ada", "--var", "SLIPWAY_APP_ID=1"),
            *("--var", "GCP_WORKLOAD_IDENTITY_PROVIDER=pool", "--var", "GCP_SERVICE_ACCOUNT=slipway-test"),
            *(word for key, value in SECRETS.items() for word in ("-s", f"{key}={value}")),
            *(word for key, value in variables.items() for word in ("--env", f"{key}={value}")),
        ]
        shared = {"RIG_ARTIFACTS": str(self.folder / "artifacts"), "RIG_ACTIONS": str(self.folder / "actions")}
        env = os.environ | variables | shared | {"RIG_HOME": str(Path.home() / ".cache/rig")}
        env |= {"XDG_CACHE_HOME": str(Path.home() / ".cache"), "HOME": str(Path.home())}
        done = subprocess.run(words, env=env, capture_output=True, text=True, errors="replace", check=False)
        log = done.stdout + done.stderr
        (folder / "log").write_text(log)
        assert done.returncode == 0, log[-8000:]
        return log

    @staticmethod
    def _alone(text: str, name: str, *, careless: bool) -> str:
        """Leave one job in a workflow, which waits for no other."""
        content = yaml.safe_load(text.replace("needs.attest.result", "format('skipped')"))
        job = content["jobs"][name]
        # Where the ref is that of the event, act lays the tree by itself, and the action leaves no token in the clone.
        job["steps"][0]["with"]["ref"] = "main"
        if careless:
            job["env"] = {"GITHUB_TOKEN": "${{ github.token }}"}
            job["steps"][0]["with"]["persist-credentials"] = True
            job["steps"][1]["with"] = {"identity-provider": "pool", "service-account": "slipway-test"}
        content["jobs"] = {name: {key: value for key, value in job.items() if key not in ("needs", "if")}}
        return yaml.safe_dump({"on": content.pop(True), **content})


def _stand_ins(folder: Path) -> None:
    """Write actions that leave behind what the real ones do: tokens in the clone, in files and in variables."""
    leave = {
        "actions/checkout": (
            "if [ '${{ inputs.persist-credentials }}' != false ]; then git config http.extraheader %s; fi"
        ),
        "google-github-actions/auth": (
            'path=$GITHUB_WORKSPACE/gha-creds-0.json; echo %s > "$path"\n'
            'echo "GOOGLE_APPLICATION_CREDENTIALS=$path" >> "$GITHUB_ENV"; echo "CLOUDSDK_AUTH=%s" >> "$GITHUB_ENV"'
        ),
        "actions/create-github-app-token": "true",
    }
    for name, script in leave.items():
        action = yaml.safe_load((RUNNER.parent / "actions" / name / "action.yml").read_text())
        action["runs"]["steps"].append({"shell": "bash", "run": script.replace("%s", f"{MARK}-{name[-4:]}")})
        if "token" in action.get("outputs", {}):
            action["outputs"]["token"]["value"] = APP_TOKEN
        (folder / name).mkdir(parents=True)
        (folder / name / "action.yml").write_text(yaml.safe_dump(action))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A team whose hunter is released in test, runs in production, and is released in test once more."""
    folder = tmp_path_factory.mktemp("hunt")
    with started(folder / "forge") as forge:
        forge.repository(NAME)
        forge.tokens |= {
            APP_TOKEN: Token(login="slipway[bot]", bypass=True),
            SECRETS["GITHUB_TOKEN"]: Token(login="github-actions[bot]", permissions={"contents": "read"}),
        }
        _stand_ins(folder / "actions")
        made = Site(folder / "team", forge, folder)
        _begin(made)
        yield made


def _begin(site: Site) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for path in filter(None, listed.split("\0")):
        if not path.startswith(("overlays/", "model/", "tests/", "bench/")) and (ROOT / path).is_file():
            (site.root / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, site.root / path)
            shutil.copymode(ROOT / path, site.root / path)
    model = site.root / "model/hunter"
    model.mkdir(parents=True)
    (site.root / "slipway.yaml").write_text(SETTINGS.replace("STORE", str(site.folder / "store")))
    (model / "model.py").write_text(MODEL.replace("FOUND", str(site.found)))
    (model / "hunt.py").write_text(HUNT)
    (model / "requirements.txt").write_text("")
    rows = "".join(f"{number},{'heads' if number > 50 else 'tails'}\n" for number in range(100))
    (model / "hunter.csv").write_text(f"weight,side\n{rows}")
    test = f'from model.hunter.hunt import hunt\n\n\ndef test_it_hunts():\n    hunt("{site.found}")\n'
    (model / "test_model.py").write_text(test)
    site.run("git", "init", "--quiet", "--initial-branch", "main")
    site.run("git", "config", "user.name", "Ada")
    site.run("git", "config", "user.email", "ada@example.org")
    site.run("git", "remote", "add", "origin", site.forge.clone_url(NAME, APP_TOKEN))
    _commit(site)


def _commit(site: Site) -> None:
    site.run("git", "add", "--all")
    site.run("git", "commit", "--quiet", "--message", "Change", "--allow-empty")
    site.run("git", "push", "--quiet", "origin", "main")


def change(site: Site) -> None:
    """Push other code of the model, whose training gives another artifact."""
    path = site.root / "model/hunter/model.py"
    path.write_text(path.read_text() + "# changed\n")
    _commit(site)


def release(site: Site) -> None:
    """Train, release and verify the hunter on this machine."""
    site.slipway("train", "hunter")
    site.slipway("release", "hunter")
    names = sorted((site.root / "overlays/test/hunter").glob("v*-*"), key=lambda path: path.stat().st_mtime)
    site.slipway("verify", names[-1].name)
    _commit(site)


def test_a_promotion(site: Site) -> None:
    """The code of both versions is asked in one job, which has nothing to find; the others run no code of a model."""
    release(site)
    site.slipway("promote", "hunter", "--allow-unbuilt")
    change(site)
    release(site)
    site.slipway("promote", "hunter", "--allow-unbuilt", "--push")
    for name in ("find", "ask", "propose"):
        log = site.job("promote.yaml", name, "schedule")
        found = site.hunted()
        assert bool(found) is (name == "ask"), log
        assert [each for each in found if each["found"]] == []
    [pull] = site.forge.repository(NAME).pulls
    assert "**As good** as what runs now: `accuracy`" in pull["body"]


def test_a_release(site: Site) -> None:
    """One job trains, tests, builds and starts the model, and has nothing to find; the others run no code of it."""
    if registry := os.environ.get("SLIPWAY_TEST_REGISTRY"):
        path = site.root / "slipway.yaml"
        path.write_text(path.read_text().replace("test: {", f"test: {{registry: {registry}/hunt, ", 1))
    change(site)
    before = site.bare.git("rev-parse", "main")
    site.hunted()
    for name in ("plan", "work", "push", "release"):
        log = site.job("release.yaml", name, "push")
        found = site.hunted()
        assert bool(found) is (name == "work"), log
        assert [each for each in found if each["found"]] == []
        if name == "work":  # the tests, the fit, and the function as it is served
            called = {word.rpartition("/")[2] for each in found for word in each["argv"][:1]}
            assert len(called) > 1, called
    assert "release v" in site.bare.git("log", "--format=%s", f"{before}..main")


def test_the_hunter_finds_what_a_job_is_given(site: Site) -> None:
    """In a careless job it meets the tokens of a variable, of the clone and of the cloud, in every process."""
    site.job("promote.yaml", "ask", "schedule", careless=True)
    found = site.hunted()
    assert found
    for each in found:
        assert {path.rpartition("/")[2] for path in each["found"]} >= {"GITHUB_TOKEN", "config", "gha-creds-0.json"}
