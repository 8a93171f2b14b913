"""Calls of functions over gRPC."""

from pathlib import Path
from typing import Any

import pytest

from slipway.artifacts import Golden
from slipway.errors import OutOfReach, SlipwayError
from slipway.images import clients, running, verification
from tests.unit.serving import tiny

TOLD = '{"price": price, "by": {"kg": price / 2, "why": str(price)}, "range": [price, 9], "parts": [["a"], None]}'


@pytest.mark.parametrize(
    ("code", "predictions"),
    [
        (tiny.CODE, tiny.PREDICTIONS),
        (
            tiny.CODE.replace("return prices", f"return [{TOLD} for price in prices]"),
            [
                {
                    "price": price,
                    "by": {"kg": price / 2, "why": str(price)},
                    "range": [price, 9],
                    "parts": [["a"], None],
                }
                for price in tiny.PREDICTIONS
            ],
        ),
    ],
    ids=["numbers", "dicts"],
)
def test_golden_predictions_are_reproduced_over_grpc(tmp_path: Path, code: str, predictions: list[Any]) -> None:
    """Predictions of any form come back as they were saved. The error for another one names row and key."""
    made = tiny.bundled(tmp_path, code=code, predictions=predictions)
    env = {"SLIPWAY_PROTOCOL": "grpc", "MODEL_ID": "tiny/test/7", "RELEASE": "v7-1a2b3c4d"}
    with running.start(made.folder, env=env) as function:
        called = clients.describe(function.url)
        assert (called.model_id, called.release, called.fingerprint) == ("tiny/test/7", "v7-1a2b3c4d", made.fingerprint)
        golden = Golden(rows=tiny.ROWS, predictions=predictions)
        found = clients.reproduce(function.url, golden)
        assert found == predictions
        assert verification.golden_difference(function.url, golden, found, 1e-6) == 0
        other = Golden(rows=[tiny.ROWS[1], tiny.ROWS[0]], predictions=predictions)
        with pytest.raises(SlipwayError, match=r"row 0.*off by 4") as caught:
            verification.golden_difference(function.url, other, clients.reproduce(function.url, other), 1e-6)
        assert "does not reproduce its golden predictions" in caught.value.problem
    with pytest.raises(OutOfReach, match="cannot be asked: UNAVAILABLE"):
        clients.describe(function.url)


def test_grpc_address_without_a_host_is_refused() -> None:
    with pytest.raises(SlipwayError, match="is not the address of a function"):
        clients.describe("grpc://")
