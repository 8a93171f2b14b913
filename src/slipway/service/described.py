"""What the service tells of runs and artifacts, as JSON holds it."""

from typing import TYPE_CHECKING, Any

from slipway.service.runs import Run

if TYPE_CHECKING:
    from slipway.store import Record, Store

__all__ = ["artifact", "newest", "run"]


def run(of: Run | None) -> dict[str, Any] | None:
    """A run; None where there is none."""
    return None if of is None else {**of._asdict(), "finished": of.finished, "is_over": of.is_over}


def artifact(record: "Record | None") -> dict[str, Any] | None:
    """A published version: what it is, what it was trained on and by, and how good it is."""
    if record is None:
        return None
    training, data = record.training, record.data
    return {
        "model_id": str(record.id),
        "version": record.version,
        "digest": record.artifact.digest,
        "files": {path: file.size for path, file in sorted(record.artifact.files.items())},
        "created": record.created,
        "run": training and training.run,
        "commit": training and training.commit,
        "parameters": training.parameters if training else {},
        "data": data and {"uri": data.uri, "sha256": data.sha256, "rows": data.rows},
        "metrics": dict(record.metrics),
    }


def newest(store: "Store", model: str) -> "Record | None":
    """The newest version; None while there is none."""
    versions = store.versions(model)
    return store.record(model, versions[-1]) if versions else None
