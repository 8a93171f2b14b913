"""The Job that verifies a release: real pods under the `restricted` Pod Security level, recording in a bucket."""

import time

from slipway.names import ReleaseName
from slipway.overlays.overlay import read_folder
from slipway.store import Store
from tests.cluster.conftest import Team
from tests.cluster.verifications import ended, jobs, log, released

# Right when it starts, and at the build; wrong ever after, where it runs.
CHANGES_ITS_MIND = """
    def predict(self, rows):
        import os

        self._calls = getattr(self, "_calls", 0) + 1
        turned = self._calls > 1 and "KUBERNETES_SERVICE_HOST" in os.environ
        return ["tails" if turned else self.side for row in rows]
"""


def pods(team: Team, name: ReleaseName) -> list[str]:
    selector = f"app.kubernetes.io/component=verification,app.kubernetes.io/version={name}"
    return team.kubectl("get", "pods", "-n", team.namespace, "-l", selector, "-o", "name").split()


def test_a_release_is_verified_where_it_runs(team: Team, store: Store) -> None:
    """Its Job records in the store who verified it and where; then it can be promoted."""
    name = released(team)
    began = time.monotonic()
    team.until(lambda: ended(team, name, "Complete"), "the release is verified")
    took = time.monotonic() - began
    [job] = jobs(team, name)
    evidence = store.verified("coin", name)
    assert evidence
    assert evidence["by"] == job["metadata"]["name"]
    assert evidence["where"] == f"http://coin-{name}.{team.namespace}.svc.cluster.local"
    assert evidence["rows"] > 0
    print(f"verified {took:.1f} s after it was applied, by {len(pods(team, name))} pods")  # noqa: T201
    team.slipway("promote", "coin", "--to", "prod", "--branch", "promotion")
    team.slipway("check", "--base", "main", "--head", "promotion")
    assert team._run("git", "grep", "--count", f"gs://{team.namespace}/prod", "promotion", "--", "overlays/prod/coin")


def test_a_sync_does_not_verify_again(team: Team, store: Store) -> None:
    """The declared Job is there already; where somebody deletes it, the next one changes nothing."""
    overlay = read_folder(team.root, "test", "coin")
    assert overlay
    name = overlay.releases[0].name
    [before], evidence = jobs(team, name), store.verified("coin", name)
    team.kubectl("apply", "-k", "overlays/test/coin")
    [after] = jobs(team, name)
    assert (after["metadata"]["uid"], len(pods(team, name))) == (before["metadata"]["uid"], 1)
    team.kubectl("delete", "job", before["metadata"]["name"], "-n", team.namespace)
    team.kubectl("apply", "-k", "overlays/test/coin")
    team.until(lambda: ended(team, name, "Complete"), "the Job has run again")
    assert "is verified since" in log(team, before)
    assert store.verified("coin", name) == evidence


def test_a_function_that_predicts_otherwise_is_not_verified(team: Team, store: Store) -> None:
    """Its Job fails at the first try, says what is off, and nothing is recorded."""
    model = team.root / "model/coin/model.py"
    model.write_text(model.read_text().partition("    def predict")[0].rstrip() + "\n" + CHANGES_ITS_MIND)
    team.commit("Change its mind")
    name = released(team)
    team.until(lambda: ended(team, name, "Failed"), "the verification has failed")
    [job] = jobs(team, name)
    assert "does not reproduce its golden predictions" in log(team, job)
    assert [each["reason"] for each in job["status"]["conditions"] if each["type"] == "Failed"] == ["PodFailurePolicy"]
    assert len(pods(team, name)) == 1
    assert store.verified("coin", name) is None
