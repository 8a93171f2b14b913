"""The pytest plugin for a model's tests: `served_url`, where the fresh model answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["served_url"]

_OPTION = "--served-url"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the URL on the command line, and then run only the tests that ask for it."""
    parser.addoption(_OPTION, help="base URL of the served model; only the tests that use it are run")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With a URL, leave out the tests that do not ask for it: they were run before the training."""
    if config.getoption(_OPTION) is None:
        return
    asking = [item for item in items if served_url.__name__ in getattr(item, "fixturenames", ())]
    others: Sequence[pytest.Item] = [item for item in items if item not in asking]
    config.hook.pytest_deselected(items=others)
    items[:] = asking


@pytest.fixture(scope="session")
def served_url(request: pytest.FixtureRequest) -> str:
    """The base URL of the model that was just trained; a test that asks for it is skipped when none is served."""
    url: str | None = request.config.getoption(_OPTION)
    if url is None:
        pytest.skip("no model is served: slipway train runs this test against the fresh one")
    return url
