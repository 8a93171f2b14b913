"""A folder of MLflow names its file and its columns, and brings rows; it names no file outside."""

import json

import pytest

from slipway.errors import SlipwayError
from slipway.training import mlflow
from slipway.training.foreign import import_file
from tests.unit.training.onnx_files import linear, written

ONNX = "flavors:\n  onnx: {data: model.onnx, onnx_version: 1.23.2}\n  python_function: {loader_module: mlflow.onnx}\n"
EXAMPLE = "saved_input_example_info: {artifact_path: input_example.json}\n"
NAMED = """signature: {inputs: '[{"type": "double", "name": "b"}, {"type": "double", "name": "a"}]'}\n"""
TENSOR = """signature: {inputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2]}}]'}\n"""


@pytest.fixture
def folder(tmp_path):
    """Return a function that writes a folder as `mlflow.onnx.save_model` does."""

    def write(told, example=None):
        path = tmp_path / "saved"
        path.mkdir()
        written(linear(), path)
        (path / "MLmodel").write_text(told)
        if example is not None:
            (path / "input_example.json").write_text(json.dumps(example))
        return path

    return write


@pytest.mark.parametrize(
    ("more", "example", "columns"),
    [
        (NAMED, {"columns": ["a", "b"], "data": [[1.0, 2.0], [3.0, 4.0]]}, ["b", "a"]),
        (TENSOR, [[1.0, 2.0], [3.0, 4.0]], ["x0", "x1"]),
        pytest.param("", [[1.0, 2.0], [3.0, 4.0]], ["x0", "x1"], marks=pytest.mark.long(2)),
        pytest.param("", {"inputs": [[1.0, 2.0], [3.0, 4.0]]}, ["x0", "x1"], marks=pytest.mark.long(2)),
        ("", {"a": [1.0, 3.0], "b": [2.0, 4.0]}, ["a", "b"]),
        pytest.param("", {"a": [[1.0], [3.0]], "b": [[2.0], [4.0]]}, ["a", "b"], marks=pytest.mark.long(2)),
        pytest.param("", [{"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 4.0}], ["a", "b"], marks=pytest.mark.long(2)),
    ],
)
def test_a_graph_is_taken_with_its_columns_and_its_example(team, folder, more, example, columns):
    """The signature gives the order; the example gives the rows that releases have to reproduce."""
    taken = import_file(folder(ONNX + EXAMPLE + more, example), "wine", None, [], settings=team.settings)
    assert f"in this order: {', '.join(columns)}" in "\n".join(taken.told)
    assert (taken.folder / "wine.csv").read_text().splitlines()[0] == ",".join(columns)


@pytest.mark.parametrize(
    ("told", "example", "says", "way"),
    [
        (ONNX, None, "no rows to ask", "--data FILE"),
        (ONNX + EXAMPLE, None, "input_example.json cannot be read", "--data FILE"),
        (ONNX + EXAMPLE, "a text", "is no table", "--data FILE"),
        ("flavors: {onnx: {data: ../secret.onnx}}", None, "outside of the folder", ""),
        ("flavors: {onnx: {data: gone.onnx}}", None, "there is no model at", "give a file"),
        ("flavors: {lightgbm: {data: model.lgb}, python_function: {}}", None, "flavors: lightgbm", "convert_lightgbm"),
        ("flavors: {pytorch: {}, python_function: {}}", None, "flavors: pytorch", "torch.onnx.export"),
        ("flavors: {python_function: {}}", None, "flavors: python_function", "slipway.save"),
        ("flavors: 5", None, "cannot be read", "save the model"),
        ("just text", None, "cannot be read", "save the model"),
        ("a: [", None, "cannot be read", "save the model"),
    ],
)
def test_other_folders_are_refused(team, folder, told, example, says, way):
    """With what can be done."""
    with pytest.raises(SlipwayError, match=says) as caught:
        import_file(folder(told, example), "wine", None, [], settings=team.settings)
    assert way in caught.value.fix


def test_ways_name_every_other_flavor_once(team, folder):
    """A folder without MLmodel says so, too."""
    assert set(mlflow.WAYS) >= {"lightgbm", "xgboost", "pytorch", "tensorflow"}
    with pytest.raises(SlipwayError, match="is a folder without MLmodel"):
        import_file(folder(ONNX).parent, "wine", None, [], settings=team.settings)
