"""Cron schedules in the form of Argo's CronWorkflow: five fields, or a word like `@daily`."""

from __future__ import annotations

import re

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# The name, the lowest and the highest number, and the words for the numbers.
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 6, _DAYS),  # Argo does not take 7 for Sunday
)
_WORDS = frozenset({"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"})
_EVERY = re.compile(r"@every ([0-9]+(\.[0-9]+)?[smh])+")
_PART = re.compile(r"(?P<first>\*|\?|\w+)(-(?P<last>\w+))?(/(?P<step>[0-9]{1,4}))?")
_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def objection(schedule: str) -> str:
    """Return the mistake in a schedule; '' if there is none."""
    if schedule in _WORDS or _EVERY.fullmatch(schedule):
        return ""
    texts = schedule.split()
    if len(texts) != len(_FIELDS):
        return "is not five fields as cron writes them (minute, hour, day, month, day of the week), like '0 3 * * 1'"
    try:
        _, _, days, months, weekdays = (_values(text, *field) for text, field in zip(texts, _FIELDS, strict=True))
    except ValueError as error:
        return str(error)
    any_weekday = len(weekdays) == len(_DAYS)
    if any_weekday and min(days) > max(_LENGTHS[month - 1] for month in months):
        return f"names a day that never comes: {texts[2]} of month {texts[3]}"
    return ""


def _values(text: str, name: str, lowest: int, highest: int, words: tuple[str, ...]) -> set[int]:
    """Return the numbers of one field; raise `ValueError` with the mistake."""
    found: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"has the {name} {part!r}, which is no number, range or step")
        step = int(match["step"] or 1)
        if match["first"] in "*?":
            first, last = lowest, highest
        else:
            first = _number(match["first"], name, lowest, highest, words)
            last = _number(match["last"], name, lowest, highest, words) if match["last"] else first
            # 5/15 means from 5 to the end.
            last = highest if match["step"] and not match["last"] else last
        if first > last or step < 1 or (match["first"] in "*?" and match["last"]):
            raise ValueError(f"has the {name} {part!r}, which holds nothing")
        found.update(range(first, last + 1, step))
    return found


def _number(text: str, name: str, lowest: int, highest: int, words: tuple[str, ...]) -> int:
    if text.lower() in words:
        return words.index(text.lower()) + lowest
    if not re.fullmatch("[0-9]{1,4}", text) or not lowest <= int(text) <= highest:
        known = f", or {words[0]} to {words[-1]}" if words else ""
        raise ValueError(f"has the {name} {text!r}: it goes from {lowest} to {highest}{known}")
    return int(text)
