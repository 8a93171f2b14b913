"""Report the figures of a comparison: tables in Markdown, and a picture (SVG) for light and for dark pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from bench.peers.contestants import OURS
from bench.peers.measuring import LOADS, MANY, Measured

_HEADS = "| {model} | start, ms | memory, MB | {loads} | {cpu} | 10,000 rows, ms | memory after them, MB |"
_LOADS = {
    (1, 1): "1 row, 1 caller: /s",
    (1, 16): "1 row, 16 callers: /s",
    (100, 1): "100 rows, 1 caller: /s",
    (100, 16): "100 rows, 16 callers: /s",
}
_CPU = {(1, 16): "CPU of 1 row, µs", (100, 16): "CPU of 100 rows, µs"}
_WIDTH, _NAMES, _BAR, _LINE, _PANEL = 860, 250, 480, 24, 40
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 15px }
.note { font-size: 12px; fill: #59636e }
.bar { fill: #9aa4b0 }
.ours { fill: #1a7f5a }
.own { font-weight: 600 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .note { fill: #9198a1 }
  .bar { fill: #59636e }
  .ours { fill: #3fb78a }
}
"""

_Bars = Sequence[tuple[str, float]]


def table(found: Mapping[tuple[str, str], Measured]) -> str:
    """Return a table for each model: slipway first, and in brackets the multiples of its figures."""
    models = dict.fromkeys(model for _, model in found)
    return "\n\n".join(
        _of_model(model, {name: at for (name, of), at in found.items() if of == model}) for model in models
    )


def stages_table(found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Return a table with the stages of one answer, by model and number of rows."""
    names = list(next(iter(next(iter(found.values())).values())))
    lines = [f"| µs of CPU | {' | '.join(names)} |", "| --- | " + " | ".join(["---:"] * len(names)) + " |"]
    for model, by_rows in found.items():
        for rows, at in by_rows.items():
            lines.append(f"| {model}, {rows} | {' | '.join(f'{at[name]:,.0f}' for name in names)} |")
    return "\n".join(lines)


def _of_model(model: str, found: Mapping[str, Measured]) -> str:
    ours = found.get(OURS) or next(iter(found.values()))
    lines = [
        _HEADS.format(model=model, loads=" | ".join(_LOADS[what] for what in LOADS), cpu=" | ".join(_CPU.values()))
    ]
    lines.append("| --- | " + " | ".join(["---:"] * (len(LOADS) + len(_CPU) + 4)) + " |")
    for name, at in found.items():
        pairs = [(at.start, ours.start), (at.memory, ours.memory)]
        pairs += [(at.per_second[what], ours.per_second[what]) for what in LOADS]
        pairs += [(at.cpu[what], ours.cpu[what]) for what in _CPU]
        pairs += [(at.p50[MANY], ours.p50[MANY]), (at.memory_after, ours.memory_after)]
        cells = [_cell(value, of, at is ours) for value, of in pairs]
        lines.append(f"| {'**' + name + '**' if at is ours else name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(value: float, ours: float, own: bool) -> str:
    return f"**{value:,.0f}**" if own else f"{value:,.0f} ({_times(value / ours)})"


def _times(ratio: float) -> str:
    return f"{ratio:.0f} \N{MULTIPLICATION SIGN}" if ratio >= 10 else f"{ratio:.2g} \N{MULTIPLICATION SIGN}"


def picture(found: Mapping[tuple[str, str], Measured], note: str) -> str:
    """Return four charts: start and memory of iris, and answers to single rows of iris and of the forest."""
    parts: list[str] = []
    top = 8
    for title, unit, bars in _charts(found):
        parts.append(_chart(title, unit, bars, top))
        top += _PANEL + _LINE * len(bars) + 12
    parts.append(f'<text class="note" x="8" y="{top + 12}">{escape(note)}</text>')
    size = f'width="{_WIDTH}" height="{top + 24}" viewBox="0 0 {_WIDTH} {top + 24}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
    label = f"<title>{escape(OURS)} beside its peers: start, memory and answers a second</title>"
    return "\n".join([head, label, f"<style>{_STYLE}</style>", *parts, "</svg>\n"])


def _charts(found: Mapping[tuple[str, str], Measured]) -> list[tuple[str, str, _Bars]]:
    shown = {key: at for key, at in found.items() if key[0] == OURS or not key[0].startswith(OURS)}
    iris = {name: at for (name, model), at in shown.items() if model == "iris"}
    forest = {name: at for (name, model), at in shown.items() if model == "forest"}
    shorter, longer = "the shorter the better", "the longer the better"
    charts: list[tuple[str, str, _Bars]] = [
        (f"From nothing to the first answer (iris): {shorter}", "ms", [(name, at.start) for name, at in iris.items()]),
        (f"Memory of an instance (iris): {shorter}", "MB", [(name, at.memory) for name, at in iris.items()]),
        (f"Answers a second (iris, 16 callers): {longer}", "", _answers(iris)),
        (f"Answers a second (200 trees, 16 callers): {longer}", "", _answers(forest)),
    ]
    return [chart for chart in charts if chart[2]]


def _answers(found: Mapping[str, Measured]) -> _Bars:
    return [(name, at.per_second[1, 16]) for name, at in found.items()]


def _chart(title: str, unit: str, bars: _Bars, top: int) -> str:
    longest = max(value for _, value in bars)
    lines = [f'<text class="title" x="8" y="{top + 18}">{escape(title)}</text>']
    for at, (name, value) in enumerate(bars):
        y = top + _PANEL - 8 + at * _LINE
        own = name == OURS
        length = max(value / longest * _BAR, 1)
        shown = f"{value:,.0f} {unit}".strip()
        word, bar = ("own", "ours") if own else ("", "bar")
        lines += [
            f'<text class="{word}" x="{_NAMES}" y="{y + 13}" text-anchor="end">{escape(name)}</text>',
            f'<rect class="{bar}" x="{_NAMES + 8}" y="{y}" width="{length:.0f}" height="17" rx="2"/>',
            f'<text class="{word}" x="{_NAMES + 14 + length:.0f}" y="{y + 13}">{shown}</text>',
        ]
    return "\n".join(lines)
