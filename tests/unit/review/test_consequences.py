"""The consequences of a change: the models that train, and the changes that a training or a release takes."""

import re

import pytest
import yaml

from slipway.settings import ModelSettings
from tests.unit.conftest import Site
from tests.unit.review.test_diff import changed, look


def follow(site: Site, path: str, content: bytes | None) -> list[str]:
    changed(site, path, content)
    return [str(each) for each in look(site).consequences]


@pytest.fixture
def code(site: Site) -> Site:
    """Commit three models that train in three ways, two of which share code."""
    site.write("slipway.yaml", CODE)
    site.write("model/common/cleaning.py", "SIZE = 1\n")
    for model in ("iris", "tumor", "wine"):
        site.write(f"model/{model}/model.py", "from model.common.cleaning import SIZE\n" if model != "wine" else "")
        site.write(f"model/{model}/requirements.txt", "numpy==2.0.0\n")
        site.write(f"model/{model}/{model}.csv", "a,b\n1,2\n")
    site.commit()
    return site


CODE = """
environments:
  test: {store: .slipway/store/test, namespace: slipway-test}
  prod: {store: .slipway/store/prod, namespace: slipway-prod, promotes_from: test}
models:
  iris: {train: manual}
  tumor: {train: runner, scale: {max: 5}}
"""

TRAINS = {
    "iris": "iris: its training digest changes: it is to be trained by hand (train: manual)",
    "tumor": "tumor: its training digest changes: it trains on the runner (train: runner)",
    "wine": "wine: its training digest changes: it trains in the cluster (train: declared)",
}


@pytest.mark.parametrize(
    ("path", "content", "says"),
    [
        ("model/wine/model.py", b"# anew\n", [TRAINS["wine"]]),
        ("model/wine/requirements.txt", b"numpy==2.1.0\n", [TRAINS["wine"]]),
        ("model/common/cleaning.py", b"SIZE = 2\n", [TRAINS["iris"], TRAINS["tumor"]]),
        ("model/common/unused.py", b"SIZE = 2\n", []),
        ("model/wine/test_model.py", b"# a test\n", []),
        ("model/wine/README.md", b"words\n", []),
        ("model/wine/wine.csv", b"a,b\n3,4\n", ["wine: data has changed: the next training takes it"]),
        ("model/wine/weights.json", b"[1]\n", [TRAINS["wine"]]),
        ("model/wine/model.py", None, ["wine: is removed; what runs of it stays as it is declared"]),
        ("model/beer/model.py", b"", ["beer: is new: it trains in the cluster (train: declared)"]),
        ("model/wine/model.py", b"def (\n", ["wine: what follows cannot be told: model/wine/model.py, line 1"]),
        ("slipway.yaml", CODE.replace("max: 5", "max: 9").encode(), ["tumor: settings changed (scale): the next rel"]),
        ("slipway.yaml", CODE.replace("max: 5}", "max: 5}, protocol: grpc").encode(), ["tumor: settings changed (pro"]),
        (
            "slipway.yaml",
            CODE.replace("train: manual", "train: manual, parameters: {c: 2.0}").encode(),
            [TRAINS["iris"]],
        ),
        (
            "slipway.yaml",
            CODE.replace("train: manual", "train: manual, pin: {test: 3}").encode(),
            ["iris: test: v3 is pinned: the next run of release goes there"],
        ),
        (
            "slipway.yaml",
            CODE.replace("namespace: slipway-prod", "namespace: other").encode(),
            ["all models: environment prod: namespace changed, for what is released from now on"],
        ),
        (
            "slipway.yaml",
            f"{CODE}indexes: {{corp: {{url: https://corp.example/simple, packages: [numpy]}}}}\n".encode(),
            list(TRAINS.values()),
        ),
        (
            "slipway.yaml",
            f"{CODE}indexes: {{corp: {{url: https://corp.example/simple, packages: [corplib]}}}}\n".encode(),
            [],
        ),
        ("slipway.yaml", b"nonsense: 1\n", ["all models: what follows cannot be told: "]),
        (
            "manifests/function/service.yaml",
            b"kind: Service\n",
            ["all models: the manifests of releases have changed: the next release of each model takes it"],
        ),
        ("docs/words.md", b"words\n", []),
    ],
)
def test_the_consequences_of_a_merge(code: Site, path: str, content: bytes | None, says: list[str]) -> None:
    """The consequences name the models that train, and the changes that the next training or release takes."""
    found = follow(code, path, content)
    assert len(found) == len(says)
    assert all(text.startswith(start) for text, start in zip(found, says, strict=True))


ANEW = """
  tumor:
    train: declared
    services: [training, predict]
    data: https://example.org/tumor.csv
    gates: {accuracy: {min: 0.9}}
    secrets: {TOKEN: {secret: source, key: token}}
    schedule: "0 3 * * *"
    second_fit: never
    training: {cpu: "2"}
    scale: {max: 9}
    protocol: grpc
    access: {kind: bearer}
    limits: {rows: 5}
    retention: 5
    base_image: python:3.12-slim
    pin: {test: 3}
    per_environment: {prod: {retention: 9}}
"""


def test_every_changed_setting_is_shown(code: Site) -> None:
    """A setting is named, unless it decides the training digest."""
    # Browsers do not speak gRPC.
    over_http = ANEW.replace("protocol: grpc", "cors: [https://app.example.org]")
    changed = yaml.safe_load(ANEW)["tumor"] | yaml.safe_load(over_http)["tumor"]
    digested = {"folder", "image", "target", "features", "parameters", "held_out", "split", "convert"}
    assert {*ModelSettings.__struct_fields__} == changed.keys() | digested
    before, _, _ = CODE.rpartition("  tumor")
    settings = [(before + each).encode() for each in (ANEW, over_http)]
    text = "\n".join(line for each in settings for line in follow(code, "slipway.yaml", each))
    assert {name for name in changed if not re.search(rf"\b{name}\b", text.replace("pinned", "pin"))} == set()


def test_serving_code_that_changes(code: Site) -> None:
    """Only files that enter images count, of the repository's own platform."""
    for path in ("functions/Dockerfile", "functions/predict/main.py"):
        code.write(path, "# ours\n")
    code.write("src/slipway/__init__.py", "")
    code.write("src/slipway/serving/start.py", "import slipway.words\n")
    code.write("src/slipway/words.py", "")
    code.write("src/slipway/other.py", "")
    code.commit()
    assert follow(code, "src/slipway/other.py", b"# anew\n") == []
    [said] = follow(code, "src/slipway/words.py", b"# anew\n")
    assert said.startswith("all models: the serving code has changed: the next release of each model takes it")
