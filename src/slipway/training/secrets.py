"""Secrets that a training needs: read from the environment, and kept out of all that is shown or published."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from slipway import digests
from slipway.errors import SlipwayError
from slipway.settings import SecretRef

__all__ = ["hide", "read", "refuse_in"]

# Characters: a shorter value stands in files by chance.
_SHORTEST = 6


def read(references: Mapping[str, SecretRef]) -> dict[str, str]:
    """Return the values by variable; raise `SlipwayError` for one that is not set."""
    for variable, reference in references.items():
        if not os.environ.get(variable):
            fix = f"export {variable}=…; in a cluster it is the key {reference.key} of the Secret {reference.secret}"
            raise SlipwayError(f"the secret {variable}, which training needs, is not set", fix=fix)
    return {variable: os.environ[variable] for variable in references}


def hide(text: str, secrets: Mapping[str, str]) -> str:
    """Return `text` with the name of each secret in place of its value."""
    for variable, value in secrets.items():
        text = text.replace(value, f"<{variable}>")
    return text


def refuse_in(folder: Path, secrets: Mapping[str, str]) -> None:
    """Raise `SlipwayError` when a file below `folder` holds the value of a secret."""
    values = {variable: value.encode() for variable, value in secrets.items() if len(value) >= _SHORTEST}
    for name, path in digests.walk(folder).items() if values else ():
        content = path.read_bytes()
        for variable, value in values.items():
            if value in content:
                fix = "do not set it on self in train: an artifact holds no secrets"
                raise SlipwayError(f"the artifact's {name} holds the value of the secret {variable}", fix=fix)
