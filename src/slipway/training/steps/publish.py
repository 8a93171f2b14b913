"""Step `publish`: store the artifact, its record and its reports as the next version."""

from __future__ import annotations

import os
import platform
from typing import Any

from slipway import digests
from slipway.models.discovery import run_name
from slipway.store import Record, Store, store_of
from slipway.store.records import Data, Training, run_url
from slipway.training.task import Workspace


def run(workspace: Workspace) -> str:
    """Publish the next version of the model in its environment, and write its record as `version.json`."""
    task, folder = workspace.task, workspace.folder
    store = store_of(workspace.settings, task.environment)
    record = _published(workspace, store) or store.publish(
        task.model, folder / "artifact", record=_record(workspace), attachments=_attachments(workspace)
    )
    workspace.write("version.json", record)
    return f"published {record.id}, {record.artifact.digest[:8]}"


def _record(workspace: Workspace) -> dict[str, Any]:
    task, measured = workspace.task, workspace.read("metrics.json")
    data, rows, fit = (workspace.read(name) for name in ("data.json", "rows.json", "fit.json"))
    return {
        "training": Training(
            digest=task.training_digest,
            commit=task.commit.sha or None,
            branch=task.commit.branch or None,
            dirty=task.commit.dirty,
            python=platform.python_version(),
            run=run_url() or None,
            parameters=task.parameters,
            machine=fit["machine"],
            second_fit=fit["second_fit"],
        ),
        "data": Data(uri=data["uri"], sha256=data["sha256"], **rows),
        "conversion": workspace.read("conversion.json"),
        "image": workspace.model.image,
        "metrics": measured["metrics"],
        "gates": measured["gates"],
        "metadata": task.metadata,
    }


def _attachments(workspace: Workspace) -> dict[str, Any]:
    """Return the reports, the data, and the estimators as they were before they were converted."""
    folder, data = workspace.folder, workspace.read("data.json")["file"]
    originals = [f"originals/{name}" for name in digests.walk(folder / "originals")]
    names = ["junit.xml", "coverage.json", data, *originals]
    return {name: folder / name for name in names if (folder / name).is_file()}


def _published(workspace: Workspace, store: Store) -> Record | None:
    """Return the version that this very run has published already: a pod that is lost after that is started again.

    A run that a push declared stays the same run while it is declared. When its Workflow is lost, it is made anew and
    trains again, perhaps to other files.
    """
    name, data = run_url(), workspace.read("data.json")["sha256"]
    if not name:
        return None
    is_declared = name == run_name(workspace.task.model, workspace.task.training_digest)
    declared = os.environ.get("SLIPWAY_DECLARED", "") if is_declared else ""
    files = digests.walk(workspace.folder / "artifact")
    artifact = digests.of_files({path: digests.of_file(file) for path, file in files.items()})
    for version in reversed(store.versions(workspace.task.model)):
        record = store.record(workspace.task.model, version)
        if record.created < (declared or workspace.task.started):
            return None
        same = record.training and record.data and (record.training.run, record.data.sha256) == (name, data)
        if same and (declared or record.artifact.digest == artifact):
            return record
    return None
