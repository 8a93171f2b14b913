"""The pytest plugin for tests of a model: the fixture `served_url`, the address of the model just trained."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from slipway.wrapped import stand_in

__all__ = ["served_url"]

_OPTION = "--served-url"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option for the URL, and let classes import `seldon_core` where it is not installed."""
    stand_in()
    parser.addoption(_OPTION, help="base URL of the served model; only the tests that use it are run")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With a URL, run only the tests that use it; the others have run before the training."""
    if config.getoption(_OPTION) is None:
        return
    asking = [item for item in items if served_url.__name__ in getattr(item, "fixturenames", ())]
    others: Sequence[pytest.Item] = [item for item in items if item not in asking]
    config.hook.pytest_deselected(items=others)
    items[:] = asking


@pytest.fixture(scope="session")
def served_url(request: pytest.FixtureRequest) -> str:
    """Return the base URL of the newly trained model; skip the test when no model is served."""
    url: str | None = request.config.getoption(_OPTION)
    if url is None:
        pytest.skip("no model is served: slipway train runs this test against the fresh one")
    return url
