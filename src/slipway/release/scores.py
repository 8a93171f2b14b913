"""A training's metrics as Prometheus metrics of its workflow: one gauge for each, with the metric as a label."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["GAUGE", "USUAL", "measured", "values"]

GAUGE = "slipway_training_score"
"""Argo's controller serves it as `argo_workflows_slipway_training_score{model, environment, metric}`."""

USUAL = ("accuracy", "balanced_accuracy", "f1_macro", "mae", "r2", "rmse")
"""What `slipway.training.metrics` measures, of classes and of quantities."""

# What Argo takes for the name of a parameter.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")


def measured(gates: Iterable[str]) -> list[str]:
    """The metrics that get a gauge: the usual ones, and those of the model's own that a gate names."""
    return sorted({*USUAL, *(name for name in gates if _NAME.fullmatch(name))})


def values(environment: str, model: str, names: Iterable[str]) -> dict[str, list[Mapping[str, Any]]]:
    """The parameters that the last step leaves, and the gauges that show them.

    A metric that a model does not have leaves nothing, and gets no gauge then.
    """
    return {
        "scores": [
            {"name": name, "valueFrom": {"path": f"/run/slipway/out/scores/{name}", "default": ""}} for name in names
        ],
        "gauges": [_gauge(environment, model, name) for name in names],
    }


def _gauge(environment: str, model: str, name: str) -> dict[str, Any]:
    value = f"{{{{outputs.parameters.{name}}}}}"
    labels = {"environment": environment, "metric": name, "model": model}
    return {
        "name": GAUGE,
        "help": "A metric of the version that was published last, on rows that it was not trained on",
        "labels": [{"key": key, "value": text} for key, text in labels.items()],
        "when": f"'{value}' != ''",
        "gauge": {"realtime": False, "value": value},
    }
