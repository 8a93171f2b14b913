"""The YAML that the machine writes: whole files, sorted, the same for the same content."""

from __future__ import annotations

import re
from typing import Any

import yaml

from slipway.errors import SlipwayError

__all__ = ["HEADER", "format", "parse"]

HEADER = (
    "# Written by slipway. Change it by its verbs or git revert, not by hand: the next writing replaces the file.\n"
)

_READER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# What any reader of YAML, of 1.1 as of 1.2, takes for a string when it stands without quotes.
_PLAIN = re.compile(r"[A-Za-z/][\w./ -]*[\w/]|[A-Za-z]")


class _Writer(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _text(writer: yaml.SafeDumper, value: str) -> yaml.Node:
    node = writer.represent_str(value)
    if isinstance(node, yaml.ScalarNode) and not _PLAIN.fullmatch(value):
        node.style = '"'
    return node


_Writer.add_representer(str, _text)


def format(content: Any) -> bytes:  # noqa: A001 - the other half of `parse`
    """`content` as a YAML document, keys sorted, below a line that says who writes it."""
    text: str = yaml.dump(content, Dumper=_Writer, sort_keys=True, allow_unicode=True, width=4096)
    return (HEADER + text).encode()


def parse(content: bytes, path: str) -> dict[str, Any]:
    """Read a document that is a map; raise `SlipwayError` that names `path` when it is anything else."""
    try:
        document = yaml.load(content, _READER)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        raise damaged(f"{path}{line}", "is not YAML") from error
    if not isinstance(document, dict):
        raise damaged(path, "does not hold what slipway writes there")
    return document


def damaged(path: str, problem: str) -> SlipwayError:
    """The error about a file below `overlays/` that was not left as it was written."""
    file = path.partition(",")[0]
    return SlipwayError(
        f"{path} {problem}",
        fix=f"git log --oneline -- {file} shows its commits: git revert the bad one, or git checkout COMMIT -- {file}"
        " from a good one and commit that",
    )
