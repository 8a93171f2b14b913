"""Times are read in the forms that people write."""

import time
from collections.abc import Iterator

import pytest

from slipway import times
from slipway.errors import SlipwayError


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the local time zone to UTC+2."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC-2")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-21T10:00:00Z", "2026-11-21T10:00:00Z"),
        ("2026-11-21T10:00:00.5+01:00", "2026-11-21T09:00:00Z"),
        ("2026-11-21 10:00", "2026-11-21T08:00:00Z"),
        ("2026-11-21 10:00:30", "2026-11-21T08:00:30Z"),
        ("2026-11-21", "2026-11-21T21:59:59Z"),
    ],
)
def test_parse(text: str, moment: str) -> None:
    """RFC 3339 keeps its zone. Without a zone, the time is local. A date means its end."""
    assert times.format(times.parse(text)) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2026-11-21T", "20261121", "2026-11-21 10", "10:00"])
def test_garbage(text: str) -> None:
    """Other texts are refused, and the message lists the known forms."""
    with pytest.raises(SlipwayError, match="is not a time") as caught:
        times.parse(text)
    assert "2026-11-21" in caught.value.fix
