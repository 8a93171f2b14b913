"""Strict reading of bodies."""

import pytest

from slipway.serving.answers import Refusal
from slipway.serving.http import requests


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"a": 1,}', "line 1, column 9"),
        (b'{\n "a": }', "line 2, column 7"),
        (b"[1] 2", "Extra data at line 1, column 5 (character 4)"),
        (b"{'a': 1}", "line 1, column 2"),
        (b'{"a": "\x01"}', "control character"),
        (b'{"a": NaN}', "NaN is no number"),
        (b"[Infinity]", "Infinity is no number"),
        (b"[-Infinity]", "-Infinity is no number"),
        (b"[" + b"9" * 5000 + b"]", "thousands of digits"),
        (b'{"a": {"b": 1, "c": 2, "b": 3}}', "'b' stands twice"),
        (b'{"a": 1, "\\u0061": 2}', "'a' stands twice"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'["\xff"]', "byte 2 is 0xff"),
        ('{"ä": 1}'.encode("latin-1"), "not UTF-8"),
        ('{"a": 1}'.encode("utf-16-le"), "UTF-16-LE"),
        ('{"a": 1}'.encode("utf-32"), "UTF-32"),
        (b'{"\\ud800": 1}', "half of a surrogate pair"),
        (b'{"a": "\\udc00"}', "half of a surrogate pair"),
        (b'["\\uD800"]', "half of a surrogate pair"),
        (b'"\\ud800x"', "half of a surrogate pair"),
        (b"", "empty"),
    ],
)
def test_invalid_json_is_refused(body: bytes, message: str) -> None:
    """The refusal is 400, and says what is wrong and where."""
    with pytest.raises(Refusal) as refusal:
        requests.parse(body)
    assert refusal.value.status == 400
    assert message in refusal.value.message


def test_strict_json_is_read() -> None:
    """Numbers keep their kind, and escapes their meaning; a byte order mark is skipped."""
    assert requests.parse('\ufeff {"a": [1, 1.5, true, null, "\\ud83d\\ude00ß"]} '.encode()) == {
        "a": [1, 1.5, True, None, "😀ß"]
    }


def test_many_keys_are_checked_in_no_time() -> None:
    """A repeated key among very many is found without comparing all pairs."""
    names = [f'"{number}":0' for number in range(100_000)]
    with pytest.raises(Refusal, match="'99999' stands twice"):
        requests.parse(("{" + ",".join([*names, names[-1]]) + "}").encode())
