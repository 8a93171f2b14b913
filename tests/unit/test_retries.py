"""Calls are repeated after pauses that double, as long as that makes sense."""

import pytest

from slipway import retries


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were waited; no time passes."""
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    return waited


def failing(times: int, calls: list[int]) -> str:
    calls.append(len(calls))
    if len(calls) <= times:
        raise ValueError(f"failure {len(calls)}")
    return "answer"


def test_it_answers_in_the_end(pauses: list[float]) -> None:
    """Each pause is twice the one before."""
    calls: list[int] = []
    assert retries.repeat(lambda: failing(3, calls), lambda _, factor: 0.5 * factor) == "answer"
    assert pauses == [0.5, 1.0, 2.0]


def test_the_fourth_failure_is_raised(pauses: list[float]) -> None:
    """No pause follows it."""
    calls: list[int] = []
    with pytest.raises(ValueError, match="failure 4"):
        retries.repeat(lambda: failing(9, calls), lambda _, factor: 1.0 * factor)
    assert len(calls) == 4 and len(pauses) == 3


def test_some_errors_are_not_tried_again(pauses: list[float]) -> None:
    """They are raised at once."""
    calls: list[int] = []
    with pytest.raises(ValueError, match="failure 1"):
        retries.repeat(lambda: failing(9, calls), lambda *_: None)
    assert len(calls) == 1 and pauses == []
