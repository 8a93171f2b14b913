"""Values that a JSON schema allows, and wrong ones made of them."""

import json
from random import Random
from typing import Any

__all__ = ["Instances", "encoded", "reshaped", "spoilt"]

# Text between two @ is written without quotes: JSON has no such numbers, and parsers read them differently.
_RAW = ("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e-400", "-0", "0x10", "01", "1.", "nul", "'a'", "1" * 5000)
_HOSTILE: list[Any] = [
    *(None, True, False, 0, -1, 0.1, 1e308, -1e308, 5e-324, 2**53 + 1, 2**63, -(2**63) - 1, 10**400),
    *("", " ", "x" * 5000, "\0", "\x1b[31m", "NaN", "é", "\u202e", "\ud800", "\U0001f600", "' OR 1=1 --", "${jndi:x}"),
    *([], {}, [[]], [None], [{}], {"": {}}, {"__proto__": {}}, {"a": {"b": {"c": []}}}, [1, "a", None, {}]),
    *(f"@{raw}@" for raw in _RAW),
]
_LONGEST = 4

# Shapes of tensors; only those of one or two sizes can be right.
_SHAPES: list[Any] = [
    *(
        [],
        [0],
        [-1],
        [2**31],
        [2**63],
        [1, 1, 1],
        [0, 2**31 - 1],
        [2**31 - 1] * 2,
        [1.0],
        [None],
        ["1"],
        [[1]],
        None,
        1,
    ),
    *([10**18] * 3000, [2] * 20_000, [1] * 20_000, [10**4000] * 8, [-(10**18)] * 3000, [[[[[1]]]]] * 500),
]


class Instances:
    """Values that schemas of an OpenAPI document allow, drawn by `random`."""

    def __init__(self, document: dict[str, Any], random: Random) -> None:
        self.document, self.random = document, random

    def of(self, schema: dict[str, Any]) -> Any:
        """Return one value; keywords that do not define its form are ignored."""
        if "$ref" in schema:
            return self.of(self._found(schema["$ref"]))
        if "const" in schema:
            return schema["const"]
        for word in ("enum", "examples"):
            if schema.get(word) and (word == "enum" or self.random.random() < 0.3):
                return self.random.choice(schema[word])
        for word in ("oneOf", "anyOf"):
            if word in schema:
                return self.of(self.random.choice(schema[word]))
        kind = schema.get("type", "object")
        if isinstance(kind, list):
            kind = self.random.choice(kind)
        made = getattr(self, f"_{kind}", None)
        return made(schema) if made else None

    def _found(self, reference: str) -> dict[str, Any]:
        at: Any = self.document
        for part in reference.removeprefix("#/").split("/"):
            at = at[part.replace("~1", "/").replace("~0", "~")]
        return dict(at)

    def _object(self, schema: dict[str, Any]) -> dict[str, Any]:
        needed = schema.get("required", ())
        fields = schema.get("properties", {}).items()
        return {name: self.of(each) for name, each in fields if name in needed or self.random.random() < 0.6}

    def _array(self, schema: dict[str, Any]) -> list[Any]:
        least = schema.get("minItems", 0)
        length = self.random.randint(least, schema.get("maxItems", max(least, _LONGEST)))
        return [self.of(schema.get("items", {})) for _ in range(length)]

    def _number(self, schema: dict[str, Any]) -> float:
        low = schema.get("minimum", schema.get("exclusiveMinimum", -1e6))
        return self.random.uniform(low, schema.get("maximum", schema.get("exclusiveMaximum", max(low * 2, 1e6))))

    def _integer(self, schema: dict[str, Any]) -> int:
        return int(self._number(schema))

    def _string(self, schema: dict[str, Any]) -> str:
        if "format" in schema:
            day = f"{self.random.randint(1, 9999):04}-{self.random.randint(1, 12):02}-{self.random.randint(1, 28):02}"
            time = f"T{self.random.randint(0, 23):02}:{self.random.randint(0, 59):02}:00"
            return day + {"date": "", "date-time-local": time, "date-time": f"{time}Z"}[schema["format"]]
        return "".join(self.random.choices("abc xyz-_.é0", k=self.random.randint(0, 12)))

    def _boolean(self, _schema: dict[str, Any]) -> bool:
        return self.random.random() < 0.5


def spoilt(value: Any, random: Random) -> Any:
    """Return the value with one part missing, added, misspelt, of another type, or hostile."""
    if isinstance(value, dict) and value and random.random() < 0.85:
        name = random.choice(list(value))
        rest = {other: each for other, each in value.items() if other != name}
        match random.randrange(5):
            case 0:
                return rest
            case 1:
                return {**rest, name[:-1] + "x": value[name]}
            case 2:
                return {**value, random.choice(["", "x" * 300, "__class__", name.upper() + " "]): 1}
        return {**value, name: spoilt(value[name], random)}
    if isinstance(value, list) and value and random.random() < 0.85:
        place = random.randrange(len(value))
        match random.randrange(5):
            case 0:
                return value[:place] + value[place + 1 :]
            case 1:
                return value * random.choice([2, 50])
        return [*value[:place], spoilt(value[place], random), *value[place + 1 :]]
    return random.choice([*_HOSTILE, [value], {"value": value}, str(value)])


def reshaped(value: Any, random: Random) -> Any:
    """Return an inference request with other shapes, or with repeated outputs."""
    if not isinstance(value, dict) or not value.get("inputs"):
        return value
    if random.random() < 0.2:
        return {**value, "outputs": [{"name": random.choice(["x", "price", "species"])}] * random.choice([2, 2000])}
    inputs = [dict(each) for each in value["inputs"] if isinstance(each, dict)]
    for each in random.sample(inputs, random.randint(0, len(inputs))):
        each["shape"] = random.choice(_SHAPES)
    return {**value, "inputs": inputs}


def encoded(value: Any) -> bytes:
    """Return the value as JSON, except for raw texts."""
    text = json.dumps(value)
    for raw in _RAW:
        text = text.replace(f'"@{raw}@"', raw)
    return text.encode()
