"""`slipway trace` shows the chain from an answer back to its data and code."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from slipway import digests
from slipway.cli import main
from slipway.errors import SlipwayError
from slipway.names import ReleaseName
from slipway.provenance.chain import Chain, Link
from slipway.provenance.trace import trace
from slipway.release.candidates import Wish
from slipway.release.decisions import rollback
from slipway.release.promote import copy, promote
from slipway.store import Data, Record, Training
from tests.forge_server.server import Forge
from tests.unit.conftest import Site

ROWS = b"a,b\n1,2\n"


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make no request to GitHub without a token."""
    for name in ("GITHUB_TOKEN", "GH_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def trained(site: Site, model: str = "iris", **training: Any) -> Record:
    """Publish the next version with a snapshot of its data, as a training does."""
    store = site.store()
    made = site.root.parent / f"trained-{model}-{len(store.versions(model))}"
    (made / "code").mkdir(parents=True)
    (made / "artifact.json").write_text(f'"{made.name}"')
    (made / "requirements.lock").write_text("functions-framework==3.10.2\nmsgspec==0.19.0\n")
    (made / "code/model.py").write_text("# as trained\n")
    rows = made.parent / f"{made.name}.csv"
    rows.write_bytes(ROWS)
    digest = digests.of_bytes(ROWS)
    known = {"digest": "d" * 64, "commit": site.head, "branch": "main", "parameters": {"c": 0.5}, "run": "https://ci/1"}
    record = {
        "training": Training(**{**known, **training}),
        "data": Data(uri="gs://team/rows.csv", sha256=digest, rows=1, share=0.2),
        "metrics": {"accuracy": 0.9},
    }
    return store.publish(model, made, record=record, attachments={f"data/{digest}.csv": rows})


def released(site: Site, model: str = "iris") -> ReleaseName:
    """Train a version, release it and verify it."""
    trained(site, model)
    name = site.release(model).outcomes[0].release
    assert name is not None
    site.verify(name, model)
    return name


def promoted(site: Site) -> ReleaseName:
    """Promote iris by a merged pull request, and return the release of prod."""
    site.git("switch", "--quiet", "-c", "promote")
    promote(site.settings, "iris", Wish(allow_unbuilt=True), to="prod")
    site.git("switch", "--quiet", "main")
    site.git("merge", "--quiet", "--no-ff", "-m", "Merge pull request #12 from team/promote", "promote")
    return site.overlay(environment="prod").releases[0].name


def link(chain: Chain, name: str) -> Link:
    return next(each for each in chain.links if each.name == name)


def test_a_promoted_release_has_a_whole_chain(site: Site) -> None:
    """The chain has all links from the release to the data. Each has its source, and none is broken."""
    site.write("model/iris/model.py", "# better\n")
    code = site.commit("Better irises (#7)")
    name = released(site)
    record = site.store().record("iris", 1)
    there = promoted(site)
    chain = trace(site.settings, f"prod/iris/{there}")
    assert chain.broken == []
    names = "release origin image fingerprint artifact version data code runs verified"
    assert [each.name for each in chain.links] == names.split()
    assert all(each.read for each in chain.links)
    release = link(chain, "release").facts
    assert release["percent"] == 100
    assert release["declared"]["commit"] == site.head
    assert release["declared"]["pull"] == {"number": 12, "branch": "team/promote"}
    assert link(chain, "origin").facts["release"] == f"test/iris/{name}"
    assert [pull["number"] for pull in link(chain, "origin").facts["pulls"]] == [12]
    assert link(chain, "image").facts["digest"].startswith(f"sha256:{name.short}")
    parts = link(chain, "fingerprint")
    assert parts.facts["components"]["artifact"] == record.artifact.digest == link(chain, "artifact").facts["digest"]
    assert [each["path"] for each in link(chain, "artifact").facts["files"]] == sorted(record.artifact.files)
    assert link(chain, "version").facts["parameters"] == {"c": 0.5}
    assert link(chain, "data").facts["uri"] == "gs://team/rows.csv"
    assert link(chain, "data").facts["snapshot"]["bytes"] == len(ROWS)
    assert link(chain, "code").facts["commit"] == code
    assert link(chain, "code").facts["pulls"] == [{"number": 7, "title": "Better irises", "commit": code}]
    assert link(chain, "runs").facts["training"] == "https://ci/1"
    assert list(link(chain, "verified").facts) == [f"test/iris/{name}"]


def test_a_release_has_many_names(site: Site) -> None:
    """Its name, model id, image and fingerprint all give the same chain."""
    name = released(site)
    record = site.overlay().release(name).record
    for what in (
        str(name),
        f"test/iris/{name}",
        "iris/test/1",
        record.image,
        record.image.partition("@")[2],
        record.fingerprint,
        name.short,
    ):
        assert trace(site.settings, what).subject == f"test/iris/{name}", what


def test_a_name_of_test_and_prod_is_the_promoted_one(site: Site) -> None:
    """The chain of a promoted release includes its origin, so a name of both is clear."""
    name = released(site)
    assert promoted(site) == name
    assert trace(site.settings, str(name)).subject == f"prod/iris/{name}"
    assert trace(site.settings, name.short).subject == f"prod/iris/{name}"
    assert trace(site.settings, f"test/iris/{name}").subject == f"test/iris/{name}"


def test_a_name_of_two_releases_is_refused(site: Site) -> None:
    """Two versions with the same content have one image. The error names both releases."""
    site.publish(content="same")
    one = site.release("iris").outcomes[0].release
    site.publish(content="same")
    two = site.release("iris").outcomes[0].release
    assert one and two and one.short == two.short
    with pytest.raises(SlipwayError, match=f"more than one release: test/iris/{one}, test/iris/{two}"):
        trace(site.settings, one.short)


def test_a_removed_release_is_traced(site: Site) -> None:
    """The commits tell when it left the route, who rejected it and why, and when it was removed."""
    one = released(site)
    bad = released(site)
    rollback(site.settings, "iris", "test", reason="wrong", to=str(one))
    back = site.head
    facts = link(trace(site.settings, str(bad)), "release").facts
    assert [share["percent"] for share in facts["route"]] == [100, 0]
    assert (facts["percent"], facts["route"][1]["commit"]) == (0, back)
    assert facts["rejected"]["commit"] == back
    site.git("rm", "-r", "-q", "overlays/test/iris")
    site.commit("Gone")
    chain = trace(site.settings, str(one))
    assert link(chain, "release").facts["removed"]["commit"] == site.head
    assert chain.broken == []


def test_the_followed_branch_has_precedence(site: Site, tmp_path: Path) -> None:
    """This holds on another branch and behind the remote. Releases of the checked-out branch are found, too."""
    site.git("switch", "--quiet", "-c", "side")
    site.git("switch", "--quiet", "main")
    name = released(site)
    site.git("switch", "--quiet", "side")
    assert link(trace(site.settings, str(name)), "release").facts["percent"] == 100
    other = released(site, "tumor")
    assert trace(site.settings, str(other)).subject == f"test/tumor/{other}"
    site.git("clone", "--quiet", str(site.root), str(tmp_path / "clone"))
    clone = Site(tmp_path / "clone")
    clone.git("switch", "--quiet", "--detach", "origin/main~1")
    assert trace(clone.settings, str(name)).subject == f"test/iris/{name}"


def test_changed_settings_do_not_hide_the_components(site: Site) -> None:
    """The components come from the commit of the release if the current files give another fingerprint."""
    name = released(site)
    commit = site.overlay().release(name).record.commit
    site.set("models:", "base_image: python:3.12-slim\nmodels:")
    parts = link(trace(site.settings, str(name)), "fingerprint")
    assert parts.read == f"computed from commit {commit[:12]}"
    assert set(parts.facts["components"]) >= {"artifact", "model code", "base image"}
    assert site.git("status", "--porcelain") == ""
    assert site.git("worktree", "list").count("\n") == 0


def test_a_version_without_a_release_is_traced(site: Site) -> None:
    """Its chain begins with the artifact."""
    trained(site)
    chain = trace(site.settings, "iris/test/1")
    assert (chain.subject, chain.links[0].name, chain.broken) == ("iris/test/1", "artifact", [])
    assert "never released" in chain.links[0].notes[0]


def test_an_unknown_name_is_refused(site: Site) -> None:
    """The error lists similar names, or says what can be traced."""
    released(site)
    for what, says, fix in [
        ("v9-12345678", "never declared", "v1-"),
        ("iris/test/9", "no version 9", "there are: 1"),
        ("iris/tset/1", "unknown environment 'tset'", "did you mean 'test'"),
        ("sha256:" + "0" * 64, "never declared", "git fetch"),
        ("abcdef01", "never declared", "git fetch"),
        ("the new one", "cannot be traced", "iris/test/7"),
        ("test/iris/vx", "'vx' is not a release", "v7-1a2b3c4d"),
        ("", "cannot be traced", "a URL"),
    ]:
        with pytest.raises(SlipwayError, match=says) as caught:
            trace(site.settings, what)
        assert fix in caught.value.fix, what


def test_a_shallow_clone_is_noted(site: Site, tmp_path: Path) -> None:
    """The chain has what the clone knows. Notes name the command that fetches the rest."""
    released(site)
    new = released(site)
    site.git("commit", "--quiet", "--allow-empty", "-m", "Later")
    site.git("clone", "--quiet", "--depth=1", site.root.as_uri(), str(tmp_path / "shallow"))
    (tmp_path / "shallow/.slipway").symlink_to(site.root / ".slipway")
    shallow = Site(tmp_path / "shallow")
    chain = trace(shallow.settings, str(new))
    release = link(chain, "release")
    assert "git fetch --unshallow" in release.notes[0]
    # The oldest commit of the clone seems to have made all that it holds.
    assert (release.facts["declared"], release.facts["route"]) == ({}, [{"percent": 100}])
    assert "git fetch --unshallow" in link(chain, "code").notes[0]
    with pytest.raises(SlipwayError, match="shallow clone") as caught:
        trace(shallow.settings, "v9-12345678")
    assert caught.value.fix == "git fetch --unshallow"


def _tamper(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.chmod(0o644)
    path.write_text(text.replace(before, after))


def test_another_artifact_breaks_the_chain(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """The record in the store does not match the release. The exit status is 1."""
    name = released(site)
    trained(site)
    versions = site.root / ".slipway/store/test/iris/versions"
    other = re.sub(r'"version": 2', '"version": 1', (versions / "2.json").read_text())
    (versions / "1.json").unlink()
    (versions / "1.json").write_text(other)
    assert main(["-C", str(site.root), "trace", str(name)]) == 1
    assert "  broken: iris/test/1 holds" in capsys.readouterr().out
    (versions / "1.json").write_text("{")
    assert "is corrupted" in trace(site.settings, str(name)).broken[0]


def test_another_image_breaks_the_chain(site: Site) -> None:
    """The image of prod matches neither its origin nor the manifests."""
    released(site)
    there = promoted(site)
    record = site.root / f"overlays/prod/iris/{there}/record.yaml"
    _tamper(record, f"sha256:{there.short}", "sha256:00000000")
    site.commit("By hand")
    broken = trace(site.settings, f"prod/iris/{there}").broken
    assert [reason.partition(":")[0] for reason in broken] == ["origin", "image"]
    assert "its image is" in broken[0] and "another image" in broken[1]


def test_a_promotion_without_a_copied_artifact_is_traced(site: Site) -> None:
    """The record of the origin is used, and a note names the command that copies the artifact."""
    released(site)
    there = promoted(site)
    (site.root / ".slipway/store/prod/iris/versions/1.json").unlink()
    chain = trace(site.settings, f"prod/iris/{there}")
    assert chain.broken == []
    assert "slipway copy iris --env prod" in link(chain, "artifact").notes[0]
    assert link(chain, "version").facts["model_id"] == "iris/test/1"


def test_a_missing_commit_is_noted(site: Site) -> None:
    """The note names the command that fetches it."""
    trained(site, commit="a" * 40, dirty=True)
    code = link(trace(site.settings, "iris/test/1"), "code")
    assert code.facts == {"commit": "a" * 40, "branch": "main"}
    assert "differed from the commit" in code.notes[0]
    assert f"git fetch origin {'a' * 40}" in code.notes[1]


@pytest.fixture
def function() -> Iterator[dict[str, str]]:
    """Serve the returned dict as the description of a function, and put its address there as `url`."""
    told: dict[str, str] = {}

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(told).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        told["url"] = f"http://127.0.0.1:{server.server_port}"
        yield told
        server.shutdown()


def test_the_address_of_a_function_is_traced(site: Site, function: dict[str, str]) -> None:
    """It leads to the release. Another artifact or fingerprint in the answer is a broken link."""
    name = released(site)
    record = site.overlay().release(name).record
    function |= {"model_id": "iris/test/1", "release": str(name), "artifact": record.artifact}
    function["fingerprint"] = record.fingerprint
    chain = trace(site.settings, function["url"])
    assert (chain.subject, chain.links[0].name, chain.broken) == (f"test/iris/{name}", "answer", [])
    function["artifact"] = "0" * 64
    assert trace(site.settings, function["url"]).broken[0].startswith(f"answer: its artifact is {'0' * 64}")
    function["release"] = "v8-12345678"
    with pytest.raises(SlipwayError, match="test/iris/v8-12345678, which was never declared"):
        trace(site.settings, function["url"])
    function["release"] = "dev"
    with pytest.raises(SlipwayError, match="which is no release"):
        trace(site.settings, function["url"])


def test_json_has_the_links_by_name(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Each link has the same four keys."""
    name = released(site)
    assert main(["-C", str(site.root), "trace", str(name), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"asked", "subject", "whole", "broken", "links"}
    assert told["whole"] is True
    assert {key for each in told["links"].values() for key in each} == {"read", "facts", "broken", "notes"}
    assert told["links"]["data"]["facts"]["uri"] == "gs://team/rows.csv"


def test_control_characters_are_not_printed(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """A subject of a commit cannot steer the terminal."""
    site.git("commit", "--quiet", "--allow-empty", "-m", "Evil \x1b]0;title\x07 \x01subject")
    name = released(site)
    assert main(["-C", str(site.root), "trace", str(name)]) == 0
    printed = capsys.readouterr().out
    assert "Evil" in printed and not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", printed)


def test_a_token_lets_github_tell_pull_requests(site: Site, on_github: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API finds pull requests that no subject names. A note tells when it fails."""
    from slipway.github.api import connect

    site.git("push", "--quiet", on_github.clone_url("team/models", "ghs_made_up"), "main")
    site.git("switch", "--quiet", "-c", "change")
    site.write("model/iris/model.py", "# better\n")
    site.commit("Better")
    site.git("push", "--quiet", on_github.clone_url("team/models", "ghs_made_up"), "change")
    pull = connect().propose("change", "main", "Better irises", "")
    trained(site)
    code = link(trace(site.settings, "iris/test/1"), "code")
    assert [(each["number"], each["url"], each["state"]) for each in code.facts["pulls"]] == [(1, pull.url, "open")]
    monkeypatch.setenv("GITHUB_REPOSITORY", "team/nothing")
    code = link(trace(site.settings, "iris/test/1"), "code")
    assert "GitHub could not be asked" in code.notes[0]


def _flip(content: bytes) -> bytes:
    return bytes([content[0] ^ 1]) + content[1:]


DAMAGE: dict[str, Callable[[bytes], bytes | None]] = {
    "gone": lambda _: None,
    "changed": _flip,
    "shortened": lambda content: content[: len(content) // 2],
}


@pytest.mark.parametrize("how", DAMAGE)
def test_what_is_damaged_in_the_store_is_named(site: Site, how: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each file of the version, its data and its record are read; no damage ends in a traceback, and none is silent."""
    name = released(site)
    record = site.store().record("iris", 1)
    known = {file.sha256: path for path, file in (record.artifact.files | record.attachments).items()}
    for path in sorted((site.root / ".slipway/store/test").rglob("*")):
        if not path.is_file() or "verified" in path.parts:
            continue
        content = path.read_bytes()
        path.unlink()
        if (left := DAMAGE[how](content)) is not None:
            path.write_bytes(left)
        assert main(["-C", str(site.root), "trace", f"test/iris/{name}"]) == 1
        printed = capsys.readouterr().out
        said = "is missing in the store" if how == "gone" else "was changed in the store"
        if path.name in known:
            assert f"broken: {known[path.name]} of iris/test/1 {said}: " in printed
        else:
            assert "broken: " in printed and ("no version" in printed or "is corrupted" in printed)
        path.unlink(missing_ok=True)
        path.write_bytes(content)
    assert main(["-C", str(site.root), "trace", f"test/iris/{name}"]) == 0


@pytest.mark.parametrize("environment", ["test", "prod"])
def test_a_damaged_record_is_no_copy_that_is_missing(
    site: Site, environment: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another store has the version too, and the chain is broken all the same."""
    released(site)
    name = promoted(site)
    copy(site.settings, ["iris"], "prod")
    path = site.root / f".slipway/store/{environment}/iris/versions/1.json"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-9])
    assert main(["-C", str(site.root), "trace", f"prod/iris/{name}"]) == 1
    assert f"store/{environment}/iris/versions/1.json is corrupted" in capsys.readouterr().out
