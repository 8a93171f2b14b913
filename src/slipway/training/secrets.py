"""Secrets that a training needs: taken from the environment, and kept out of all that is shown or published."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from slipway import digests
from slipway.errors import SlipwayError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from slipway.settings import SecretRef

__all__ = ["hide", "read", "refuse_in"]

_SHORTEST = 6
"""Characters: a shorter value stands in files by chance."""


def read(references: Mapping[str, SecretRef]) -> dict[str, str]:
    """The values by variable; raises `SlipwayError` naming one that the environment does not have."""
    for variable, reference in references.items():
        if not os.environ.get(variable):
            fix = f"export {variable}=…; in a cluster it is the key {reference.key} of the Secret {reference.secret}"
            raise SlipwayError(f"the secret {variable}, which training needs, is not set", fix=fix)
    return {variable: os.environ[variable] for variable in references}


def hide(text: str, secrets: Mapping[str, str]) -> str:
    """`text` with every secret's value replaced by its name."""
    for variable, value in secrets.items():
        text = text.replace(value, f"<{variable}>")
    return text


def refuse_in(folder: Path, secrets: Mapping[str, str]) -> None:
    """Raise `SlipwayError` when a file below `folder` holds a secret's value."""
    values = {variable: value.encode() for variable, value in secrets.items() if len(value) >= _SHORTEST}
    for name, path in digests.walk(folder).items() if values else ():
        content = path.read_bytes()
        for variable, value in values.items():
            if value in content:
                fix = "do not set it on self in train; what predicting needs secretly is no matter for an artifact"
                raise SlipwayError(f"the artifact's {name} holds the value of the secret {variable}", fix=fix)
