"""Bodies that fit are read quickly, all others field by field: the answer never tells which way it was."""

import json
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, ClassVar

import pytest

from slipway.artifacts import Golden, Loaded
from slipway.artifacts.manifest import Manifest
from slipway.model import Model
from slipway.schema import Columns, Field, Schema
from slipway.serving.answers import Answer
from slipway.serving.bundled import Identity
from slipway.serving.function import Function, Limits
from slipway.serving.http.requests import PREDICT, Request
from slipway.serving.log import refusal
from slipway.serving.oip import rest
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
DATES = (
    Field(name="day", kind="date"),
    Field(name="at", kind="datetime", optional=True),
    Field(name="seen", kind="instant"),
    Field(name="until", kind="date", default="2026-12-31"),
    Field(name="n", kind="integer", default=1),
)
LISTS = (
    Field(name="at", kind="array", length=2, minimum=-180, maximum=180),
    Field(name="maybe", kind="array", length=1, optional=True),
    Field(name="by", kind="array", length=3),
    Field(name="name", kind="string", optional=True),
)
SCHEMAS = {"numbers": NUMBERS, "kinds": KINDS, "gaps": GAPS, "slow": SLOW, "dates": DATES, "lists": LISTS}

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
    "lists": [
        {"at": [1, -2.5], "maybe": [1e300], "by": [0, 0, 0], "name": "x"},
        {"at": [180, -180.0], "maybe": None, "by": [1.5, 2.5, 3.5]},
        {"at": [0.5, -0.0], "by": [1e-400, 2, 3]},
    ],
    "dates": [
        {"day": "2026-01-31", "at": "2026-01-31T10:00", "seen": "2026-01-31T10:00:00.5+02:00", "until": "2024-02-29"},
        {"day": "0001-01-01", "at": None, "seen": "9999-12-31t23:59:59.999999z"},
        {"day": "9999-12-31", "seen": "2026-01-31 10:00-00:00", "n": 3},
    ],
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
        "[1, 2]",
        "[1.5, 180.00000000000003]",
        "[1, 181]",
        "[1, null]",
        '[1, "2"]',
        "[1, true]",
        "[1, 1e400]",
        "[1, NaN]",
        "[1, 2, 3]",
        "[[1, 2]]",
        "[1, [2]]",
        "[1,]",
        "[1e0, 1E2]",
        '"2026-02-30"',
        '"2026\\u002d02-28"',
        '"2026-02-28 "',
        '"\uff12026-02-28"',
        '"20260228"',
        '"2026-02-28T24:00"',
        '"2026-02-28T10:00:60Z"',
        '"2026-02-28T10:00:00.1234567Z"',
        '"0001-01-01T00:00+00:01"',
        '"9999-12-31T23:59-00:01"',
        '"2026-02-28T10:00+24:00"',
        '"2026-02-28T10:00:00.123456"',
        '"2026-W05"',
        '"say \\"b\\""',
        '"c\\\\d"',
        '"\\x"',
        '"\\/"',
        '"',
        '"' + "x" * 9999 + '"',
    ),
)


INFER = "/v2/models/told/infer"
DATATYPES = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "array": "FP64"}


class Told(Model):
    """It predicts what it was given, to the last bit."""

    output = str
    waits = False
    source_features: ClassVar[Any] = ["any"]

    def predict(self, rows: Any) -> Any:
        return [repr(row) for row in rows]


def function(name: str, *, missing: Any = "nan") -> Function:
    schema = Schema(fields=SCHEMAS[name], target=Field(name="told", kind="string"), truth=False)
    manifest = Manifest(format=1, entry="", parameters={}, tolerance=0, python="", parts={}, missing=missing)
    golden = Golden(rows=ROWS[name], predictions=["told"] * len(ROWS[name]))
    return Function(Loaded(Told(), schema, golden, manifest), Identity("told/test/7", "v7"), Limits(1 << 20, 500))


@contextmanager
def slowly(function: Function) -> Iterator[None]:
    """Let a function read everything field by field."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(function, "_decoder", None)
        patch.setattr(rest, "_quickly", lambda _: None)
        patch.setattr(Columns, "fitting", lambda *_: None)
        yield


def answered(function: Function, path: str, body: bytes, header: str = "") -> Answer:
    headers = {rest.HEADER: header} if header else {}
    request = Request("POST", path, function.route(path), headers, id="1", body=body)
    try:
        return function.answer(request)
    except Exception as error:  # noqa: BLE001 - what a server answers then
        return function.refuse(refusal(error, request), request)


@pytest.fixture(scope="module", params=SCHEMAS)
def name(request: Any) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def told(name: str) -> Function:
    return function(name)


def compare(told: Function, bodies: list[bytes], path: str = PREDICT, header: str = "") -> set[int]:
    """Send each body both ways, and return the statuses."""
    quick = [answered(told, path, body, header) for body in bodies]
    with slowly(told):
        for body, found in zip(bodies, quick, strict=True):
            assert found == answered(told, path, body, header), body[:1000]
    return {answer.status for answer in quick}


def written(rows: list[dict[str, Any]]) -> list[bytes]:
    """Return right rows in the ways that callers write them."""
    lists = [json.dumps(rows), json.dumps(rows, ensure_ascii=False, indent=2), json.dumps(rows, separators=(",", ":"))]
    shuffled = [dict(reversed(row.items())) for row in rows]
    return [text.encode() for text in [*lists, json.dumps(shuffled), *map(json.dumps, rows), json.dumps(rows * 100)]]


def test_rows_that_fit_are_read_quickly(name: str, told: Function) -> None:
    """Else the comparison below would compare nothing; escaped quotes are left to the other way."""
    decoder = told._decoder
    assert compare(told, written(ROWS[name])) == {200}
    if name == "slow":
        assert decoder is None
        return
    assert decoder is not None
    simple = [body for body in written(ROWS[name]) if b'\\"' not in body]
    assert simple
    assert [body for body in simple if decoder.read(body) is None] == []


def test_each_value_in_each_field_is_answered_alike(name: str, told: Function) -> None:
    """Numbers in every notation, texts with escapes, and values of other types: alone, and as one of two rows."""
    bodies = []
    for row in ROWS[name]:
        for field in SCHEMAS[name]:
            for numeral in NUMERALS:
                text = json.dumps({**row, field.name: "@"}).replace('"@"', numeral)
                bodies += [text.encode(), f"[{json.dumps(row)}, {text}]".encode()]
    assert compare(told, bodies) == {200, 400}


@pytest.mark.parametrize("missing", ["nan", "null"])
def test_keys_and_bodies_are_answered_alike(name: str, missing: str) -> None:
    """Keys that stand twice, are missing or unknown; other encodings, whitespace, depth, and what is no row."""
    told = function(name, missing=missing)
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
    assert compare(told, bodies) == {200, 400, 413}


def test_the_event_loop_reads_long_bodies_only_where_they_fit(name: str) -> None:
    """Rows that do not fit take many times as long; they are answered alike in a thread."""
    told = function(name)
    told._brief = told._brief._replace(slow=10, quick=5000)
    fits, unfit = json.dumps(ROWS[name]).encode(), json.dumps([{**ROWS[name][0], "x y z": 1}]).encode()
    asked = [Request("POST", PREDICT, PREDICT, {}, body=body) for body in (fits, unfit, b"[]", b" " * 5000 + fits)]
    quick = name != "slow"
    assert [told.is_brief(request) for request in asked] == [quick, False, True, False]
    assert (asked[0].rows is not None) == quick
    assert told.answer(asked[0]).body == told.answer(Request("POST", PREDICT, PREDICT, {}, body=fits)).body
    assert not told.is_brief(Request("POST", INFER, told.route(INFER), {}, body=fits))


@pytest.mark.parametrize(
    ("take", "calls", "is_brief"),
    [
        (lambda call: time.sleep(0.06 if call == 1 else 0), 20, True),
        (lambda _: time.sleep(0.06), 20, False),
        (lambda _: busy(0.03), 4, False),
    ],
)
def test_a_start_finds_out_what_is_brief(
    take: Callable[[int], None], calls: int, is_brief: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One answer that waits for a CPU makes no model slow, and a model that computes long is tried less."""
    asked = []
    monkeypatch.setattr(Told, "predict", lambda _, rows: asked.append(take(len(asked) + 1)) or list(map(repr, rows)))
    told = function("numbers")
    assert len(asked) <= calls
    assert [length > 0 for length in told._brief] == [is_brief] * 2


def busy(seconds: float) -> None:
    """Compute for so many seconds of CPU time."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


@pytest.mark.parametrize("path", [PREDICT, INFER])
@pytest.mark.parametrize("count", [150, pytest.param(30_000, marks=pytest.mark.long(120))])
def test_what_the_fuzzer_sends_is_answered_alike(told: Function, path: str, count: int) -> None:
    """Its right, spoilt and damaged bodies, whichever path they were made for."""
    document = json.loads(told.answer(Request("GET", "/openapi.json", "/openapi.json", {})).body)
    messages = Messages(document, Random(count))  # noqa: S311 - repeatable, no secret
    bodies = [messages.draw().content.partition(b"\r\n\r\n")[2] for _ in range(count)]
    assert {200, 400} <= compare(told, bodies, path)


def tensors(name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the rows as tensors; a field that no row has is left out."""
    inputs = []
    for field in SCHEMAS[name]:
        values = [row.get(field.name, field.default) for row in rows]
        shape = [len(rows), field.length] if field.length else [len(rows)]
        if field.length:  # no tensor has a gap as wide as a list
            values = [[None] * field.length if value is None else value for value in values]
        if values != [None] * len(rows):
            inputs.append(
                {
                    "name": field.name,
                    "shape": shape,
                    "datatype": DATATYPES.get(field.kind, "BYTES"),
                    "data": values,
                }
            )
    return {"inputs": inputs}


@pytest.mark.parametrize("missing", ["nan", "null"])
def test_each_value_in_each_tensor_is_answered_alike(name: str, missing: str) -> None:
    """Numbers in every notation, texts, gaps, and values of other types; also as other datatypes."""
    told, bodies = function(name, missing=missing), []
    whole = tensors(name, ROWS[name])
    for at, each in enumerate(whole["inputs"]):
        for datatype in {each["datatype"], "FP64", "FP32", "INT64", "INT8", "UINT64", "BOOL"}:
            changed = {**each, "datatype": datatype, "data": [*each["data"][1:], "@"]}
            given = {"inputs": [*whole["inputs"][:at], changed, *whole["inputs"][at + 1 :]]}
            numerals = NUMERALS if datatype == each["datatype"] else NUMERALS[::5]
            bodies += [json.dumps(given).replace('"@"', numeral).encode() for numeral in numerals]
    assert 400 in compare(told, [*bodies, json.dumps(whole).encode()], INFER)


def test_requests_for_inference_are_answered_alike(name: str, told: Function) -> None:
    """With ids, parameters, outputs, unknown keys and keys that stand twice, shapes that fit and others."""
    whole = tensors(name, ROWS[name])
    text = json.dumps(whole)
    more = (
        '"id": "a"',
        '"id": null',
        '"id": "\\""',
        '"outputs": []',
        '"outputs": [{"name": "told"}]',
        '"x": [1]',
        '"x": {}',
    )
    more += (
        '"parameters": {}',
        '"parameters": {"a": 1, "a": 2}',
        '"parameters": null',
        '"outputs": null',
        '"inputs": []',
    )
    more += (
        '"outputs": [{"name": "told", "name": "told"}]',
        '"outputs": [{"name": "told", "x": NaN}]',
        '"x": "\\ud800"',
    )
    more += ('"outputs": [{"name": "other"}]', '"id": 5', f'"inputs": {json.dumps(whole["inputs"])}', '"x": 1e400')
    bodies = [f"{{{each}, {text[1:]}".encode() for each in more] + [f"{text[:-1]}, {each}}}".encode() for each in more]
    for key in ('"name": "x"', '"shape": [2]', '"datatype": "FP64"', '"data": [1]', '"parameters": {}', '"data": null'):
        bodies += [text.replace("}]}", f", {key}}}]}}").encode(), text.replace('[{"', f'[{{{key}, "', 1).encode()]
    count = len(ROWS[name])
    for shape in ("[1]", "[true]", f"[{count}, 1]", f"[{count}.0]", "[]", f"[1, {count}]", f"[{2**64}]", "null"):
        bodies.append(text.replace(f"[{count}]", shape).encode())
    bodies += [text.encode(each) for each in ("utf-8", "utf-8-sig", "utf-16")]
    assert {200, 400} <= compare(told, bodies, INFER)


def test_numbers_in_one_tensor_are_answered_alike() -> None:
    """All fields stand in one matrix: in JSON, nested and flat, and in bytes."""
    told = function("numbers")
    rows = [[2.5, -0.25, 1e300], [0.0, 7.0, -0.0]]
    flat = [value for row in rows for value in row]
    of = {"name": "all", "datatype": "FP64", "shape": [2, 3]}
    some = (rows, flat, [[1, 2, 3]] * 2, [[1, 2], [3, 4, 5, 6]], [*flat[:5], None], [*flat[:5], True], [rows])
    bodies = [json.dumps({"inputs": [{**of, "data": data}]}).encode() for data in some]
    assert compare(told, bodies, INFER) == {200, 400}
    head = json.dumps({"inputs": [{**of, "parameters": {"binary_data_size": 48}}]}).encode()
    for values in (flat, [*flat[:5], float("nan")], [*flat[:5], float("inf")], [-1.0, *flat[1:]]):
        body = head + struct.pack("<6d", *values)
        assert compare(told, [body], INFER, str(len(head))) == ({200} if values is flat else {400})


def test_tensors_that_fit_become_columns_at_once(name: str, told: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the comparisons above would compare nothing."""
    found = []
    quickly, fitting = rest._quickly, Columns.fitting
    monkeypatch.setattr(rest, "_quickly", lambda text: found.append(quickly(text)) or found[-1])
    monkeypatch.setattr(Columns, "fitting", lambda *given: found.append(fitting(*given)) or found[-1])
    whole = {**tensors(name, ROWS[name]), "id": "a", "outputs": [{"name": "told"}]}
    assert answered(told, INFER, json.dumps(whole).encode()).status == 200
    if name != "slow":
        assert isinstance(found[-1], Columns)
    assert (found[0] is not None) == (name in ("numbers", "slow"))
