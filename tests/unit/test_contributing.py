"""CONTRIBUTING.md agrees with the tree."""

import re
from pathlib import Path

import pytest

from tests.unit.test_layers import ORDER

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
PATHS = sorted(set(re.findall(r"`([\w.-]+(?:/[\w.-]+)+)`", TEXT)))


def test_the_order_of_packages() -> None:
    """The order in the text is the order that `test_layers` enforces."""
    [line] = re.findall(r"`(errors → [^`]*)`", TEXT)
    assert tuple(line.split()[::2]) == ORDER


@pytest.mark.parametrize("path", PATHS)
def test_a_path_is_there(path: str) -> None:
    """Each path in a table exists, in the repository or in src/slipway."""
    assert (ROOT / path).exists() or (ROOT / "src/slipway" / path).exists()


@pytest.mark.parametrize(("path", "name"), re.findall(r"`(src/[\w/.]+\.py)` \(`(\w+)`\)", TEXT))
def test_a_named_function_is_there(path: str, name: str) -> None:
    """A function that a table names is defined in its file."""
    assert f"def {name}(" in (ROOT / path).read_text()


def test_it_is_short() -> None:
    """A newcomer reads it in a few minutes."""
    assert len(TEXT.splitlines()) <= 120
