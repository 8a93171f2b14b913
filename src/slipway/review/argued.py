"""What a promotion was argued by: a digest of it all ends the body, and says whether it has to be argued again.

It stands for everything that the body is made of. An argument that lacks something, such as the answer of a store, gets
none, and neither counts one below a text that somebody has changed: both are argued anew.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import msgspec

from slipway import digests
from slipway.git import Repository
from slipway.github.api import Pull
from slipway.gitops.branches import essence
from slipway.overlays.types import Overlay, folder_of
from slipway.processes import SOURCE
from slipway.release.candidates import is_merged, source_of
from slipway.release.promote import Promoted
from slipway.review import promotion_body
from slipway.review.change_body import sides
from slipway.review.comparison import compare
from slipway.review.promotion_facts import Compare, Facts, both, gather
from slipway.settings import Settings
from slipway.store import store_of
from slipway.store.records import encode


def argue(done: Promoted, compared: Compare = compare) -> str:
    """Return the body for a promotion (`promotion_body.body`), with the digest of its inputs where it is whole."""
    found = inputs(done)
    facts = gather(done, compared)
    text = promotion_body.of_facts(facts)
    return stamped(text, found) if is_whole(facts) else text


def is_whole(facts: Facts) -> bool:
    """Return True if the same inputs would give the same facts: nothing failed that may work another time."""
    return facts.comparison.settled and not facts.notes and facts.evidence is not None


def stamped(text: str, found: str) -> str:
    """Return a body with the digest of its inputs, beside which stands the digest of the text itself."""
    text = text.rstrip()
    return f"{text}\n\n<!-- slipway: argued {found} {digests.of_bytes(text.encode())} -->\n"


def stands(pull: Pull, done: Promoted, found: str) -> bool:
    """Return True if a pull request argues by just these inputs, in slipway's own words."""
    body = pull.body.replace("\r\n", "\n").rstrip()
    text = body.rpartition("\n")[0]
    return pull.title == done.edited.message.partition("\n")[0] and body == stamped(text, found).rstrip()


def inputs(done: Promoted) -> str:
    """Return the digest of all that the body of a promotion is made of.

    Artifacts and data count by the digests in their records. Raise `SlipwayError` when a record cannot be read.
    """
    before, after = sides(done.edited)
    settings, snapshot, model = done.settings, done.edited.snapshot, after.model
    source, commits = source_of(settings, after.environment), [done.source, *before.releases]
    candidate, running, notes = both(done, lambda _, record: encode(record).decode())
    repository = Repository(settings.root)
    if snapshot is None:  # `sides` refuses what changes nothing
        raise AssertionError("a change begins from a commit")
    folder = folder_of(after.environment, model)
    hold = snapshot.overlay(source, model).hold
    return digests.of_value(
        {
            "ground": ground(settings, model),
            "settings": _settings(settings, model),
            "branch": done.edited.branch,
            "before": _files(snapshot.files(folder)),
            "after": _overlay(after),
            "source": _files(done.source.files),
            "hold": msgspec.to_builtins(hold),
            "merged": is_merged(snapshot, done.source.record),
            "known": [repository.commit_at(each.record.commit) for each in commits],
            "evidence": store_of(settings, source).verified(model, done.source.name),
            "versions": [candidate, running, notes],
        }
    )


def ground(settings: Settings, model: str) -> str:
    """Return the digest of what any answer of a model goes by: this tool, its packages, and those of the model."""
    return digests.of_value([_tool(), _of_folder(settings.folder(model)), _lock(settings)])


@cache
def _tool() -> list[Any]:
    installed = sorted(f"{each.name}=={each.version}" for each in distributions())
    return [sys.version, installed, _of_folder(Path(SOURCE, "slipway"))]


def _of_folder(folder: Path) -> dict[str, str]:
    return {path: digests.of_file(file) for path, file in digests.walk(folder).items()}


def _lock(settings: Settings) -> str:
    path = settings.root / "requirements.lock"
    return digests.of_file(path) if path.is_file() else ""


def _settings(settings: Settings, model: str) -> Any:
    """Return all settings but those of other models."""
    of = msgspec.structs.asdict(settings) | {"root": "", "declared": {model: settings.model(model)}}
    return msgspec.to_builtins(of)


def _files(files: dict[str, bytes]) -> dict[str, str]:
    return {path: digests.of_bytes(content) for path, content in files.items()}


def _overlay(overlay: Overlay) -> list[Any]:
    """Return the content of an overlay, without authors and times: a verb that is run again writes others."""
    releases, route, hold, rejected = essence(overlay)
    told = [[record.decode(), digests.of_bytes(manifests)] for record, manifests in releases]
    return [told, {str(name): share for name, share in route.items()}, hold, sorted(map(str, rejected))]
