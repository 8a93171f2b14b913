"""The messages of the Open Inference Protocol (version 2): rows as its tensors, and its tensors as predictions.

Each field is a tensor of its name and of the shape [rows]; a value that is missing is null. Source:
https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from slipway.serving import tensors

if TYPE_CHECKING:
    from slipway.schema import Schema

__all__ = ["datatypes", "predictions", "request"]


def datatypes(schema: "Schema") -> dict[str, str]:
    """The datatype of each input tensor, by its name."""
    return {field.name: tensors.about(field).datatype for field in schema.fields}


def request(rows: Sequence[Mapping[str, Any]], types: Mapping[str, str]) -> dict[str, Any]:
    """The body that asks for the predictions of `rows`."""
    return {
        "inputs": [
            {"name": name, "shape": [len(rows)], "datatype": datatype, "data": [row[name] for row in rows]}
            for name, datatype in types.items()
        ]
    }


def predictions(answer: Any, target: str, count: int) -> list[Any]:
    """One prediction a row: the value of the only output, or a dict of all outputs, the target's among them.

    Raises `ValueError` that says what of `answer` is not as the protocol has it.
    """
    outputs = answer.get("outputs") if isinstance(answer, dict) else None
    if not isinstance(outputs, list) or not outputs or not all(isinstance(each, dict) for each in outputs):
        raise ValueError("the answer has no list of outputs")
    found = {str(each.get("name")): _rows(each, count) for each in outputs}
    if len(found) == 1:
        return next(iter(found.values()))
    if target not in found:
        raise ValueError(f"none of the outputs ({', '.join(found)}) is named {target!r}")
    return [{name: values[row] for name, values in found.items()} for row in range(count)]


def _rows(output: Mapping[str, Any], count: int) -> list[Any]:
    values = _flat(output.get("data"))
    width, left = divmod(len(values), count)
    if left or not width or output.get("shape") not in ([count], [count, width]):
        said = f"{len(values)} values, the shape {output.get('shape')}"
        raise ValueError(f"the output {output.get('name')!r} has {said}: for {count} rows it has to be [{count}]")
    return values if width == 1 else [values[row * width : (row + 1) * width] for row in range(count)]


def _flat(data: Any) -> list[Any]:
    return [value for each in data for value in _flat(each)] if isinstance(data, list) else [data]
