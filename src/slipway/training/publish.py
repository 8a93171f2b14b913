"""Step `publish`: the artifact, its record and its reports become the next version."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING

from slipway import digests
from slipway.models.training_digest import run_name
from slipway.store import store_of
from slipway.store.records import Data, Training, run_url

if TYPE_CHECKING:
    from slipway.store import Record, Store
    from slipway.training.run import Run

__all__ = ["run"]


def run(run: Run) -> str:
    """Publish the run as the next version of its model in its environment; leave the record as `version.json`."""
    about, data, rows, measured = run.about, run.read("data.json"), run.read("rows.json"), run.read("metrics.json")
    store = store_of(run.settings, about.environment)
    record = _published(run, store) or store.publish(
        about.model,
        run.folder / "artifact",
        record={
            "training": Training(
                digest=about.training_digest,
                commit=about.commit.sha or None,
                branch=about.commit.branch or None,
                dirty=about.commit.dirty,
                python=platform.python_version(),
                run=run_url() or None,
                parameters=about.parameters,
            ),
            "data": Data(
                uri=data["uri"],
                sha256=data["sha256"],
                rows=rows["rows"],
                held_out=rows["held_out"],
                share=run.model.held_out,
            ),
            "conversion": run.read("conversion.json"),
            "image": run.model.image,
            "metrics": measured["metrics"],
            "gates": measured["gates"],
            "metadata": about.metadata,
        },
        attachments={
            name: run.folder / name
            for name in ("junit.xml", "coverage.json", data["file"], *_originals(run))
            if (run.folder / name).is_file()
        },
    )
    run.write("version.json", record)
    return f"published {record.id}, {record.artifact.digest[:8]}"


def _originals(run: Run) -> list[str]:
    """The estimators as they were before they were converted."""
    return [f"originals/{name}" for name in digests.walk(run.folder / "originals")]


def _published(run: Run, store: Store) -> Record | None:
    """What this very run has published already: a pod that is lost after that is started again.

    The run that a push declared is the same one as long as it is declared: its Workflow, where it was lost, is made
    anew and trains again, and may not come to the same files.
    """
    name, data = run_url(), run.read("data.json")["sha256"]
    if not name:
        return None
    declared = _declared(run, name)
    artifact = "" if declared else _digest(run)
    for version in reversed(store.versions(run.about.model)):
        record = store.record(run.about.model, version)
        if record.created < (declared or run.about.started):
            return None
        same = record.training and record.data and (record.training.run, record.data.sha256) == (name, data)
        if same and (declared or record.artifact.digest == artifact):
            return record
    return None


def _declared(run: Run, name: str) -> str:
    """Since when this run is declared; "" where it is none that was, which would bear the training digest's name."""
    is_it = name == run_name(run.about.model, run.about.training_digest)
    return os.environ.get("SLIPWAY_DECLARED", "") if is_it else ""


def _digest(run: Run) -> str:
    return digests.of_files(
        {path: digests.of_file(file) for path, file in digests.walk(run.folder / "artifact").items()}
    )
