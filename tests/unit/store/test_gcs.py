"""Stores in a bucket: failing networks, rights, and lost answers."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from slipway.errors import OutOfReach, SlipwayError
from slipway.store import Store, open_store
from tests.unit.store.conftest import Place
from tests.unit.store.proxy import Proxy, between


@pytest.fixture
def proxy(bucket: Place, gcs_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy before the server; `bucket.store()` goes through it."""
    assert bucket.url
    with between(gcs_server) as found:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", found.url)
        yield found


@pytest.fixture(params=["refuses", "is silent"])
def dead_server(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a server that refuses connections, or accepts them and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        if request.param == "refuses":
            server.close()
        yield url


def test_unreachable_bucket_is_an_error(
    dead_server: str, monkeypatch: pytest.MonkeyPatch, folder: Path, tmp_path: Path
) -> None:
    """Every kind of call gives up after the time limit."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", dead_server)
    monkeypatch.setenv("SLIPWAY_STORE_TIMEOUT", "0.5")
    asks: list[Callable[[Store], object]] = [
        lambda store: store.find("iris"),
        lambda store: store.publish("iris", folder),
        lambda store: store.record("iris", 1),
    ]
    for number, ask in enumerate(asks):
        store = open_store(f"gs://far-{number}/models", root=tmp_path, environment="test")
        with pytest.raises(
            OutOfReach, match=rf"gs://far-{number}/models/.*'far-{number}' cannot be reached .*\n.*network"
        ):
            ask(store)


def test_unreachable_bucket_is_waited_for_once(bucket: Place, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next call fails at once with the same error, as for the next model of a release."""
    monkeypatch.setenv("SLIPWAY_STORE_TIMEOUT", "0.5")
    proxy.refuses = lambda *_: 503
    store = bucket.store()
    with pytest.raises(OutOfReach, match="cannot be reached") as first:
        store.versions("iris")
    asked = len(proxy.seen)
    with pytest.raises(OutOfReach, match="cannot be reached") as second:
        store.versions("iris")
    assert len(proxy.seen) == asked > 0
    assert str(second.value) == str(first.value)


def test_missing_bucket_differs_from_a_missing_version(bucket: Place, folder: Path, tmp_path: Path) -> None:
    """Reading tells them apart too."""
    store = open_store("gs://no-such-bucket", root=tmp_path, environment="test")
    for ask in (lambda: store.find("iris"), lambda: store.record("iris", 1), lambda: store.publish("iris", folder)):
        with pytest.raises(SlipwayError, match=r"there is no bucket 'no-such-bucket'\n.*gcloud storage buckets create"):
            ask()
    with pytest.raises(SlipwayError, match="no version in test yet"):
        bucket.store().record("iris", 1)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (403, r"no right to \(403: .*refused on purpose\)\n.*roles/storage.objectCreator on gs://slipway-"),
        (401, r"no valid Google credentials .*\n.*gcloud auth application-default login"),
        (503, r"cannot be reached .*refused on purpose"),
        (400, r"refused on purpose.*\n.*look at what Google Cloud Storage says of gs://slipway-"),
    ],
)
def test_refusal_of_the_server_is_explained(
    bucket: Place, proxy: Proxy, folder: Path, monkeypatch: pytest.MonkeyPatch, status: int, message: str
) -> None:
    """The error names the bucket, the reason and the fix."""
    monkeypatch.setenv("SLIPWAY_STORE_TIMEOUT", "0.5")
    proxy.refuses = lambda *_: status
    store = bucket.store()
    for ask in (lambda: store.find("iris"), lambda: store.publish("iris", folder)):
        with pytest.raises(SlipwayError, match=message):
            ask()


def test_account_that_may_only_create_sees_a_taken_number(bucket: Place, proxy: Proxy, folder: Path) -> None:
    """The server refuses to overwrite an object with 403. That is not a lack of rights."""
    bucket.store().publish("iris", folder)
    proxy.refuses = lambda method, _: 403 if method == "POST" else None
    with pytest.raises(SlipwayError, match="iris/test/1 was published already"):
        bucket.store().publish("iris", folder, version=1)
    with pytest.raises(SlipwayError, match="has no right to"):
        bucket.store().publish("iris", folder)


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove all credentials, and the signs of a pod."""
    for name in ("STORAGE_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    # An empty home, and no asking of Google's own machines: nothing of this machine's user is looked at.
    for name, value in {"CLOUDSDK_CONFIG": str(tmp_path), "HOME": str(tmp_path), "NO_GCE_CHECK": "true"}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("nobody")
def test_missing_credentials_are_an_error_with_a_command(tmp_path: Path) -> None:
    with pytest.raises(SlipwayError, match=r"gs://my-models/iris.*no valid Google credentials .*\n.*gcloud auth"):
        open_store("gs://my-models", root=tmp_path, environment="test").find("iris")


@pytest.mark.usefixtures("nobody")
def test_missing_credentials_of_a_pod_may_be_tried_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """They may come some seconds after its start."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    store = open_store("gs://models-of-a-pod", root=tmp_path, environment="test")
    with pytest.raises(OutOfReach, match=r"no Google credentials for this pod .*\n.*bind its service account"):
        store.find("iris")


def test_record_is_published_once_when_its_answer_is_lost(bucket: Place, proxy: Proxy, folder: Path) -> None:
    """The second try finds its own record."""
    lost: list[bytes] = []

    def loses(method: str, body: bytes) -> bool:
        if method != "POST" or b"iris/versions/" not in body or lost:
            return False
        lost.append(body)
        return True

    proxy.loses = loses
    record = bucket.store().publish("iris", folder)
    assert lost, "no answer was lost"
    assert record.version == 1
    assert bucket.store().versions("iris") == [1]


def test_files_are_published_when_their_answers_are_lost(
    bucket: Place, proxy: Proxy, folder: Path, tmp_path: Path
) -> None:
    """The second try finds each file and takes it as uploaded."""
    lost: list[bytes] = []

    def loses(method: str, body: bytes) -> bool:
        if method != "POST" or b"blobs/" not in body or body in lost:
            return False
        lost.append(body)
        return True

    proxy.loses = loses
    store = bucket.store()
    store.fetch(store.publish("iris", folder), tmp_path / "to")
    assert len(lost) == 2


def test_equal_files_are_uploaded_once(bucket: Place, proxy: Proxy, folder: Path) -> None:
    """The second publication sends only its record."""
    bucket.store().publish("iris", folder)
    proxy.seen.clear()
    bucket.store().publish("iris", folder)
    sent = [body for method, _, body in proxy.seen if method in ("POST", "PUT")]
    assert len(sent) == 1
    assert b"iris/versions/2.json" in sent[0]


def test_every_upload_is_conditional(bucket: Place, proxy: Proxy, folder: Path) -> None:
    """It requires that the object does not exist. Nothing is deleted, copied or composed."""
    store = bucket.store()
    store.verify("iris", "v1-1a2b3c4d", {})
    bucket.store("prod").copy(store.publish("iris", folder), 1, source=store)
    writes = [(method, path) for method, path, _ in proxy.seen if method != "GET"]
    assert writes
    assert all(method == "POST" and "ifGenerationMatch=0" in path for method, path in writes)


def test_invalid_time_limit_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for text in ("soon", "0", "-1", "inf", "nan"):
        monkeypatch.setenv("SLIPWAY_STORE_TIMEOUT", text)
        with pytest.raises(SlipwayError, match="SLIPWAY_STORE_TIMEOUT is"):
            open_store("gs://far-away", root=tmp_path, environment="test")


@pytest.mark.parametrize("status", [410, 404])
@pytest.mark.parametrize("times", [1, 9])
def test_a_lost_upload_starts_anew(
    bucket: Place, proxy: Proxy, folder: Path, tmp_path: Path, status: int, times: int
) -> None:
    """The server may forget an upload of several requests: another one begins, and none is endless."""
    (folder / "large.bin").write_bytes(b"x" * (9 << 20))
    left = [times]

    def refuses(method: str, _body: bytes) -> int | None:
        if method != "PUT" or not left[0]:
            return None
        left[0] -= 1
        return status

    proxy.refuses = refuses
    if times > 2:
        with pytest.raises(SlipwayError, match="cannot write"):
            bucket.store().publish("iris", folder)
        assert left == [6]
        return
    record = bucket.store().publish("iris", folder)
    fetched = bucket.store().fetch(record, tmp_path / "fetched")
    assert (fetched / "large.bin").read_bytes() == (folder / "large.bin").read_bytes()
    begun = [path for method, path, _ in proxy.seen if method == "POST" and "uploadType=resumable" in path]
    assert len(begun) == 2 and all("ifGenerationMatch=0" in path for path in begun)
