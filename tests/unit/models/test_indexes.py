"""A package of another index comes from there only, everything else never does, and no password is told."""

import os
import subprocess
import venv
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from slipway import processes
from slipway import settings as settings_file
from slipway.errors import SlipwayError
from slipway.images import index_secrets
from slipway.models import environment, indexes, locks
from slipway.models.discovery import training_digest
from tests import package_index
from tests import wheels as built
from tests.package_index import PackageIndex

PASSWORD = "hunter2-is-not-to-be-found"
PIN = "corplib==1.0"


class Team:
    """A repository whose model needs `corplib` of the index `corp`, which asks for a password."""

    def __init__(self, root: Path, index: PackageIndex) -> None:
        self.root, self.index, self.folder = root, index, root / "model" / "fruit"
        self.folder.mkdir(parents=True)
        (self.folder / "model.py").write_text("")
        self.names("corplib")
        self.needs(PIN)

    def names(self, *packages: str) -> None:
        listed = f"indexes:\n  corp: {{url: '{self.index.url}', packages: [{', '.join(packages)}]}}\n"
        text = "environments:\n  test: {store: store, namespace: test}\n"
        (self.root / "slipway.yaml").write_text(text + (listed if packages else ""))

    def needs(self, *lines: str) -> None:
        (self.folder / "requirements.txt").write_text("\n".join(lines))

    @property
    def settings(self) -> settings_file.Settings:
        return settings_file.load(self.root)

    def lock(self, use: environment.Use = "train") -> Path:
        return environment.compile_lock(self.settings, "fruit", use)

    def found(self, use: environment.Use = "train") -> dict[str, locks.Locked]:
        return {each.name: each for each in locks.packages(self.lock(use).read_text())}

    @property
    def origin(self) -> str:
        return f"corp {self.index.url}"


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    monkeypatch.setenv("SLIPWAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("UV_INDEX_CORP_USERNAME", "ada")
    monkeypatch.setenv("UV_INDEX_CORP_PASSWORD", PASSWORD)
    # Locks are made for these packages alone, so that little is asked of an index.
    monkeypatch.setattr(environment, "platform_packages", lambda _use: set())
    with package_index.serve(tmp_path / "index", f"ada:{PASSWORD}") as index:
        built.write(index.folder, "corplib", "1.0", value="corp", needs=["idna"])
        yield Team(tmp_path / "repository", index)


def value(python: Path, module: str) -> str:
    return subprocess.check_output([python, "-c", f"import {module}; print({module}.VALUE)"], text=True).strip()


def refusal(team: Team, use: environment.Use = "train") -> SlipwayError:
    with pytest.raises(SlipwayError) as caught:
        team.lock(use)
    assert PASSWORD not in str(caught.value) and str(caught.value.__cause__ or "").find(PASSWORD) < 0
    return caught.value


def test_a_package_of_the_index_is_locked_and_installed_from_there(team: Team, tmp_path: Path) -> None:
    """What it needs comes from the usual index, where the other one has a higher version of the same name."""
    built.write(team.index.folder, "idna", "99.0", value="shadow")
    found = team.found()
    assert {name: each.origin for name, each in found.items()} == {"corplib": team.origin, "idna": ""}
    assert found["idna"].version != "99.0"
    assert value(environment.python_for(team.lock()), "corplib") == "corp"
    assert set(team.index.asked) == {"corplib"}
    text = team.lock().read_text()
    assert f"    # from {team.origin}\n" in text and text.count("#") == 1
    for file in (tmp_path / "cache").rglob("*"):
        assert not file.is_file() or PASSWORD.encode() not in file.read_bytes(), file


def test_wheels_of_the_folder_and_packages_of_the_index_stand_side_by_side(team: Team) -> None:
    """Each comes from its own place, and a wheel goes before an index that names its package."""
    team.names("corplib", "ourlib")
    built.write(team.index.folder, "ourlib", "1.0", value="corp")
    wheel = built.write(team.folder / "wheels", "ourlib", "1.0", value="ours", needs=["corplib"])
    team.needs(PIN, "ourlib==1.0")
    found = {name: each.origin for name, each in team.found().items()}
    assert found == {"corplib": team.origin, "idna": "", "ourlib": f"wheels/{wheel.name}"}
    python = environment.python_for(team.lock())
    assert (value(python, "corplib"), value(python, "ourlib")) == ("corp", "ours")


def test_a_package_of_the_index_is_never_taken_from_elsewhere(team: Team) -> None:
    """Where the index lacks the version, the usual one is not asked, though it has it."""
    team.names("corplib", "idna")
    built.write(team.index.folder, "idna", "3.0.1", value="corp")
    team.needs(PIN, "idna==3.10")
    assert "idna" in refusal(team).problem
    team.needs(PIN, "idna==3.0.1")
    assert team.found()["idna"].origin == team.origin
    assert value(environment.python_for(team.lock()), "idna") == "corp"


def test_a_dependency_that_the_index_has_to_give_has_to_be_pinned(team: Team) -> None:
    """Else it would come from the usual index: in training, and where `requirements-serve.txt` leaves it out."""
    team.names("corplib", "idna")
    error = refusal(team)
    assert "idna==" in error.problem and f"comes from {team.origin}" in error.problem
    assert "write idna==… into model/fruit/requirements.txt" in error.fix
    built.write(team.index.folder, "idna", "3.0.1")
    team.needs(PIN, "idna==3.0.1")
    (team.folder / "requirements-serve.txt").write_text(PIN)
    assert team.found()["idna"].origin == team.origin
    assert "requirements-serve.txt" in refusal(team, "serve").fix
    (team.folder / "requirements-serve.txt").write_text(f"{PIN}\nidna==3.0.1\n")
    assert team.found("serve")["idna"].origin == team.origin


def test_a_wrong_password_is_told_by_the_names_of_its_variables(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """The password itself is in no message."""
    monkeypatch.setenv("UV_INDEX_CORP_PASSWORD", "another-password")
    error = refusal(team)
    assert "401" in error.problem and "another-password" not in str(error)
    assert "export UV_INDEX_CORP_USERNAME and UV_INDEX_CORP_PASSWORD" in error.fix


def test_an_index_that_is_down_stops_the_lock(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other index takes its place, though `idna` is there."""
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    team.index.url = "http://127.0.0.1:1/simple"
    team.names("idna")
    team.needs("idna==3.10")
    error = refusal(team)
    assert "http://127.0.0.1:1/simple" in error.problem and "see that the index can be reached" in error.fix


def test_a_file_that_changes_after_it_was_locked_is_refused(
    team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock holds the digest."""
    lock = team.lock()
    built.write(team.index.folder, "corplib", "1.0", value="changed")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "another"))
    with pytest.raises(SlipwayError, match="Hash mismatch") as caught:
        environment.python_for(lock)
    assert PASSWORD not in str(caught.value)


def test_models_that_use_no_other_index_stay_as_they_are(team: Team) -> None:
    """Lock and training digest say nothing of indexes that others use."""
    team.needs("idna==3.10")
    with_index = training_digest(team.settings, "fruit"), team.lock().read_bytes()
    assert indexes.used(team.settings, "fruit") == {} and team.index.asked == []
    team.names()
    assert with_index == (training_digest(team.settings, "fruit"), team.lock().read_bytes())


def test_the_index_is_part_of_what_is_trained(team: Team) -> None:
    """A package from elsewhere is another package."""
    before = training_digest(team.settings, "fruit")
    team.names()
    without = training_digest(team.settings, "fruit")
    team.index.url = "https://elsewhere.example/simple"
    team.names("corplib")
    assert len({before, without, training_digest(team.settings, "fruit")}) == 3
    assert indexes.used(team.settings, "fruit") == {"corp": {"url": team.index.url, "packages": ["corplib"]}}


def test_code_of_a_model_sees_no_password(team: Team) -> None:
    """All environments are made before it runs, so that none is needed beside it."""
    _, variables = environment.prepare(team.settings, "fruit", ["--version"])
    assert PASSWORD not in variables.values() and PASSWORD not in processes.environment().values()
    assert processes.environment(installs=True)["UV_INDEX_CORP_PASSWORD"] == PASSWORD
    asked = len(team.index.asked)
    for use in environment.USES:
        environment.python_for(Path(variables["SLIPWAY_LOCKS"]) / f"{use}.lock")
    assert len(team.index.asked) == asked


@pytest.mark.long(10)
@pytest.mark.parametrize("right", [True, False])
def test_an_image_installs_from_the_index_by_what_is_mounted(
    team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], right: bool
) -> None:
    """By the script that an image runs, and by what its builder gives it. Nothing that pip says has the password."""
    (tmp_path / "bundle").mkdir()
    lock = tmp_path / "bundle" / "train.lock"
    lock.write_bytes(team.lock().read_bytes())
    if not right:
        monkeypatch.setenv("UV_INDEX_CORP_PASSWORD", f"{PASSWORD}-not")
    venv.create(tmp_path / "environment", with_pip=False, symlinks=True)
    python = tmp_path / "environment/bin/python"
    monkeypatch.chdir(lock.parent)
    with index_secrets.mounted(SimpleNamespace(folder=lock.parent)) as words:
        assert words[0] == "--secret" and PASSWORD not in " ".join(words)
        monkeypatch.setattr(locks, "_SECRETS", Path(words[1].partition("src=")[2]))
        for name in processes.index_variables():
            monkeypatch.delenv(name)
        assert (locks.main(str(python), "train.lock") == 0) == right
        assert locks._SECRETS.stat().st_mode & 0o077 == 0 or locks._SECRETS.parent.stat().st_mode & 0o077 == 0
    assert not locks._SECRETS.exists()
    said = "".join(capfd.readouterr())
    assert PASSWORD not in said
    assert right or f"These packages come from {team.origin}: see that it can be reached" in said
    assert not right or value(python, "corplib") == "corp"


def test_a_build_without_logins_gets_no_secret(team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index may let everybody in."""
    (tmp_path / "x.lock").write_bytes(team.lock().read_bytes())
    for name in processes.index_variables():
        monkeypatch.delenv(name)
    with index_secrets.mounted(SimpleNamespace(folder=tmp_path)) as words:
        assert words == []
    assert "UV_INDEX_CORP_PASSWORD" not in os.environ
