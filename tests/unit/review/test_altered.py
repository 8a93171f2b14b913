"""A release whose folder somebody changed by hand on main: each verb notices it, and none sends it requests."""

import msgspec
import pytest

from slipway.cli import main
from slipway.errors import SlipwayError
from slipway.gitops import history
from slipway.names import ReleaseName
from slipway.overlays import documents
from slipway.overlays import overlay as overlays
from slipway.overlays.overlay import KUSTOMIZATION, MANIFESTS, RECORD
from slipway.overlays.types import Overlay
from slipway.provenance.audit import audit
from slipway.provenance.trace import trace
from slipway.release.candidates import Wish
from slipway.release.decisions import rollback, traffic
from slipway.release.promote import promote
from slipway.release.status import status
from tests.unit.conftest import Site
from tests.unit.review.conftest import FOLDER, FOREIGN, commit, overlay, put, said

PATCH = b"patches: [{target: {kind: Service}, patch: '[{op: add, path: /metadata/labels/x, value: y}]'}]\n"


def changed(team: Site, name: ReleaseName, file: str = MANIFESTS, environment: str = "prod") -> None:
    """Change a file of a declared release on main: its image, or what kustomize makes of it."""
    path = team.root / f"overlays/{environment}/iris/{name}/{file}"
    content = path.read_bytes()
    image = team.overlay(environment=environment).release(name).record.image.encode()
    path.write_bytes(content + PATCH if file == KUSTOMIZATION else content.replace(image, FOREIGN.encode()))
    team.commit("By hand")


def releases(team: Site) -> tuple[ReleaseName, ReleaseName]:
    """Return the release of production that runs, and the one before."""
    serving, older = team.overlay(environment="prod").releases
    return serving.name, older.name


@pytest.mark.parametrize("file", [MANIFESTS, KUSTOMIZATION])
def test_each_verb_that_looks_tells_it(team: Site, file: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The words name the folder, the release and the commit."""
    name, _ = releases(team)
    changed(team, name, file)
    [row] = status(team.settings, ["iris"], "prod")
    assert f"overlays/prod/iris/{name} was changed by hand" in row.next
    chain = trace(team.settings, f"prod/iris/{name}")
    assert any("changed by hand" in reason or "another image" in reason for reason in chain.broken)
    newest = history.events(team.settings, ["iris"], "prod")[0]
    assert (newest.what, newest.commit) == (f"changed {name} by hand", team.head)
    main(["-C", str(team.root), "doctor"])
    assert f"overlays/prod/iris/{name} was changed by hand" in capsys.readouterr().out


def test_no_verb_sends_requests_to_it(team: Site) -> None:
    """Neither a rollback, which takes one before it, nor a share, nor a promotion."""
    _, older = releases(team)
    changed(team, older)
    with pytest.raises(SlipwayError, match="was changed by hand"):
        rollback(team.settings, "iris", "prod", reason="wrong", to=str(older))
    with pytest.raises(SlipwayError, match="no verified release that is older"):
        rollback(team.settings, "iris", "prod", reason="wrong")
    with pytest.raises(SlipwayError, match="was changed by hand") as caught:
        traffic(team.settings, "iris", "prod", {"v1": 40, "v2": 60})
    assert "bring its files back" in caught.value.fix
    changed(team, next(iter(team.overlay().route)), environment="test")
    with pytest.raises(SlipwayError, match="was changed by hand"):
        promote(team.settings, "iris", Wish(allow_unbuilt=True), to="prod")


def test_the_check_refuses_a_route_to_it(team: Site) -> None:
    """Also one that goes back to a release that was changed before it was dropped."""
    serving, older = releases(team)
    changed(team, older)
    found = overlay(team, "main")
    put(team, msgspec.structs.replace(found, route={serving: 50, older: 50}))
    assert any("was changed by hand" in problem for problem in said(team))


def test_the_check_takes_its_files_back(team: Site) -> None:
    """Bringing the files back, or reverting the commit, is no other change of a release."""
    name, _ = releases(team)
    path = f"{FOLDER}/{name}/{MANIFESTS}"
    before = (team.root / path).read_bytes()
    changed(team, name)
    commit(team, {path: before})
    assert said(team) == []


def told(team: Site) -> dict[str, tuple[str, ...]]:
    return {f"{each.environment}/{each.name}": each.problems for each in audit(team.settings)}


def test_an_audit_finds_what_was_changed_with_its_digest(team: Site) -> None:
    """Whoever changes the record as well is found by the first record, and by what the commits render."""
    assert not any(told(team).values())
    serving, older = releases(team)
    both(team, team.overlay(environment="prod"), serving, image=FOREIGN)
    both(team, team.overlay(environment="prod"), older, size="9")
    found = told(team)
    assert "its image was" in found[f"prod/{serving}"][0] and FOREIGN in found[f"prod/{serving}"][0]
    assert found[f"prod/{older}"] == ("no commit of its own renders these files from its record",)
    assert sum(bool(problems) for problems in found.values()) == 2


def both(team: Site, found: Overlay, name: ReleaseName, *, image: str = "", size: str = "") -> None:
    """Change the manifests of a release and its record on main, so that the digest holds."""
    release = found.release(name)
    manifests = release.files[MANIFESTS].replace(
        release.record.image.encode(), (image or release.record.image).encode()
    )
    if size:
        manifests += f"# {size}\n".encode()
    files = release.files | {MANIFESTS: manifests}
    record = msgspec.structs.replace(
        release.record, image=image or release.record.image, manifests=overlays.digest_of(files)
    )
    team.write(f"{FOLDER}/{name}/{MANIFESTS}", manifests.decode())
    team.write(f"{FOLDER}/{name}/{RECORD}", documents.format(msgspec.to_builtins(record)).decode())
    team.commit("By hand")


def test_an_audit_prints_a_line_for_each_release(team: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Its status says whether all hold."""
    assert main(["-C", str(team.root), "audit"]) == 0
    assert "all of 5 releases hold" in capsys.readouterr().out
    name, _ = releases(team)
    changed(team, name)
    assert main(["-C", str(team.root), "audit", "iris", "--env", "prod"]) == 1
    assert f"✗ prod/iris/{name}: its files are not those that its record names" in capsys.readouterr().out


def test_an_audit_says_where_the_code_that_renders_has_changed(team: Site) -> None:
    """Another rendering proves nothing then, and a changed digest still does."""
    name, _ = releases(team)
    team.write("src/slipway/x.py", "")
    team.write("manifests/function/kustomization.yaml", "resources: []\n")
    team.commit("Other code")
    notes = {each.name: each.note for each in audit(team.settings, ["iris"], "prod")}
    assert notes[str(name)] == ""
    both(team, team.overlay(environment="prod"), name, size="9")
    team.write("src/slipway/x.py", "1")
    team.commit("Other code again")
    found = {each.name: each for each in audit(team.settings, ["iris"], "prod")}
    assert found[str(name)].problems == () and "src/slipway has changed since" in found[str(name)].note
