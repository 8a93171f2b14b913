"""The gates: what a metric has to be for a version to be published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from slipway.errors import SlipwayError
from slipway.names import nearest
from slipway.training.metrics import worse_by

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slipway.settings import Gate

__all__ = ["Verdict", "compare", "judge"]


class Verdict(Struct, frozen=True, kw_only=True):
    """What one rule of one gate says of a metric; `missed_by` is 0 where it passed."""

    metric: str
    value: float
    rule: str
    missed_by: float

    def __str__(self) -> str:
        missed = f" (missed by {self.missed_by:.4g})" if self.missed_by else ""
        return f"{self.metric} {self.value:.4g}, {self.rule}{missed}"


def compare(gates: Mapping[str, Gate]) -> bool:
    """Whether any of the gates compares with the deployed version."""
    return any(gate.worse_by is not None for gate in gates.values())


def judge(
    gates: Mapping[str, Gate], metrics: Mapping[str, float], deployed: Mapping[str, float] | None
) -> list[Verdict]:
    """What every rule says; `deployed` holds the metrics of the deployed version, if there is one.

    Raises `SlipwayError` when a gate names a metric that was not measured.
    """
    verdicts = []
    for metric, gate in sorted(gates.items()):
        if metric not in metrics:
            raise SlipwayError(f"the gate {metric!r} has no such metric to judge", fix=nearest(metric, metrics))
        value = metrics[metric]
        rules = []
        if gate.min is not None:
            rules.append((f"at least {gate.min:g}", gate.min - value))
        if gate.max is not None:
            rules.append((f"at most {gate.max:g}", value - gate.max))
        if gate.worse_by is not None and deployed is not None and metric in deployed:
            worse = worse_by(metric, value, deployed[metric])
            rules.append(
                (f"at most {gate.worse_by:g} worse than the deployed {deployed[metric]:.4g}", worse - gate.worse_by)
            )
        verdicts += [
            Verdict(metric=metric, value=value, rule=rule, missed_by=max(0.0, missed) if missed > _ROUNDING else 0.0)
            for rule, missed in rules
        ]
    return verdicts


# 0.95 - 0.93 is a little more than 0.02.
_ROUNDING = 1e-12
