"""Cases of one kind, of which each run of `make test` takes a few: the others take their turns among the long tests."""

from collections.abc import Iterable
from typing import Any

import pytest


def in_turns(cases: Iterable[Any], *, always: int = 2, seconds: int = 2) -> list[Any]:
    """Return the cases for `parametrize`; all but the first `always` are long tests of so many seconds."""
    found = [each if isinstance(each, tuple) else (each,) for each in cases]
    marked = [pytest.param(*each, marks=pytest.mark.long(seconds)) for each in found[always:]]
    return [*(pytest.param(*each) for each in found[:always]), *marked]
