"""The documentation of a function: the document for programs, and the page for people."""

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from slipway.images import running
from slipway.images.bundle import Bundle
from slipway.schema import Field
from slipway.serving.access import FOLDER, KIND
from slipway.serving.http import docs
from tests.unit.serving import tiny
from tests.unit.serving.conftest import Server


def test_document_has_the_schema_and_examples(server: Server) -> None:
    """It has the fields with their limits, and the function answers its examples."""
    document = server.ask("GET", "/openapi.json").json
    weight = document["components"]["schemas"]["Row"]["properties"]["weight"]
    assert (weight["type"], weight["minimum"], weight["maximum"], weight["description"]) == (
        "number",
        0,
        1000,
        "of all (kg)",
    )
    post = document["paths"]["/predict"]["post"]
    asked = post["requestBody"]["content"]["application/json"]["examples"]
    told = post["responses"]["200"]["content"]["application/json"]["examples"]
    for name in ("row", "rows"):
        answer = server.ask("POST", "/predict", json.dumps(asked[name]["value"]).encode())
        assert answer.json == told[name]["value"]
    infer = document["paths"]["/v2/models/{model}/infer"]["post"]
    example = infer["requestBody"]["content"]["application/json"]["examples"]["row"]["value"]
    answer = server.ask("POST", "/v2/models/tiny/infer", json.dumps(example).encode())
    assert answer.json["outputs"][0]["data"] == [4.0]


def test_document_has_every_path(server: Server) -> None:
    """The document describes the paths that 404 lists."""
    document = server.ask("GET", "/openapi.json").json
    message = server.ask("GET", "/nothing").json["error"]["message"]
    assert message == f"there is no such path; there are {', '.join(sorted_as_told(document['paths'], message))}"


def test_each_operation_has_a_name_of_its_own(server: Server) -> None:
    """Generators name the functions of a client by them."""
    paths = server.ask("GET", "/openapi.json").json["paths"]
    names = [operation.get("operationId") for methods in paths.values() for operation in methods.values()]
    assert all(names) and len(set(names)) == len(names)


def test_document_is_right_behind_a_proxy_that_strips_a_path(server: Server) -> None:
    """A generated client calls the address that the document came from."""
    [found] = server.ask("GET", "/openapi.json").json["servers"]
    for base in ("https://example.org/m/iris", "http://127.0.0.1:8080"):
        assert urljoin(f"{base}/openapi.json", found["url"]) == f"{base}/"


def test_every_array_says_what_is_in_it(server: Server) -> None:
    """Generators of clients refuse or guess otherwise."""

    def arrays(part: Any) -> Iterator[dict[str, Any]]:
        if isinstance(part, dict) and "array" in (part.get("type") or ()):
            yield part
        values = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        for each in values:
            yield from arrays(each)

    found = list(arrays(server.ask("GET", "/openapi.json").json))
    assert len(found) > 5 and all("items" in each for each in found)


def test_generators_make_of_it_what_is_meant(server: Server) -> None:
    """Else they write code that does not compile, has numbers of 32 bits, or sends nothing of a body of two kinds."""

    def schemas(part: Any) -> Iterator[dict[str, Any]]:
        if isinstance(part, dict):
            yield part
        for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            yield from schemas(each)

    document = server.ask("GET", "/openapi.json").json
    for each in schemas(document["components"]["schemas"]):
        assert "const" not in each or each["type"] == "string", each
        if each.get("type") in ("number", "integer"):
            assert each["format"] in ("double", "int64"), each
    bodies = [
        each["requestBody"]["content"]
        for path in document["paths"].values()
        for each in path.values()
        if "requestBody" in each
    ]
    assert len(bodies) == 5
    assert all(set(kind["schema"]) == {"$ref"} for body in bodies for kind in body.values())


def test_dict_answers_are_described_whole_and_examples_are_taken(tmp_path: Path) -> None:
    """Every key of the golden predictions is there, and INT64 has no 186.0."""
    by = {"a": 1.5, "b": [1, 2]}
    golden: list[Any] = [{"price": 4.0, "why": "wet", "by": by}, {"price": 8.0, "why": None, "by": by}]
    code = tiny.CODE.replace("return prices", f"return [{golden}[price == 8] for price in prices]")
    folder = tiny.bundled(tmp_path, code=code, predictions=golden).folder
    with running.start(folder) as started:
        document = Server(started.url, []).ask("GET", "/openapi.json").json
    properties = document["components"]["schemas"]["Prediction"]["properties"]
    assert properties["price"]["type"] == "number"
    assert properties["why"] == {"type": ["null", "string"]}
    number = {"type": ["null", "number"], "format": "double"}
    assert properties["by"]["properties"] == {"a": number, "b": {"type": "array", "items": number}}
    assert repr(docs.example_value(Field(name="count", kind="integer"), 186.0)) == "186"


def sorted_as_told(paths: dict[str, object], message: str) -> list[str]:
    return sorted(paths, key=lambda path: message.index(f"{path},") if f"{path}," in message else len(message))


def test_page_is_one_file(server: Server) -> None:
    """It works without the internet."""
    page = server.ask("GET", "/docs")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert not re.search(rb"https?://|@import|\burl\(|innerHTML|eval\(", page.body)


def test_policy_allows_only_the_page_itself(server: Server) -> None:
    """It allows script and style by their hashes, and requests to the function only."""
    page = server.ask("GET", "/docs")
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ") and "connect-src 'self'" in policy
    for tag in (b"style", b"script"):
        [content] = re.findall(rb"<%b>(.*?)</%b>" % (tag, tag), page.body, re.DOTALL)
        assert f"{tag.decode()}-src 'sha256-{b64encode(hashlib.sha256(content).digest()).decode()}'" in policy


def test_page_is_open_where_a_key_is_needed(bundled: Bundle) -> None:
    """The page has nothing of the model; the document has, needs the key, and describes the access."""
    keys = bundled.folder.parent / "keys"
    keys.mkdir()
    (keys / "ada").write_text("secret")
    with running.start(bundled.folder, env={FOLDER: str(keys), KIND: "bearer"}) as function:
        guarded = Server(function.url, [])
        assert guarded.ask("GET", "/docs").status == 200
        assert guarded.ask("GET", "/openapi.json").status == guarded.ask("GET", "/v2/models/tiny").status == 401
        assert guarded.ask("GET", "/v2/health/ready").status == 200
        document = guarded.ask("GET", "/openapi.json", Authorization="Bearer secret").json
    assert document["security"] == [{"access": []}]
    assert document["components"]["securitySchemes"]["access"]["scheme"] == "bearer"
    assert document["paths"]["/health/ready"]["get"]["security"] == []
    assert "401" in document["paths"]["/predict"]["post"]["responses"]
