"""Hundreds of models, and a tree of ten thousand files: verbs read what they need."""

import time

import msgspec
import pytest

from slipway.git import Repository
from slipway.gitops.snapshot import Snapshot
from slipway.overlays import documents
from slipway.overlays import overlay as overlays
from slipway.overlays.overlay import RECORD
from slipway.overlays.types import Hold, Overlay, folder_of
from slipway.release.candidates import Wish
from slipway.release.promote import promote
from slipway.release.status import status
from slipway.review.check import check
from tests.unit.conftest import Site

pytestmark = pytest.mark.long(30)

MODELS = [f"model-{number}" for number in range(340)]
ENVIRONMENTS = ("test", "prod")


def _copied(found: Overlay, model: str) -> Overlay:
    """Return an overlay as it would be for another model: its name stands in all files."""
    given = {path: content.replace(b"iris", model.encode()) for path, content in overlays.format(found).items()}
    for release in found.releases:
        folder = f"{release.name}/"
        files = {path.removeprefix(folder): text for path, text in given.items() if path.startswith(folder)}
        record = documents.parse(files.pop(RECORD), RECORD)
        given[folder + RECORD] = documents.format({**record, "manifests": overlays.digest_of(files)})
    return overlays.parse(given, found.environment, model, found.namespace)


@pytest.fixture
def many(site: Site) -> Site:
    """Return a repository of 340 models with four releases each in test and production."""
    for _ in range(4):
        site.released()
        promote(site.settings, "iris", Wish(allow_unbuilt=True), to="prod")
        site.verify(next(iter(site.overlay(environment="prod").route)), environment="prod")
    made = [_copied(site.overlay(environment=name), model) for name in ENVIRONMENTS for model in MODELS]
    text = (site.root / "slipway.yaml").read_text()
    files = {
        f"{folder_of(each.environment, each.model)}/{path}": content
        for each in made
        for path, content in overlays.format(each).items()
    }
    files |= {f"model/{model.replace('-', '_')}/model.py": b"" for model in MODELS}
    files["slipway.yaml"] = (text + "".join(f"  {model}: {{train: manual}}\n" for model in MODELS)).encode()
    Repository(site.root).commit(files, "Many models", branch="main", parent=site.head)
    site.git("reset", "--quiet", "--hard")
    return site


def test_a_change_of_every_overlay(many: Site) -> None:
    """Each of 340 overlays is judged, in a tree of ten thousand files; a change of one reads little of them."""
    assert len(many.git("ls-files", "overlays").splitlines()) > 10_000
    base, repository = Snapshot(Repository(many.root), many.head), Repository(many.root)
    hold = Hold(reason="audit", by="Ada <ada@example.org>", since="2026-11-21T10:00:00Z")
    changes = {model: base.changes(msgspec.structs.replace(base.overlay("prod", model), hold=hold)) for model in MODELS}
    for branch, models in (("one", MODELS[:1]), ("all", MODELS)):
        many.git("branch", branch)
        files = {path: content for model in models for path, content in changes[model].items()}
        repository.commit(files, "Hold", branch=branch, parent=many.head)
    spent = time.process_time()
    one = check(many.settings, base="main", head="one")
    assert time.process_time() - spent < 2  # seconds of this process; 0.1 where it was measured
    assert len(one.lines) == 1 and one.violations == []
    found = check(many.settings, base="main", head="all")
    assert len(found.lines) == len(MODELS) and found.violations == []
    assert len(status(many.settings, environment="prod")) == len(MODELS) + 2
