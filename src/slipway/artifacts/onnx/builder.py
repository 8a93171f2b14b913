"""A graph as it is written: tables of float64, operators on them, and conditions under which rows are refused.

A text has no place in a graph. A column of texts holds codes, which index the graph's vocabulary. The same estimator
gives the same bytes: names are numbers in the order of writing, and nothing asks a clock.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from slipway.artifacts.onnx.graphs import MISSING, NONE, ROWS, Reason

_OPERATORS, _TREE_OPERATORS, _FORMAT = 21, 5, 10
_AT_ONCE = 100_000
"""The most numbers of an array to hold as Python's at once."""

TREES = "ai.onnx.ml"
"""The domain of ONNX's operators for decision trees."""


class Unconvertible(Exception):  # noqa: N818 - it is a verdict, and no error
    """The reason why an estimator does not become a graph."""


class Column(NamedTuple):
    """A column of a table in the graph: `kind` is `number`, `finite` (a number always) or `code` (of a value)."""

    kind: str
    origin: int | None = None
    """The column of the input that it comes from."""
    name: str | None = None
    """The name by which later steps may choose it."""


class Table(NamedTuple):
    """A tensor of float64 with a row for each of the input, and its columns."""

    name: str
    columns: tuple[Column, ...]
    outward: str = ""
    """Why scikit-learn hands this out in another form than an array of float64; empty when it does not."""

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return len(self.columns)


class Builder:
    """Collect the nodes, constants, vocabulary and conditions of a graph."""

    def __init__(self) -> None:
        self.vocabulary: list[Any] = []
        self.reasons: list[Reason] = []
        self.most_rows: int | None = None
        self._codes: dict[Any, float] = {}
        self._nodes: list[Any] = []
        self._known: dict[tuple[str, ...], str] = {}
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._tensors: list[Any] = []
        self._refused: list[str] = []

    def node(self, operator: str, *inputs: Any, domain: str = "", outputs: int = 1, **attributes: Any) -> str:
        """Write an operator and return the name of its first output; inputs are names, or arrays of constants.

        What is written a second time is the first one.
        """
        from onnx import helper

        given = [each if isinstance(each, str) else self.constant(each) for each in inputs]
        key = (operator, *given, domain, repr(sorted(attributes.items())))
        if key not in self._known or operator == "TreeEnsemble":
            self._known[key] = name = f"v{len(self._nodes)}"
            names = [name, f"{name}b"][:outputs]
            self._nodes.append(helper.make_node(operator, given, names, domain=domain, **attributes))
        return self._known[key]

    def at_most(self, rows: int) -> None:
        """Have no more rows computed at once."""
        self.most_rows = min(self.most_rows or rows, max(1, rows))

    def wide_node(
        self, operator: str, given: str, lists: dict[str, Any], tensors: dict[str, Any], *, domain: str, **more: int
    ) -> str:
        """Write an operator with long lists of whole numbers, and tensors, as attributes."""
        from onnx import AttributeProto, numpy_helper

        name = self.node(operator, given, domain=domain, **more)
        node = self._nodes[-1]
        for key, array in sorted(tensors.items()):
            attribute = node.attribute.add()
            attribute.name, attribute.type = key, AttributeProto.TENSOR
            attribute.t.CopyFrom(numpy_helper.from_array(array))
        for key, values in sorted(lists.items()):
            attribute = node.attribute.add()
            attribute.name, attribute.type = key, AttributeProto.INTS
            for start in range(0, len(values), _AT_ONCE):
                attribute.ints.extend(values[start : start + _AT_ONCE].astype("int64").tolist())
        return name

    def constant(self, values: Any) -> str:
        """Write an array and return its name; equal arrays are written once."""
        import numpy
        from onnx import numpy_helper

        array = numpy.asarray(values, order="C")
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            self._constants[key] = f"c{len(self._constants)}"
            self._tensors.append(numpy_helper.from_array(array, self._constants[key]))
        return self._constants[key]

    def number(self, name: str) -> str:
        """Write a cast of numbers or truth values to float64."""
        return self.cast(name, "DOUBLE")

    def cast(self, name: str, kind: str) -> str:
        """Write a cast to a type by ONNX's name of it."""
        from onnx import TensorProto

        return self.node("Cast", name, to=getattr(TensorProto, kind))

    def sorted(self, name: str, width: int) -> tuple[str, str]:
        """Write each row's numbers from the lowest to the highest, and the places where they stood."""
        import numpy

        ordered = self.node("TopK", name, numpy.array([width], "int64"), axis=1, largest=0, outputs=2)
        return ordered, f"{ordered}b"

    def reduce(self, operator: str, name: str) -> str:
        """Write a reduction of each row to one number, which stays a column."""
        return self.node(operator, name, [1], keepdims=1)

    def code(self, value: Any) -> float:
        """Return the code of a value in columns of codes, in Python's sense of equal."""
        if value is None:
            return NONE
        if isinstance(value, float) and math.isnan(value):
            return MISSING
        plain = value.item() if hasattr(value, "item") else str(value) if type(value) is not str else value
        if type(plain) not in (str, bool, int, float):
            raise Unconvertible(f"a graph keeps no category of the type {type(value).__name__}")
        if plain not in self._codes:
            self._codes[plain] = float(len(self.vocabulary))
            self.vocabulary.append(plain)
        return self._codes[plain]

    def refuse(self, bad: str, columns: Sequence[Column], text: str) -> None:
        """Have rows refused where the tensor of truth values `bad`, with a column for each reason, is true."""
        if bad in self._refused:
            return
        self._refused.append(bad)
        self.reasons += [Reason(text=text, column=column.origin) for column in columns]

    def select(self, table: Table, places: Sequence[int]) -> Table:
        """Write the columns of a table at these places."""
        import numpy

        if list(places) == list(range(table.width)):
            return table
        name = self.node("Gather", table.name, numpy.array(places, "int64"), axis=1)
        return Table(name, tuple(table.columns[place] for place in places), table.outward)

    def side_by_side(self, tables: Sequence[Table]) -> Table:
        """Write tables beside each other."""
        tables = [table for table in tables if table.width]
        if not tables:
            raise Unconvertible("it passes on no column")
        if len(tables) == 1:
            return tables[0]
        columns = tuple(column for table in tables for column in table.columns)
        outward = next((table.outward for table in tables if table.outward), "")
        return Table(self.node("Concat", *(table.name for table in tables), axis=1), columns, outward)

    def numbers(self, table: Table, *, missing: bool = False) -> Table:
        """Have rows refused where a column is no finite number; `missing` lets NaN pass.

        Raise `Unconvertible` where a column holds codes.
        """
        self.unlooked(table)
        unsure = [place for place, column in enumerate(table.columns) if column.kind != "finite"]
        if not unsure:
            return table
        asked = self.select(table, unsure)
        if missing:
            self.refuse(self.node("IsInf", asked.name), asked.columns, "is infinite")
            return table
        # The difference is NaN for NaN and for infinity, and 0 else.
        nothing = self.node("Sub", asked.name, asked.name)
        self.refuse(self.node("IsNaN", nothing), asked.columns, "is missing, or no finite number")
        return table._replace(columns=tuple(column._replace(kind="finite") for column in table.columns))

    def unlooked(self, table: Table) -> Table:
        """Return a table whose numbers nobody checks; raise `Unconvertible` where a column holds codes."""
        for column in table.columns:
            if column.kind == "code":
                where = f" {column.name}" if column.name else ""
                raise Unconvertible(f"it takes the column{where} as numbers, and it holds texts or other objects")
        return table

    def rows_of(self, table: Table, values: Any) -> str:
        """Write the same row of numbers for each row of the table."""
        import numpy

        first = self.select(table, [0]).name
        nothing = self.node("Mul", self.number(self.node("IsNaN", first)), numpy.array(0.0))
        return self.node("Add", nothing, numpy.asarray(values, "float64").reshape(1, -1))

    def refusals(self) -> str:
        """Write where each reason holds: a row of truth values for each row; return "" where there is no reason."""
        if len(self._refused) < 2:
            return "".join(self._refused)
        return self.node("Concat", *self._refused, axis=1)

    def public(self, name: str) -> str:
        """Return the name of a value that may be an output; the input is none itself."""
        return self.node("Identity", name) if name == ROWS else name

    def content(self, outputs: dict[str, str], metadata: dict[str, str]) -> bytes:
        """Return the graph as bytes, with outputs (their types by their names) and what they need."""
        from onnx import TensorProto, helper

        nodes = self._needed(set(outputs))
        used = {name for node in nodes for name in node.input}
        graph = helper.make_graph(
            nodes,
            "estimator",
            [helper.make_tensor_value_info(ROWS, TensorProto.DOUBLE, [None, None])],
            [helper.make_tensor_value_info(name, getattr(TensorProto, kind), None) for name, kind in outputs.items()],
            [tensor for tensor in self._tensors if tensor.name in used],
        )
        imports = [helper.make_opsetid("", _OPERATORS), helper.make_opsetid(TREES, _TREE_OPERATORS)]
        model = helper.make_model(graph, opset_imports=imports, ir_version=_FORMAT, producer_name="slipway")
        helper.set_model_props(model, metadata)
        content: bytes = model.SerializeToString(deterministic=True)
        return content

    def _needed(self, wanted: set[str]) -> list[Any]:
        """Return the nodes that the wanted values need, in their order."""
        needed, found = set(wanted), []
        for node in reversed(self._nodes):
            if not needed.isdisjoint(node.output):
                needed.update(node.input)
                found.append(node)
        return found[::-1]
