"""Bodies that fit are read quickly, all others field by field: the answer never tells which way it was."""

import json
from random import Random
from typing import Any, ClassVar

import pytest

from slipway.artifacts import Golden, Loaded
from slipway.artifacts.manifest import Manifest
from slipway.model import Model
from slipway.schema import Field, Schema
from slipway.serving.answers import Answer
from slipway.serving.bundled import Identity
from slipway.serving.function import Function, Limits
from slipway.serving.http.requests import PREDICT, Request
from slipway.serving.log import refusal
from tests.fuzz.messages import Messages

NUMBERS = (
    Field(name="size", kind="number", minimum=0, maximum=1000),
    Field(name="weight", kind="number", minimum=-5.5),
    Field(name="any number", kind="number"),
)
KINDS = (
    Field(name="Größe (mm)", kind="number"),
    Field(name="count", kind="integer", minimum=-2.5, maximum=10),
    Field(name="id", kind="integer"),
    Field(name="grade", kind="integer", categories=(1, 2, 3)),
    Field(name="fragile", kind="boolean"),
    Field(name="class", kind="string", categories=("a", 'say "b"', "ü", "c\\d")),
    Field(name="note", kind="string"),
)
GAPS = (
    Field(name="x", kind="number", optional=True),
    Field(name="n", kind="integer", optional=True, minimum=0),
    Field(name="yes", kind="boolean", optional=True),
    Field(name="note", kind="string", optional=True),
    Field(name="kind", kind="string", categories=("a", "b"), optional=True),
    Field(name="by", kind="number", default=1.5),
    Field(name="who", kind="string", default="nobody"),
    Field(name="last", kind="number"),
)
# A number with categories has no quick way.
SLOW = (Field(name="rate", kind="number", categories=(0.5, 1.0)), Field(name="x", kind="number"))
SCHEMAS = {"numbers": NUMBERS, "kinds": KINDS, "gaps": GAPS, "slow": SLOW}

ROWS: dict[str, list[dict[str, Any]]] = {
    "numbers": [{"size": 2.5, "weight": -0.25, "any number": 1e300}, {"size": 0, "weight": 7, "any number": 3}],
    "kinds": [
        {"Größe (mm)": 1, "count": 3, "id": 7, "grade": 2, "fragile": True, "class": "ü", "note": "é\n😀"},
        {"Größe (mm)": 1.5, "count": -2, "id": -7, "grade": 1, "fragile": False, "class": "a", "note": ""},
    ],
    "gaps": [
        {"last": 1},
        {"x": None, "n": None, "yes": None, "note": None, "kind": None, "by": 2, "who": "me", "last": 1.5},
        {"x": 1.5, "n": 3, "yes": False, "note": "x", "kind": "b", "last": 2},
    ],
    "slow": [{"rate": 0.5, "x": 1}],
}

NUMERALS = (
    *(
        "-2",
        "-3",
        "10",
        "11",
        "0",
        "-0",
        "-0.0",
        "0.0",
        "5",
        "5.0",
        "5.5",
        "-5.5",
        "-5.500000000000001",
        "1e2",
        "1E+2",
        "1e-2",
        "10.0",
        "1e1",
    ),
    *("1e400", "-1e400", "1e-400", "5e-324", "2.4703282292062327e-324", "1.7976931348623157e308", "1.8e308"),
    *("9007199254740993", "9007199254740993.0", "9223372036854775807", "9223372036854775808", "-9223372036854775808"),
    *("-9223372036854775809", "18446744073709551615", "18446744073709551616", "1e19", "9223372036854775807.0"),
    *("1" * 30, "9" * 400, "9" * 5000, "0." + "3" * 900, "123456789." * 1 + "5" * 900, "1" + "0" * 300 + "e-300"),
    *("1000.0000000000001", "1000.00000000000001", "0.1e1", "1.", ".5", "01", "+1", "0x10", "--1", "1e", "NaN", "nan"),
    *("Infinity", "-Infinity", "true", "false", "null", '"5"', '"a"', '"b"', '"\\u0061"', "[]", "[1]", "{}", "1 2"),
    *(
        '"\\udc00"',
        '"\\ud83d\\u0041"',
        '"\\ud83dx"',
        '"\\ud800"',
        '"\\udc00\\ud800"',
        '"\\ud83d\\ude00"',
        '"\\u00e9"',
        '"é"',
        '"e\\u0301"',
        '"\\u0000"',
        '"\x7f"',
    ),
    *(
        '"a\tb"',
        '"\\"quoted\\""',
        '"ends with \\\\"',
        '"say \\"b\\""',
        '"c\\\\d"',
        '"\\x"',
        '"\\/"',
        '"',
        '"' + "x" * 9999 + '"',
    ),
)


class Told(Model):
    """It predicts what it was given, to the last bit."""

    output = str
    waits = False
    source_features: ClassVar[Any] = ["any"]

    def predict(self, rows: Any) -> Any:
        return [repr(row) for row in rows]


def function(name: str, *, quick: bool = True, missing: Any = "nan") -> Function:
    schema = Schema(fields=SCHEMAS[name], target=Field(name="told", kind="string"), truth=False)
    manifest = Manifest(format=1, entry="", parameters={}, tolerance=0, python="", parts={}, missing=missing)
    golden = Golden(rows=ROWS[name], predictions=["told"] * len(ROWS[name]))
    made = Function(Loaded(Told(), schema, golden, manifest), Identity("told/test/7", "v7"), Limits(1 << 20, 500))
    if not quick:
        made._decoder = None
    return made


def answered(function: Function, path: str, body: bytes) -> Answer:
    request = Request("POST", path, function.route(path), {}, id="1", body=body)
    try:
        return function.answer(request)
    except Exception as error:  # noqa: BLE001 - what a server answers then
        return function.refuse(refusal(error, request), request)


@pytest.fixture(scope="module", params=SCHEMAS)
def name(request: Any) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def both(name: str) -> tuple[Function, Function]:
    return function(name), function(name, quick=False)


def compare(both: tuple[Function, Function], bodies: list[bytes], path: str = PREDICT) -> set[int]:
    """Send each body both ways, and return the statuses."""
    statuses = set()
    for body in bodies:
        quick, slow = (answered(each, path, body) for each in both)
        assert quick == slow, body[:1000]
        statuses.add(quick.status)
    return statuses


def written(rows: list[dict[str, Any]]) -> list[bytes]:
    """Return right rows in the ways that callers write them."""
    lists = [json.dumps(rows), json.dumps(rows, ensure_ascii=False, indent=2), json.dumps(rows, separators=(",", ":"))]
    shuffled = [dict(reversed(row.items())) for row in rows]
    return [text.encode() for text in [*lists, json.dumps(shuffled), *map(json.dumps, rows), json.dumps(rows * 100)]]


def test_rows_that_fit_are_read_quickly(name: str, both: tuple[Function, Function]) -> None:
    """Else the comparison below would compare nothing; escaped quotes are left to the other way."""
    decoder = both[0]._decoder
    assert compare(both, written(ROWS[name])) == {200}
    if name == "slow":
        assert decoder is None
        return
    assert decoder is not None
    simple = [body for body in written(ROWS[name]) if b'\\"' not in body]
    assert simple
    assert [body for body in simple if decoder.read(body) is None] == []


def test_each_value_in_each_field_is_answered_alike(name: str, both: tuple[Function, Function]) -> None:
    """Numbers in every notation, texts with escapes, and values of other types: alone, and as one of two rows."""
    bodies = []
    for row in ROWS[name]:
        for field in SCHEMAS[name]:
            for numeral in NUMERALS:
                text = json.dumps({**row, field.name: "@"}).replace('"@"', numeral)
                bodies += [text.encode(), f"[{json.dumps(row)}, {text}]".encode()]
    assert compare(both, bodies) == {200, 400}


@pytest.mark.parametrize("missing", ["nan", "null"])
def test_keys_and_bodies_are_answered_alike(name: str, missing: str) -> None:
    """Keys that stand twice, are missing or unknown; other encodings, whitespace, depth, and what is no row."""
    both = function(name, missing=missing), function(name, quick=False, missing=missing)
    bodies: list[bytes] = [
        b"",
        b" ",
        b"[]",
        b" [ ] ",
        b"{}",
        b"[{}]",
        b"null",
        b"1",
        b'"a"',
        b"[[]]",
        b"[null]",
        b"[" * 900,
    ]
    bodies += [b"[" * 100_000, b'{"a":' * 5000, b"\0", b"[]\0", b"\x0b[]", b"[]]", b"[],", b"\xff", b"[\xff]"]
    for row in ROWS[name]:
        text = json.dumps(row)
        pairs = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in row.items()]
        for at, pair in enumerate(pairs):
            rest = pairs[:at] + pairs[at + 1 :]
            key, _, value = pair.partition(": ")
            for doubled in (pair, f"{key}: null", f'{key}: "x"', f'"\\u{ord(key[1]):04x}{key[2:]}: {value}'):
                bodies += [
                    f"{{{', '.join([*pairs, doubled])}}}".encode(),
                    f"{{{', '.join([doubled, *pairs])}}}".encode(),
                ]
                bodies.append(f"[{text}, {{{', '.join([*rest, doubled])}}}]".encode())
            bodies += [f"{{{', '.join(rest)}}}".encode(), f"[{{{', '.join(rest)}}}, {text}]".encode()]
        bodies += [text.encode(each) for each in ("utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1")]
        bodies += [f"\n\t \r{text} \n".encode(), f"\x0c{text}".encode(), f"{text}\u00a0".encode(), f"{text},".encode()]
        bodies += [f"[{text},]".encode(), f"[{text}{text}]".encode(), f"[{text}, 1]".encode(), f"[[{text}]]".encode()]
        bodies += [
            f'{{"x y z": {"[" * 2000}, {text[1:]}'.encode(),
            f'{{"": 1, {text[1:]}'.encode(),
            f"//\n{text}".encode(),
        ]
        bodies += [text.encode()[:-1], text.encode().replace(b'"', b"'"), json.dumps([row] * 501).encode()]
        bodies += [json.dumps(ROWS[name] * 150).encode(), text.encode().replace(b"e", b"\xe9", 1)]
    assert compare(both, bodies) == {200, 400, 413}


@pytest.mark.parametrize("path", [PREDICT, "/v2/models/told/infer"])
@pytest.mark.parametrize("count", [150, pytest.param(30_000, marks=pytest.mark.long(120))])
def test_what_the_fuzzer_sends_is_answered_alike(both: tuple[Function, Function], path: str, count: int) -> None:
    """Its right, spoilt and damaged bodies, whichever path they were made for."""
    document = json.loads(both[0].answer(Request("GET", "/openapi.json", "/openapi.json", {})).body)
    messages = Messages(document, Random(count))  # noqa: S311 - repeatable, no secret
    bodies = [messages.draw().content.partition(b"\r\n\r\n")[2] for _ in range(count)]
    assert {200, 400} <= compare(both, bodies, path)
