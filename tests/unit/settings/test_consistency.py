"""Schedules in the form of Argo's CronWorkflow."""

import pytest

from slipway.settings.consistency import schedule_objection


@pytest.mark.parametrize(
    "schedule",
    [
        *("0 3 * * 1", "* * * * *", "*/15 0-6,22 1,15 JAN-mar sun", "5/10 * ? * ?", "0 0 29 2 *"),
        *("0 0 31 1-12/2 *", "0 0 30 2 mon", "@daily", "@hourly", "@every 1h30m", "59 23 31 12 6"),
    ],
)
def test_a_schedule_is_five_fields_or_a_word(schedule):
    """Fields take numbers, lists, ranges, steps and names within their limits."""
    assert schedule_objection(schedule) == ""


@pytest.mark.parametrize(
    ("schedule", "says"),
    [
        ("", "is not five fields"),
        ("daily", "is not five fields"),
        ("0 3 * *", "is not five fields"),
        ("0 0 3 * * *", "is not five fields"),
        ("@sometimes", "is not five fields"),
        ("60 3 * * *", "has the minute '60': it goes from 0 to 59"),
        ("0 24 * * *", "has the hour '24': it goes from 0 to 23"),
        ("0 3 0 * *", "has the day of the month '0': it goes from 1 to 31"),
        ("0 3 * 13 *", "has the month '13': it goes from 1 to 12, or jan to dec"),
        ("0 3 * * 7", "has the day of the week '7': it goes from 0 to 6, or sun to sat"),
        ("0 3 * * mo", "has the day of the week 'mo'"),
        ("x 3 * * *", "has the minute 'x'"),
        ("-1 3 * * *", "has the minute '-1', which is no number, range or step"),
        ("5, 3 * * *", "has the minute '', which is no number, range or step"),
        ("1.5 3 * * *", "has the minute '1.5'"),
        ("*/0 3 * * *", "has the minute '*/0', which holds nothing"),
        ("30-10 3 * * *", "has the minute '30-10', which holds nothing"),
        ("*-5 3 * * *", "has the minute '*-5', which holds nothing"),
        ("0 3 31 2 *", "names a day that never comes: 31 of month 2"),
        ("0 3 31 4,jun *", "names a day that never comes: 31 of month 4,jun"),
        ("9" * 5000 + " 3 * * *", "has the minute"),
    ],
)
def test_what_is_no_schedule_is_told_field_by_field(schedule, says):
    """The message names the field. Without this check, only the cluster would refuse the schedule."""
    assert schedule_objection(schedule).startswith(says)
