"""The requests in functions/README.md are valid."""

import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

from slipway.schema import Field, Schema
from slipway.serving.http import requests
from slipway.serving.http.requests import Request
from slipway.serving.oip import rest, tensors

README = Path(__file__).parents[3] / "functions/README.md"

FIELDS = ("sepal_length", "sepal_width", "petal_length", "petal_width")
SCHEMA = Schema(
    fields=tuple(Field(name=name, kind="number") for name in FIELDS), target=Field(name="species", kind="string")
)


def test_documented_requests_are_taken() -> None:
    """Each `curl` has the needed headers, and a body that requests predictions of iris."""
    blocks = re.findall(r"(?:^    .*\n)+", README.read_text(), re.MULTILINE)
    commands = [shlex.split(block) for block in blocks if block.startswith("    curl ")]
    assert commands
    for command in commands:
        assert command[2:4] == ["-H", "Content-Type: application/json"] and command[4] == "-d"
        headers = {"content-type": command[3].partition(": ")[2]}
        requests.check_type(headers)
        path = urlsplit(command[1]).path
        assert path == "/v2/models/iris/infer"
        _, given = rest.read(Request("POST", path, path, headers, body=command[5].encode()))
        assert len(tensors.to_rows(SCHEMA, given, lambda _: None)) == 2
