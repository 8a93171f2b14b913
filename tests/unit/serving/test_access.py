"""Access to a function, and its changes while the function runs."""

import base64
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.errors import SlipwayError
from slipway.images import running
from slipway.images.bundle import Bundle
from slipway.serving.access import OPEN, Access, Kind, from_environment
from slipway.serving.answers import Refusal
from tests.unit.serving import tiny
from tests.unit.serving.conftest import Reply, Server
from tests.waiting import until

KEYS = {"ada": "a" * 40, "build-server": "b" * 40}
ROW = b'{"weight": 2, "wrapping": "box"}'


def put(folder: Path, **files: str) -> Path:
    """Write files as Kubernetes mounts a Secret: links into a folder that is replaced as a whole."""
    folder.mkdir(exist_ok=True)
    data = folder / f"..{time.monotonic_ns()}"
    data.mkdir()
    for name, content in files.items():
        (data / name).write_text(content)
    link = folder / "..data_tmp"
    link.symlink_to(data.name)
    link.rename(folder / "..data")
    for old in [each for each in folder.iterdir() if not each.name.startswith("..")]:
        old.unlink()
    for name in files:
        (folder / name).symlink_to(f"..data/{name}")
    return folder


def access(folder: Path, kind: Kind = "bearer", **files: str) -> Access:
    return Access(kind, put(folder / "access", **files), "tiny", fresh=0)


def refused(of: Access, header: str) -> Refusal:
    with pytest.raises(Refusal) as caught:
        of.caller({"authorization": header} if header else {})
    return caught.value


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def test_every_caller_is_admitted_without_a_setting() -> None:
    """Callers have no name then."""
    assert OPEN.caller({}) == OPEN.caller({"authorization": "Bearer x"}) == ""


def test_the_file_of_a_key_names_its_caller(tmp_path: Path) -> None:
    """`Bearer` may be in any case, and a line break at the end is no part of the key."""
    found = access(tmp_path, ada="one\n", bob="two")
    assert found.caller({"authorization": "Bearer one"}) == "ada"
    assert found.caller({"authorization": "bEARER  two "}) == "bob"


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer on", "Bearer one two", "Basic one", "one", "Bearer é"]
)
def test_unknown_keys_are_refused(tmp_path: Path, header: str) -> None:
    """The refusal says what is needed and no more; an empty file is no key."""
    refusal = refused(access(tmp_path, ada="one", empty="", blank="\n"), header)
    assert (refusal.status, refusal.error) == (401, "unauthorized")
    assert refusal.headers["www-authenticate"].startswith('Bearer realm="tiny"')
    assert "Authorization: Bearer KEY" in refusal.message and "ada" not in refusal.message


def test_files_of_kubernetes_are_no_keys(tmp_path: Path) -> None:
    """Its own folders and links begin with two points."""
    found = access(tmp_path, ada="one")
    (found.folder / "..hidden").write_text("two")
    assert refused(found, "Bearer two").status == 401


def test_name_and_password_are_needed(tmp_path: Path) -> None:
    """They may have UTF-8 and a colon in the password; each wrong part gets the same refusal."""
    found = access(tmp_path, "basic", username="ada", password="pä:ss")  # noqa: S106 - made up
    assert found.caller({"authorization": basic("ada", "pä:ss")}) == "ada"
    for header in ("", basic("ada", "x"), basic("eve", "pä:ss"), basic("", ""), "Basic ?", "Bearer pä:ss"):
        refusal = refused(found, header)
        assert (refusal.status, refusal.headers["www-authenticate"]) == (401, 'Basic realm="tiny", charset="UTF-8"')


def test_an_old_key_holds_until_its_file_is_deleted(tmp_path: Path) -> None:
    """Both keys are valid while both files exist, so that callers can change one by one."""
    found = access(tmp_path, ada="old")
    for files, let_in in (({"ada": "old", "ada-2": "new"}, {"old", "new"}), ({"ada-2": "new"}, {"new"})):
        put(found.folder, **files)
        for key in ("old", "new"):
            if key in let_in:
                assert found.caller({"authorization": f"Bearer {key}"})
            else:
                assert refused(found, f"Bearer {key}").status == 401


@pytest.mark.parametrize(("kind", "files"), [("bearer", {}), ("bearer", {"ada": ""}), ("basic", {"username": "ada"})])
def test_a_deleted_secret_refuses_every_caller(tmp_path: Path, kind: Kind, files: dict[str, str]) -> None:
    """The answer is 503 and names who can help, because the caller is not at fault."""
    found = access(tmp_path, kind, **files)
    refusal = refused(found, "Bearer ")
    assert (refusal.status, refusal.error) == (503, "no_access_set")
    assert "administrator" in refusal.message


@pytest.mark.parametrize(
    ("kind", "folder", "told"),
    [
        ("bearer", "", "SLIPWAY_ACCESS_KIND is bearer, and SLIPWAY_ACCESS is ''"),
        ("", "/there", "SLIPWAY_ACCESS_KIND is none, and SLIPWAY_ACCESS is '/there'"),
        ("password", "/there", "SLIPWAY_ACCESS_KIND is 'password'"),
    ],
)
def test_half_a_setting_is_refused(monkeypatch: pytest.MonkeyPatch, kind: str, folder: str, told: str) -> None:
    """The start refuses it, because it could admit everybody."""
    monkeypatch.setenv("SLIPWAY_ACCESS_KIND", kind)
    monkeypatch.setenv("SLIPWAY_ACCESS", folder)
    with pytest.raises(SlipwayError) as caught:
        from_environment("tiny")
    assert caught.value.problem == told and caught.value.fix


@pytest.mark.long(2)
def test_a_function_waits_for_its_secret(bundled: Bundle, tmp_path: Path) -> None:
    """Without its Secret it is not ready, and its log says so; an earlier release goes on answering.

    Once it was there the function stays ready when the Secret goes, to tell callers why nobody is let in.
    """
    folder, log = tmp_path / "access", list[str]()
    env = {"SLIPWAY_ACCESS": str(folder), "SLIPWAY_ACCESS_KIND": "bearer"}
    lacking = "not ready before the Secret is there: nobody can be let in: no key is in"

    def read(line: str) -> None:
        log.append(line)
        if lacking in line:
            put(folder, **KEYS)

    with running.start(bundled.folder, env=env, echo=read) as started:
        server = Server(started.url, log)
        assert lacking in "\n".join(log)
        assert server.ask("POST", "/predict", ROW, Authorization=f"Bearer {KEYS['ada']}").status == 200
        put(folder)
        until(lambda: server.ask("GET", "/").status == 503)
        assert server.ask("GET", "/health/ready").status == 200
        assert server.ask("GET", "/").json["error"]["code"] == "no_access_set"


class Guarded(Server):
    """Run a function that needs one of the keys in a folder."""

    folder: Path

    def predict(self, key: str, **headers: str) -> Reply:
        return self.ask("POST", "/predict", ROW, Authorization=f"Bearer {key}", **headers)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    root = tmp_path_factory.mktemp("guarded")
    made, log = tiny.bundled(root), list[str]()
    env = {"SLIPWAY_ACCESS": str(put(root / "access", **KEYS)), "SLIPWAY_ACCESS_KIND": "bearer"}
    with running.start(made.folder, env=env, echo=log.append) as started:
        server = Guarded(started.url, log)
        server.folder = root / "access"
        yield server


def test_a_known_caller_is_answered_and_named_in_the_log(guarded: Guarded) -> None:
    """The log has the name of the key, never the key."""
    assert guarded.predict(KEYS["ada"], X_Request_Id="known").json["prediction"] == 4.0
    until(lambda: guarded.logged("known"))
    (line,) = guarded.logged("known")
    assert line["caller"] == "ada"
    assert not any(key in line for line in guarded.log for key in KEYS.values())


def test_an_unknown_caller_is_refused_before_all_other_checks(guarded: Guarded) -> None:
    """A stranger learns nothing of paths, methods, types, sizes or bodies."""
    asked = [
        ("GET", "/", None),
        ("GET", "/openapi.json", None),
        ("GET", "/nowhere", None),
        ("GET", "/predict", None),
        ("POST", "/predict", b"{"),
        ("POST", "/v2/models/tiny/infer", b"{}"),
        ("GET", "/v2", None),
    ]
    for method, path, body in asked:
        reply = guarded.ask(method, path, body, Authorization="Bearer wrong", X_Request_Id="unknown")
        assert (reply.status, reply.headers["x-request-id"]) == (401, "unknown"), path
        assert 'error="invalid_token"' in reply.headers["www-authenticate"]
        assert b"wrong" not in reply.body
    large = guarded.ask("POST", "/predict", b" " * (2 << 20))
    assert large.status == 401
    until(lambda: len(guarded.logged("unknown")) == len(asked))
    assert all(line["error"] == "unauthorized" and "caller" not in line for line in guarded.logged("unknown"))


def test_health_is_open_and_metrics_are_open_on_the_pod(guarded: Guarded) -> None:
    """Kubernetes and Prometheus need no key; requests through a proxy do."""
    for path in ("/health/live", "/health/ready", "/v2/health/ready", "/metrics"):
        assert guarded.ask("GET", path).status == 200, path
    assert guarded.ask("GET", "/metrics", X_Forwarded_For="10.0.0.1").status == 401


def test_two_keys_let_nobody_in(guarded: Guarded) -> None:
    """A proxy before the function may have looked at the other one."""
    for keys in (("wrong", KEYS["ada"]), (KEYS["ada"], "wrong"), (KEYS["ada"], KEYS["ada"])):
        given = "".join(f"Authorization: Bearer {key}\r\n" for key in keys)
        with socket.create_connection(guarded.address, timeout=20) as connection:
            connection.sendall(f"GET /v2 HTTP/1.1\r\nHost: x\r\n{given}\r\n".encode())
            assert connection.recv(1 << 16).startswith(b"HTTP/1.1 401 ")


@pytest.mark.long(2)
def test_a_new_key_holds_without_a_restart(guarded: Guarded) -> None:
    """A change of the files counts within seconds; a deleted key is refused."""
    put(guarded.folder, **KEYS, eve="e" * 40)
    until(lambda: guarded.predict("e" * 40).status == 200)
    put(guarded.folder, **KEYS)
    until(lambda: guarded.predict("e" * 40).status == 401)
    assert guarded.predict(KEYS["build-server"]).status == 200


def test_verification_authenticates(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    """It uses a key of the environment or the mounted Secret; without one it names the variable to set."""
    from slipway.images import clients

    with pytest.raises(SlipwayError, match="does not let us in: a key is needed") as caught:
        clients.describe(guarded.url)
    assert "SLIPWAY_KEY" in caught.value.fix
    monkeypatch.setenv("SLIPWAY_KEY", KEYS["ada"])
    assert clients.describe(guarded.url).model_id == "tiny/dev/1"
    monkeypatch.delenv("SLIPWAY_KEY")
    monkeypatch.setenv("SLIPWAY_ACCESS", str(guarded.folder))
    monkeypatch.setenv("SLIPWAY_ACCESS_KIND", "bearer")
    assert clients.predict(guarded.url, [json.loads(ROW)]) == [4.0]
