"""Step `publish`: the artifact, its record and its reports become the next version."""

import platform
from typing import TYPE_CHECKING

from slipway.store import store_of
from slipway.store.records import Data, Training

if TYPE_CHECKING:
    from slipway.training.run import Run

__all__ = ["run"]


def run(run: "Run") -> str:
    """Publish the run as the next version of its model in its environment; leave the record as `version.json`."""
    about, data, rows, measured = run.about, run.read("data.json"), run.read("rows.json"), run.read("metrics.json")
    store = store_of(run.settings, about.environment)
    record = store.publish(
        about.model,
        run.folder / "artifact",
        record={
            "training": Training(
                digest=about.training_digest,
                commit=about.commit.sha or None,
                branch=about.commit.branch or None,
                dirty=about.commit.dirty,
                python=platform.python_version(),
                parameters=about.parameters,
            ),
            "data": Data(uri=data["uri"], sha256=data["sha256"], rows=rows["rows"], held_out=rows["held_out"]),
            "metrics": measured["metrics"],
            "gates": measured["gates"],
            "metadata": about.metadata,
        },
        attachments={
            "junit.xml": run.folder / "junit.xml",
            "coverage.json": run.folder / "coverage.json",
            data["file"]: run.folder / data["file"],
        },
    )
    run.write("version.json", record)
    return f"published {record.id}, {record.artifact.digest[:8]}"
