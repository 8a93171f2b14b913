"""Actions of people in a repository on GitHub that Argo CD follows, and checks of their results."""

import json
import time
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from slipway import settings as settings_file
from slipway.git import Repository
from slipway.gitops.snapshot import Snapshot
from slipway.overlays.types import Overlay
from slipway.store import store_of
from tests.cluster.actions import Actions, Run
from tests.cluster.argocd import Followed
from tests.cluster.load import Load
from tests.cluster.storage import EMULATOR, Storage
from tests.forge_server.server import Forge
from tests.forge_server.state import Token

__all__ = ["NAME", "Team"]

NAME = "team/models"
ADA, CLUSTER = "ghp_of_ada", "ghp_of_the_cluster"
PATIENCE = 600  # seconds: a training's pods one after the other, on a machine that may be busy


class Team(Followed):
    """Hold a repository on GitHub with the model `coin`. Only workflows make its releases.

    Its production environment is a cluster of its own for Argo CD.
    """

    def __init__(
        self, forge: Forge, folder: Path, storage: Storage, registry: str, environment: dict[str, str]
    ) -> None:
        self.forge, self.storage = forge, storage
        self.state, self.bare = forge.repository(NAME), forge.bare(NAME)
        forge.tokens[ADA] = Token(login="ada", type="User", bypass=True)
        # What the cluster may do is to announce.
        forge.tokens[CLUSTER] = Token(login="cluster", permissions={"contents": "write"})
        self.state.roles["ada"] = "write"
        super().__init__(folder / "repository", uuid.uuid4().hex[:6], forge.clone_url(NAME, ADA), forge.clone_url(NAME))
        self.broken_off = ""
        """The chapter that failed."""
        self._settings(registry)
        self.actions = Actions(forge, NAME, folder / "runs", environment)

    def _settings(self, registry: str) -> None:
        for folder in ("iris", "tumor"):
            self.git("rm", "-r", "--quiet", f"model/{folder}")
        (test, prod), (of_test, of_prod) = self.environments.values(), self.namespaces.values()
        reach = f"STORAGE_EMULATOR_HOST: '{EMULATOR}', GITHUB_API_URL: '{self.forge.url}'"
        tell = f"{{repository: {NAME}, secret: github, key: token}}"
        common = f"registry: {registry}, variables: {{{reach}}}, announce: {tell}"
        takes = f"promotes_from: {test}, promotion: automatic"
        self.write(
            "slipway.yaml",
            "environments:\n"
            f"  {test}: {{store: gs://{of_test}/store, namespace: {of_test}, {common}}}\n"
            f"  {prod}: {{store: gs://{of_prod}/store, namespace: {of_prod}, {common}, {takes}}}\n",
        )
        self.change(".github/CODEOWNERS", "/overlays/prod/", f"/overlays/{prod}/")
        self.move("prod")
        self.commit("Make the repository ours")
        self.push("main")

    def begin(self) -> None:
        """Set up, once, as an administrator: buckets, Argo CD's projects, and the token for announcements."""
        for namespace in self.namespaces.values():
            self.storage.make(namespace)
        self.apply()
        for namespace in self.namespaces.values():
            self.appears("namespace", namespace, namespace)
            words = ("create", "secret", "generic", "github", "-n", namespace, f"--from-literal=token={CLUSTER}")
            self.kubectl(*words)

    def leave(self) -> None:
        super().leave()
        for namespace in self.namespaces.values():
            self.storage.remove(namespace)

    def push(self, branch: str) -> None:
        self.git("push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")

    def up_to_date(self) -> None:
        self.git("checkout", "--quiet", "main")
        self.git("pull", "--quiet", "--ff-only", "origin", "main")

    def propose(self, branch: str, title: str) -> dict[str, Any]:
        """Open a pull request with the committed changes."""
        self.push(branch)
        made: dict[str, Any] = self._ask("POST", "pulls", {"title": title, "head": branch, "base": "main", "body": ""})
        return made

    def merge(self, number: int) -> None:
        self._ask("PUT", f"pulls/{number}/merge", {})
        self.up_to_date()

    def _ask(self, method: str, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            f"{self.forge.url}/repos/{NAME}/{path}",
            json.dumps(body).encode(),
            {"Authorization": f"Bearer {ADA}", "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def edit(self, before: str, after: str, branch: str = "main") -> None:
        """Change the model, and push it."""
        self.change("model/coin/model.py", before, after)
        self.commit(f"{before.strip()}: now {after.strip()}")
        self.push(branch)

    def said(self, number: int) -> str:
        """Return the bot's comments below a pull request."""
        return "\n".join(each["body"] for each in self.state.comments if each["number"] == number)

    def announced(self, event: str, **payload: object) -> None:
        """Wait until the cluster has announced a version or a verified release."""

        def there() -> bool:
            told = [each["client_payload"] for each in self.state.dispatches if each["event_type"] == event]
            return any(payload.items() <= each.items() for each in told)

        self.until(there, f"{event} {payload} is announced", PATIENCE)

    def overlay(self, use: str = "test") -> Overlay:
        """Return the overlay of coin on main."""
        self.up_to_date()
        settings = settings_file.load(self.root)
        return Snapshot(Repository(self.root), "HEAD", settings).overlay(self.environments[use], "coin")

    def newest(self, use: str = "test") -> str:
        """Return the newest declared release of coin."""
        return str(self.overlay(use).releases[0].name)

    def versions(self, use: str) -> dict[int, int]:
        """Return the route on main as {version: percent}."""
        return {name.version: percent for name, percent in self.overlay(use).route.items()}

    def published(self, use: str) -> list[int]:
        found: list[int] = store_of(settings_file.load(self.root), self.environments[use]).versions("coin")
        return found

    def live(self, route: dict[str, int], use: str = "test", patience: float = 300) -> float:
        """Wait until requests are shared out as given; return the seconds since the commit."""
        self.until(lambda: self.routed(use) == route, f"{route} is live", patience)
        return self.since_commit()

    def since_commit(self) -> float:
        """Return the seconds since the last commit on main."""
        return time.time() - int(self.bare.git("log", "-1", "--format=%ct", "main"))

    def hooked(self) -> None:
        """Tell Argo CD of a commit to coin in test, as a webhook does."""
        self.looked_at(f"{self.environments['test']}-coin")

    def by_hand(self, workflow: str, **inputs: str) -> list[Run]:
        """Start a workflow for coin in test, as a person does."""
        return self.actions.by_hand(workflow, model="coin", environment=self.environments["test"], **inputs)

    def shared(self, load: Load, enough: Callable[[Counter[str]], bool]) -> Counter[str]:
        """Wait for the given number of new answers, and return them."""
        before = load.answers.copy()
        self.until(lambda: enough(load.since(before)), "requests were answered so")
        return load.since(before)

    def image(self, use: str, release: str) -> str:
        """Return the image that runs in an environment."""
        found = self.object("services.serving.knative.dev", f"coin-{release}", self.namespaces[use])
        return str(found["spec"]["template"]["spec"]["containers"][0]["image"])

    def pods(self, use: str) -> int:
        """Return the number of pods that the functions should have."""
        found = json.loads(self.kubectl("get", "deployments", "-n", self.namespaces[use], "-o", "json"))
        return sum(item["spec"]["replicas"] for item in found["items"])
