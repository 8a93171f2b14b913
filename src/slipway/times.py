"""Times: read in the forms that people write, and written in UTC for records."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time

from slipway.errors import SlipwayError

_TIME = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?")


def parse(text: str) -> datetime:
    """Read RFC 3339, `2026-11-21 10:00` (the time zone is this machine's), or a date, which stands for its end.

    Raise `SlipwayError` for anything else.
    """
    try:
        if not _TIME.fullmatch(text):
            raise ValueError("not one of the forms")
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise SlipwayError(
            f"{text!r} is not a time ({error})", fix="write 2026-11-21, '2026-11-21 10:00' or 2026-11-21T10:00:00Z"
        ) from error
    if len(text) == len("2026-11-21"):
        moment = datetime.combine(moment.date(), time(23, 59, 59))
    return moment if moment.tzinfo else moment.astimezone()


def format(moment: datetime) -> str:  # noqa: A001 - the other half of `parse`
    """Return the moment in UTC, RFC 3339, seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
