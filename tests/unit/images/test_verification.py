"""Verification of running functions."""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from slipway.cli import main
from slipway.errors import OutOfReach, SlipwayError
from slipway.images import bundle, running, verification
from slipway.names import ReleaseName
from slipway.overlays import documents, overlay
from slipway.settings import Settings
from slipway.store import Record, Store, open_store, store_of
from tests.unit.serving import tiny

PYTHON = Path(sys.executable)


class Published(NamedTuple):
    """A repository in whose test environment version 1 is published, bundled, and declared as a release."""

    settings: Settings
    store: Store
    record: Record
    bundle: bundle.Bundle
    release: ReleaseName

    def open(self, environment: str) -> Store:
        """The store of an environment that the settings name."""
        return store_of(self.settings, environment)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Published:
    root = tmp_path_factory.mktemp("verified")
    settings = tiny.repository(root / "repository")
    store = open_store("store/test", root=settings.root, environment="test")
    record = store.publish("tiny", tiny.artifact(root / "artifact"))
    made = bundle.make(settings, store, record, root / "bundle")
    return Published(settings, store, record, made, ReleaseName.of(1, made.fingerprint))


@pytest.fixture(scope="session")
def url(made: Published) -> Iterator[str]:
    """The address of the running release."""
    with running.serve(made.bundle, model_id="tiny/test/1", release=str(made.release), python=PYTHON) as url:
        yield url


@pytest.fixture
def published(made: Published, tmp_path: Path) -> Published:
    """The same repository with a store and overlays of this test's own."""
    settings = tiny.repository(tmp_path / "repository")
    store = open_store("store/test", root=settings.root, environment="test")
    record = store.publish("tiny", made.bundle.folder / "artifact")
    return made._replace(settings=settings, store=store, record=record)


def declare(published: Published, fingerprint: str) -> str:
    """Write the release's folder; return its name."""
    name = str(ReleaseName.of(1, fingerprint))
    record = overlay.ReleaseRecord(
        release=name,
        version=1,
        model_id="tiny/test/1",
        fingerprint=fingerprint,
        image=f"unbuilt.invalid/tiny@sha256:{fingerprint}",
        artifact=published.record.artifact.digest,
        commit="c" * 40,
        created="2026-01-01T00:00:00Z",
        by="tests",
    )
    folder = published.settings.root / overlay.folder_of("test", "tiny") / name
    folder.mkdir(parents=True)
    (folder / overlay.RECORD).write_bytes(documents.format(msgspec.to_builtins(record)))
    for file in (overlay.MANIFESTS, "kustomization.yaml"):
        (folder / file).write_bytes(documents.format({}))
    return name


def test_verified_function_is_recorded(published: Published, url: str) -> None:
    """The evidence says where, when, by whom, and holds rows and largest difference."""
    done = verification.verify_url(published.open, url)
    assert (done.model, done.release, done.repeated) == ("tiny", published.release, False)
    evidence = published.store.verified("tiny", published.release)
    assert evidence == done.evidence
    assert evidence is not None
    assert (evidence["where"], evidence["rows"], evidence["max_difference"]) == (url, 2, 0.0)
    assert evidence["fingerprint"] == published.bundle.fingerprint
    assert evidence["when"]
    assert evidence["by"]


def test_second_verification_keeps_the_first_evidence(published: Published, url: str) -> None:
    first = verification.verify_url(published.open, url)
    second = verification.verify_url(published.open, f"{url}/")
    assert second.repeated
    assert second.evidence == first.evidence


def test_declared_release_is_served_and_verified(published: Published) -> None:
    """A verified release is not served again."""
    name = declare(published, published.bundle.fingerprint)
    done = verification.verify_declared(published.settings, "test", name, python=PYTHON)
    assert "served on" in done.evidence["where"]
    again = verification.verify_declared(published.settings, "prod", f"test/tiny/{name}", python=Path("/nowhere"))
    assert (again.repeated, again.evidence) == (True, done.evidence)


def test_release_is_verified_at_its_address(published: Published, url: str) -> None:
    """The running function has to be that release."""
    name = declare(published, published.bundle.fingerprint)
    assert verification.verify_declared(published.settings, "test", name, at=url).evidence["where"] == url
    other = declare(published, "ab" * 32)
    with pytest.raises(SlipwayError, match=f"the release is {name}, and {other} is expected"):
        verification.verify_declared(published.settings, "test", other, at=url)
    assert published.store.verified("tiny", other) is None


def test_release_of_other_code_is_refused(published: Published) -> None:
    """The checkout gives another image than the release has."""
    name = declare(published, "ab" * 32)
    with pytest.raises(SlipwayError, match=r"cannot be served from this checkout[\s\S]*git checkout cccccccccccc"):
        verification.verify_declared(published.settings, "test", name, python=PYTHON)
    assert published.store.verified("tiny", name) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("v1-1a2b3c4d", "v1-1a2b3c4d is not declared in test"),
        ("test/tiny/v1-1a2b3c4d", "is not declared in test"),
        ("tiny/v1-1a2b3c4d", "is not a release"),
        ("tiny", "'tiny' is not a release"),
        ("tset/tiny/v1-1a2b3c4d", "unknown environment 'tset'"),
    ],
)
def test_unknown_release_is_refused(published: Published, text: str, told: str) -> None:
    """The error names the missing release or environment, or shows how a release is written."""
    with pytest.raises(SlipwayError, match=told):
        verification.verify_declared(published.settings, "test", text)


def test_pod_verifies_without_a_settings_file(
    published: Published, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The store is an argument. A verified release does not have to answer again."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOGNAME", "verify-tiny")
    store = str(published.settings.root / "store/test")
    command = ["verify", f"test/tiny/{published.release}", "--store", store, "--at"]
    assert main([*command, url]) == 0
    assert "is verified now, by verify-tiny" in capsys.readouterr().out
    assert main([*command, "http://127.0.0.1:9"]) == 0
    assert "is verified since 2" in capsys.readouterr().out
    assert main(["verify", url, "--store", store]) == 0


@pytest.mark.parametrize("arguments", [["test/tiny/v1-1a2b3c4d"], ["v1-1a2b3c4d", "--at", "http://127.0.0.1:9"]])
def test_store_needs_the_full_name_and_the_address(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Without settings, environment and model have to be named."""
    assert main(["verify", *arguments, "--store", "gs://bucket"]) == 1
    assert "--store needs the full name of the release and --at" in capsys.readouterr().err


def test_another_release_at_the_address_is_refused(published: Published, url: str) -> None:
    """Only the named release may answer there."""
    other = ReleaseName.parse("v1-1a2b3c4d")
    with pytest.raises(SlipwayError, match=f"the release is {published.release}, and {other} is expected"):
        verification.verify_at(published.store, "tiny", other, url)
    assert published.store.verified("tiny", other) is None


def test_unreachable_function_is_tried_again(published: Published, url: str) -> None:
    """A version that a promotion has not copied yet is out of reach too."""
    tries: list[str] = []

    def attempt() -> verification.Verified:
        address = url if tries else "http://127.0.0.1:9"
        tries.append(address)
        return verification.verify_at(published.store, "tiny", published.release, address)

    said: list[str] = []
    assert verification.patiently(attempt, 60, said.append).evidence["where"] == url
    assert len(tries) == 2
    assert "cannot be reached" in said[0]
    with pytest.raises(OutOfReach, match="test has no version 2 of tiny"):
        verification.verify_at(published.store, "tiny", ReleaseName.parse("v2-1a2b3c4d"), url)


def test_wrong_prediction_is_not_tried_again(published: Published, answering: Callable[[Any, Any], str]) -> None:
    """It fails at once, whatever the time limit."""
    url = answering(description(published), [4.0, 8.5])
    tries: list[str] = []

    def attempt() -> verification.Verified:
        tries.append(url)
        return verification.verify_at(published.store, "tiny", published.release, url)

    with pytest.raises(SlipwayError, match="off by"):
        verification.patiently(attempt, 3600, tries.append)
    assert tries == [url]


def test_url_of_another_environment_is_refused(published: Published, url: str) -> None:
    """A release of `test` is refused for `prod`."""
    with pytest.raises(SlipwayError, match="tiny/test/1, which is not of prod"):
        verification.verify_url(published.open, url, "prod")


@pytest.fixture
def answering() -> Iterator[Callable[[Any, Any], str]]:
    """Return a function that starts a server with one answer to GET and one to POST."""
    servers: list[HTTPServer] = []

    def start(description: Any, predictions: Any) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(description)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                self._answer({"status": "ok", "prediction": predictions})

            def _answer(self, content: Any) -> None:
                body = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        servers.append(HTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def description(published: Published, **changes: str) -> dict[str, str]:
    """Return the function's description of itself with `changes`."""
    return {
        "model_id": "tiny/test/1",
        "release": str(published.release),
        "artifact": published.record.artifact.digest,
        "fingerprint": published.bundle.fingerprint,
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"model_id": "tiny/dev/1"}, "which is no release"),
        ({"release": "dev"}, "which is no release"),
        ({"release": "latest"}, "'latest' is not a release"),
        ({"model_id": "tiny/test/2"}, "test has no version 2 of tiny"),
        ({"model_id": "tiny/stage/1"}, "unknown environment 'stage'"),
        ({"artifact": "0" * 64}, "the artifact is 0000"),
        ({"fingerprint": "0" * 64}, "the fingerprint is 00000000…"),
    ],
)
def test_function_with_another_identity_is_refused(
    published: Published, answering: Callable[[Any, Any], str], changes: dict[str, str], told: str
) -> None:
    """Only a published and released version is recorded."""
    url = answering(description(published, **changes), tiny.PREDICTIONS)
    with pytest.raises(SlipwayError, match=told):
        verification.verify_url(published.open, url)
    assert published.store.verified("tiny", published.release) is None


@pytest.mark.parametrize(
    ("predictions", "told"),
    [
        ([4.0, 8.5], r"row 1: expected 8\.0, found 8\.5: off by 0\.5"),
        ([4.0], "expected 2 predictions, found 1"),
        (["4", 8.0], "row 0: expected 4.0, found '4'"),
        ("none", "answers with status 200"),
    ],
)
def test_other_predictions_are_refused(
    published: Published, answering: Callable[[Any, Any], str], predictions: Any, told: str
) -> None:
    """The error names each row and its difference, and nothing is recorded."""
    with pytest.raises(SlipwayError, match=told):
        verification.verify_url(published.open, answering(description(published), predictions))
    assert published.store.verified("tiny", published.release) is None


def test_difference_within_the_tolerance_is_recorded(
    published: Published, answering: Callable[[Any, Any], str]
) -> None:
    """The evidence has the largest difference."""
    done = verification.verify_url(published.open, answering(description(published), [4.0, 8.0000005]))
    assert done.evidence["max_difference"] == pytest.approx(5e-7)


@pytest.mark.parametrize("told", [b"<html>hello</html>", {"status": "ok"}, [], b""])
def test_foreign_server_is_refused(published: Published, answering: Callable[[Any, Any], str], told: Any) -> None:
    """It is not taken for a function of slipway."""
    with pytest.raises(SlipwayError, match="not as a function of slipway"):
        verification.verify_url(published.open, answering(told, []))


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://127.0.0.1:9", "cannot be reached: .*refused"),
        ("file:///etc/passwd", "not the address"),
        ("http://", "not the"),
    ],
)
def test_unreachable_or_invalid_address_is_an_error(published: Published, url: str, told: str) -> None:
    with pytest.raises(SlipwayError, match=told):
        verification.verify_url(published.open, url)


def test_verify_command_reports_the_result(published: Published, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The second run says since when it is verified. A failure is one message and status 75."""
    root = ["-C", str(published.settings.root), "verify"]
    assert main([*root, url]) == 0
    assert f"tiny {published.release} is verified now" in capsys.readouterr().out
    assert main([*root, url, "--env", "test"]) == 0
    assert f"tiny {published.release} is verified since 2" in capsys.readouterr().out
    assert main([*root, "http://127.0.0.1:9"]) == 75
    assert "error: http://127.0.0.1:9 cannot be reached" in capsys.readouterr().err
