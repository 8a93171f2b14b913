"""YAML documents written by slipway: whole files with sorted keys. Equal content gives equal bytes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
import yaml

from slipway.errors import SlipwayError

T = TypeVar("T")

HEADER = (
    "# Written by slipway. Change it by its verbs or git revert, not by hand: the next writing replaces the file.\n"
)

READER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The fastest safe loader that PyYAML has here."""

_FOREIGN = "does not hold what slipway writes there"
# Readers of YAML 1.1 and of YAML 1.2 take these words for strings without quotes. Those of YAML 1.1 take `y` for true.
_PLAIN = re.compile(r"(?![yYnN]\Z)(?:[A-Za-z/][\w./ -]*[\w/]|[A-Za-z])")


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
    """Return `content` as a YAML document with sorted keys, below a header that names the writer."""
    text: str = yaml.dump(content, Dumper=_Writer, sort_keys=True, allow_unicode=True, width=4096)
    return (HEADER + text).encode()


def parse(content: bytes, path: str) -> dict[str, Any]:
    """Read a document that is a map. Raise `SlipwayError` with `path` when it is anything else."""
    try:
        document = yaml.load(content, READER)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        raise damaged(f"{path}{line}", "is not YAML") from error
    if not isinstance(document, dict):
        raise damaged(path, _FOREIGN)
    return document


def read(content: bytes, path: str, kind: type[T]) -> T:
    """Read a document of a type. Raise `SlipwayError` with `path` when it holds anything else."""
    return convert(parse(content, path), path, kind)


def convert(document: Any, path: str, kind: type[T]) -> T:
    """Return what a document at `path` holds as a type. Raise `SlipwayError` for anything else."""
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise damaged(path, f"{_FOREIGN}: {error}") from error


def kustomization(resources: Sequence[str], model: str = "", **more: Any) -> bytes:
    """Return a `kustomization.yaml`. Its objects are labelled as those of `model`, if one is given."""
    head = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": list(resources)}
    pairs = {"app.kubernetes.io/managed-by": "slipway", "app.kubernetes.io/name": model}
    labels = {"labels": [{"pairs": pairs, "includeSelectors": False}]} if model else {}
    return format({**head, **labels, **more})


def damaged(path: str, problem: str) -> SlipwayError:
    """Return the error for a damaged file below `overlays/`."""
    file = path.partition(",")[0]
    return SlipwayError(
        f"{path} {problem}",
        fix=f"git log --oneline -- {file} shows its commits: git revert the bad one, or git checkout COMMIT -- {file}"
        " from a good one and commit that",
    )
