"""The outputs of a graph as predictions: which is a target, which labels it has, and which are its probabilities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from slipway.errors import SlipwayError
from slipway.training.graph_content import Labels
from slipway.training.graph_tensors import Wishes
from slipway.wrapped.graphs import PROBABILITIES

# Numbers of float32 do not add up to exactly 1.
_SLACK = 1e-3


def meant(
    wishes: Wishes,
    widths: Mapping[str, int],
    known: Mapping[str, Labels | None],
    answers: Sequence[Mapping[str, Any]],
    kinds: Mapping[str, str],
) -> tuple[list[tuple[str, str, int | None]], dict[str, Any], list[str]]:
    """Return the outputs by their names in predictions, further declarations, and lines to tell."""
    targets = list(wishes.targets)
    of_targets = dict(_of_targets(targets, list(widths), widths, chosen=bool(wishes.outputs)))
    told = [f"{name} is the graph's output {output}" for name, (output, _) in of_targets.items() if name != output]
    classes = {
        name: labels
        for name, (output, place) in of_targets.items()
        if place is None and (labels := _classes(kinds[output], known[output], wishes, answers, output))
    }
    texts = [name for name, (output, _) in of_targets.items() if kinds[output] == "string" and name not in classes]
    told += [f"the labels of {name} are not known, so nothing is measured: --classes names them" for name in texts]
    told += [
        f"{name} is measured as a quantity, as the graph names no labels: --classes does"
        for name, (output, _) in of_targets.items()
        if name not in classes and kinds[output].startswith(("int", "uint"))
    ]
    found = [(name, output, place) for name, (output, place) in of_targets.items()]
    taken = {output for _, output, _ in found}
    more: dict[str, Any] = {
        "classes": classes,
        "texts": texts,
        "target_variable": targets[0] if len(targets) == 1 else targets,
    }
    for output in widths:
        if output in taken:
            continue
        name = output
        if (
            not more.get("probabilities")
            and len(targets) == 1
            and _are_probabilities(classes, of_targets, answers, output)
        ):
            more["probabilities"], name = True, PROBABILITIES
            told.append(
                f"{PROBABILITIES} are the graph's output {output}, for {', '.join(map(str, classes[targets[0]]))}"
            )
        found.append((name, output, None))
    return found, more, told


def _of_targets(
    targets: list[str], names: list[str], widths: Mapping[str, int], *, chosen: bool
) -> Iterator[tuple[str, tuple[str, int | None]]]:
    """Yield the output of each target, and the place in a row of it where one output has them all."""
    single = [name for name in names if widths[name] == 1]
    if len(targets) == 1:
        output = targets[0] if targets[0] in single else next(iter(single), "")
        if not output:
            problem = f"no output of the graph ({', '.join(names)}) has one value for each row, as {targets[0]} has"
            raise SlipwayError(problem, fix="leave --target out: it is served as it is, and nothing is measured")
        yield targets[0], (output, None)
    elif set(targets) <= set(single):
        yield from ((name, (name, None)) for name in targets)
    elif wide := [name for name in names if widths[name] == len(targets)]:
        yield from ((name, (wide[0], place)) for place, name in enumerate(targets))
    elif chosen and len(single) >= len(targets):
        yield from ((name, (output, None)) for name, output in zip(targets, single, strict=False))
    elif targets:
        problem = f"the graph's outputs ({', '.join(names)}) are not named as the targets, {', '.join(targets)}"
        raise SlipwayError(problem, fix="name outputs in the order of the targets: --outputs …")


def _classes(
    kind: str, known: Labels | None, wishes: Wishes, answers: Sequence[Mapping[str, Any]], output: str
) -> list[Any]:
    """Return the labels of an output: the given ones, or those that the graph has; none for a number."""
    if kind == "bool":
        return [False, True]
    if kind != "string" and not kind.startswith(("int", "uint")):
        if wishes.classes:
            raise SlipwayError(f"the graph's output {output} is {kind}, and no label", fix="leave --classes out")
        return []
    found: list[Any] = list(known or [])
    if wishes.classes:
        try:
            found = [each if kind == "string" else int(each) for each in wishes.classes]
        except ValueError as error:
            raise SlipwayError(f"the graph's labels are whole numbers ({output})", fix="--classes 0 1 …") from error
    if found and (unknown := {answer[output] for answer in answers} - set(found)):
        problem = f"the graph answers {sorted(unknown)[0]!r}, which is none of {', '.join(map(repr, found))}"
        raise SlipwayError(problem, fix="--classes names all labels, in the order of their probabilities")
    return found


def _are_probabilities(
    classes: Mapping[str, Sequence[Any]],
    of_targets: Mapping[str, tuple[str, int | None]],
    answers: Sequence[Mapping[str, Any]],
    output: str,
) -> bool:
    """Return True if an output gives each class its probability, and the label is that of the highest one."""
    for target, labels in classes.items():
        names = [str(each) for each in labels]
        for answer in answers:
            given, label = answer[output], str(answer[of_targets[target][0]])
            if isinstance(given, list) and len(given) == len(names):
                given = dict(zip(names, given, strict=True))
            if not isinstance(given, dict) or given.keys() != set(names):
                return False
            values = list(given.values())
            if not all(isinstance(each, float) and each >= 0 for each in values) or abs(sum(values) - 1) > _SLACK:
                return False
            if given[label] < max(values):
                return False
    return bool(classes)
