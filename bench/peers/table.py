"""What was measured as Markdown: one table for each model, every figure with how many times ours that is."""

from collections.abc import Mapping

from bench.peers.contestants import OURS
from bench.peers.measuring import LOADS, Measured

__all__ = ["table"]

_HEAD = "| {model} | start, ms | memory, MB | {loads} |"
_LOADS = {
    (1, 1): "1 row, 1 caller: /s",
    (1, 16): "1 row, 16 callers: /s",
    (100, 1): "100 rows, 1 caller: /s",
    (100, 16): "100 rows, 16 callers: /s",
}


def table(found: Mapping[tuple[str, str], Measured]) -> str:
    """All tables; ours is the first line of each, and a figure in brackets is a multiple of it."""
    models = dict.fromkeys(model for _, model in found)
    return "\n\n".join(_of(model, {name: at for (name, of), at in found.items() if of == model}) for model in models)


def _of(model: str, found: Mapping[str, Measured]) -> str:
    ours = found.get(OURS) or next(iter(found.values()))
    lines = [_HEAD.format(model=model, loads=" | ".join(_LOADS[what] for what in LOADS))]
    lines.append("| --- | " + " | ".join(["---:"] * (len(LOADS) + 2)) + " |")
    for name, at in found.items():
        pairs = [(at.start, ours.start), (at.memory, ours.memory)]
        pairs += [(at.per_second[what], ours.per_second[what]) for what in LOADS]
        cells = [_cell(value, of, at is ours) for value, of in pairs]
        lines.append(f"| {'**' + name + '**' if at is ours else name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(value: float, ours: float, own: bool) -> str:
    return f"**{value:,.0f}**" if own else f"{value:,.0f} ({_times(value / ours)})"


def _times(ratio: float) -> str:
    return f"{ratio:.0f} \N{MULTIPLICATION SIGN}" if ratio >= 10 else f"{ratio:.2g} \N{MULTIPLICATION SIGN}"
