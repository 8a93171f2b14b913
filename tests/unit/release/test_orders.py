"""A build in three steps: orders, the work of a machine without rights, and what is taken over of it."""

import json
import os
import shutil
import uuid
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.gitops.branches import Here
from slipway.release import build as building
from slipway.release.orders import Ordering, Taking, Work, keep, orders_in
from slipway.release.plan import Plan
from slipway.release.work import work
from slipway.store import STORES
from tests.unit.conftest import ROOT, Site
from tests.unit.release.test_trainings import COIN

TEST = "def test_it():\n    assert True\n"


@pytest.fixture
def coin(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Return a repository with a model that the runner trains."""
    monkeypatch.setenv("SLIPWAY_RUN", "https://ci.example/runs/7")
    monkeypatch.delenv(STORES, raising=False)
    site.write("requirements.lock", (ROOT / "requirements.lock").read_text())
    site.write(".gitignore", ".slipway/\n__pycache__/\n")
    site.write("model/iris/model.py", COIN)
    site.write("model/iris/requirements.txt", "")
    site.write("model/iris/test_model.py", TEST)
    rows = [f"{number},{('heads', 'tails')[number % 2]}" for number in range(40)]
    site.write("model/iris/iris.csv", "\n".join(["number,side", *rows]) + "\n")
    site.set("iris: {train: manual}", "iris: {train: runner}")
    return site


def order(site: Site, folder: Path, train: Any = "as set") -> tuple[Ordering, Plan]:
    """Leave the orders of a build of iris in a folder."""
    hands = Ordering(site.settings, "test", folder)
    plan = build(site, folder.parent / "built", lambda *_: hands, train)
    hands.save(plan.commit)
    return hands, plan


def build(site: Site, target: Path, hands: Any, train: Any = "as set") -> Plan:
    asked = building.Asked(models=["iris"], train=train)
    return building.build(site.settings, asked, Here(Repository(site.root)), target, hands=hands)


def put_in_bucket(site: Site, server: str) -> None:
    """Have the data of iris lie in a bucket."""
    data = site.root / "model/iris/iris.csv"
    bucket = f"rows-{uuid.uuid4().hex}"
    for path, content, kind in (
        ("/storage/v1/b", json.dumps({"name": bucket}).encode(), "application/json"),
        (f"/upload/storage/v1/b/{bucket}/o?uploadType=media&name=iris.csv", data.read_bytes(), "text/csv"),
    ):
        urlopen(Request(f"{server}{path}", content, {"Content-Type": kind})).close()
    data.unlink()
    site.set("{train: runner}", f"{{train: runner, data: 'gs://{bucket}/iris.csv'}}")


def carry_out(site: Site, folder: Path, target: Path) -> list[Work]:
    """Do the work where the stores of the settings are out of reach."""
    store = site.root / ".slipway/store"
    store.mkdir(parents=True, exist_ok=True)
    store.rename(store.with_name("elsewhere"))
    try:
        return work(site.settings, folder, target)
    finally:
        os.environ.pop(STORES)
        store.with_name("elsewhere").rename(store)


def take(site: Site, folder: Path, target: Path) -> Plan:
    return build(site, target, lambda *given: Taking(*given, folder, lambda _: None))


@pytest.mark.long(20)
def test_a_model_is_trained_by_order(
    coin: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gcs_server: str
) -> None:
    """What the other machine trained is published here once, if its files are those of its record and of this code.

    That machine reaches no bucket: it gets the data, too.
    """
    put_in_bucket(coin, gcs_server)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_server)
    hands, _ = order(coin, tmp_path / "orders")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9")
    assert [each.words for each in hands.listed()] == [["train"]]
    [done] = carry_out(coin, tmp_path / "orders", tmp_path / "worked")
    assert (done.problem, done.version) == ("", 1) and coin.store().versions("iris") == []
    monkeypatch.setattr("slipway.processes.ask", None)
    monkeypatch.setattr("slipway.processes.begin", None)
    shutil.copytree(tmp_path / "worked", tmp_path / "changed")
    for path in (tmp_path / "changed/store/test/blobs/sha256").iterdir():
        path.chmod(0o644)
        path.write_bytes(path.read_bytes() + b" ")
    assert "is corrupted" in failure(take(coin, tmp_path / "changed", tmp_path / "build"))
    assert coin.store().versions("iris") == []
    for _ in range(2):  # a job may be run again
        [planned] = take(coin, tmp_path / "worked", tmp_path / "build").models
        assert (planned.result, planned.version) == ("built", 1) and coin.store().versions("iris") == [1]
        shutil.rmtree(coin.root / ".slipway/store/test/iris/verified", ignore_errors=True)
    record = coin.store().record("iris", 1)
    assert record.training is not None and record.training.commit == coin.head
    assert record.data is not None and record.data.uri.startswith("gs://")
    coin.write("model/iris/model.py", COIN + "# other\n")
    coin.commit()
    assert "the next run takes it up" in failure(take(coin, tmp_path / "worked", tmp_path / "build"))
    assert coin.store().versions("iris") == [1]


def failure(plan: Plan) -> str:
    """Return why the one model of a plan has failed."""
    [planned] = plan.models
    assert planned.result == "failed"
    return planned.text


def test_failed_tests_release_nothing(coin: Site, tmp_path: Path) -> None:
    """A version that is due is tested first; the words of the tests come back."""
    coin.set("iris: {train: runner}", "iris: {train: manual}")
    coin.write("model/iris/test_model.py", "def test_it():\n    assert 1 == 2\n")
    coin.commit()
    coin.publish()
    hands, _ = order(coin, tmp_path / "orders")
    assert [each.words for each in hands.listed()] == [["test"]]
    carry_out(coin, tmp_path / "orders", tmp_path / "worked")
    assert "assert 1 == 2" in failure(take(coin, tmp_path / "worked", tmp_path / "build"))


def test_nothing_due_needs_no_order(coin: Site, tmp_path: Path) -> None:
    """The plan is whole."""
    hands, plan = order(coin, tmp_path / "orders", "none")
    assert hands.listed() == [] and not (tmp_path / "orders").exists()
    assert plan.models[0].result == "skipped"


def test_orders_are_of_one_commit(coin: Site, tmp_path: Path) -> None:
    """Another one that is checked out is refused."""
    order(coin, tmp_path / "orders")
    assert orders_in(tmp_path / "orders").commit == coin.head
    coin.write("notes", "other")
    coin.commit()
    with pytest.raises(SlipwayError, match="which is not checked out"):
        work(coin.settings, tmp_path / "orders", tmp_path / "worked")


def test_a_model_that_nobody_worked_on_is_for_the_next_run(coin: Site, tmp_path: Path) -> None:
    """It failed neither its tests nor its training."""
    keep(tmp_path / "worked", [])
    [planned] = take(coin, tmp_path / "worked", tmp_path / "build").models
    assert planned.result == "failed" and "the next run takes it up" in planned.text


def test_damaged_work_is_refused(coin: Site, tmp_path: Path) -> None:
    """The error names the file."""
    with pytest.raises(SlipwayError, match=r"work\.json cannot be read"):
        Taking(coin.settings, "test", coin.head, tmp_path, lambda _: None)
