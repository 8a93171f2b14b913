"""Names of models, model ids and releases, and the known word nearest to a misspelt one."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import NamedTuple

from slipway.errors import SlipwayError
from slipway.text import cut, listed, quoted

# Knative derives `<model>-v<version>-<8 digits>-00001-deployment` from it, and that has to stay under 63 characters:
# 29 + 2 + 5 (a version up to 99999) + 9 + 6 + 11 = 62.
MAX_MODEL_NAME = 29

# Nine digits are enough for a version, and what is longer is no number that anyone meant.
_VERSION = "[1-9][0-9]{0,8}"
MODEL_NAME = "[a-z][a-z0-9]*(?:-[a-z0-9]+)*"
"""The pattern of the names of models, without their length."""

_MODEL_ID = re.compile(rf"({MODEL_NAME})/([a-z](?:[a-z0-9-]*[a-z0-9])?)/({_VERSION})")
_LIKE_RELEASE = re.compile(rf"-v{_VERSION}-[0-9a-f]{{8}}\Z")
_RELEASE = re.compile(rf"v({_VERSION})-([0-9a-f]{{8}})")
# `common` is the shared code, `training` lies beside the releases of a model; the others are packages on the path.
_RESERVED = frozenset({"common", "model", "slipway", "training"})

_LONGEST_COMPARED = 60
_MOST_SHOWN = 12


def check_model_name(name: str) -> str:
    """Return `name` if it can be a model's; raise `SlipwayError` if not."""
    if reason := _objection(name):
        words = re.sub(r"[^a-z0-9]+", "-", str(name).lower()).lstrip("-0123456789")
        plain = words[:MAX_MODEL_NAME].strip("-")
        example = plain if plain and not _objection(plain) else "iris2"
        fix = f"name it {example!r}, say: its folder under model/ (with _ for each -) and in slipway.yaml"
        raise SlipwayError(f"{quoted(name)} cannot be a model's name: {reason}", fix=fix)
    return name


def folder_name(model: str) -> str:
    """Return the name of a model's folder, which Python imports: `my_wine` for `my-wine`."""
    return model.replace("-", "_")


def _objection(name: str) -> str:
    if not isinstance(name, str):
        return "it is no text"
    if not re.fullmatch(MODEL_NAME, name):
        return "it has to be lower-case letters and digits, a letter first, with single dashes between them"
    if len(name) > MAX_MODEL_NAME:
        return f"it has {len(name)} characters, {MAX_MODEL_NAME} is the most (Knative adds its own)"
    if _LIKE_RELEASE.search(name):
        return "it ends like the name of a release"
    return "the word is reserved" if keyword.iskeyword(name) or name in _RESERVED else ""


def form(name: str) -> str:
    """Return the form by which names are compared: composed Unicode (NFC), and for an identifier Python's own (NFKC).

    Unicode has two ways to write `ü`, which nobody can tell apart; Python takes `µ` for `μ` in the names of fields.
    """
    return name if name.isascii() else unicodedata.normalize("NFKC" if name.isidentifier() else "NFC", name)


def spellings(names: Iterable[str]) -> Mapping[str, str]:
    """Return each name by its form, without those that have one form in common."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(form(name), []).append(name)
    return {each: spelt[0] for each, spelt in found.items() if len(spelt) == 1}


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a clause that names the known word most like `word`, or all known words if none is alike.

    It tells how a word is written that looks the same and is another one.
    """
    # The dashes of options make no two of them alike.
    spelt = {each.lstrip("-").lower(): each for each in sorted(known, reverse=True)}
    alike = get_close_matches(word[:_LONGEST_COMPARED].lstrip("-").lower(), spelt, n=1, cutoff=0.6)
    if alike and spelt[alike[0]] != word:
        meant = spelt[alike[0]]
        same = not meant.isascii() and unicodedata.normalize("NFKC", word) == unicodedata.normalize("NFKC", meant)
        return f"did you mean {quoted(meant)}{f', which is {meant!a}' if same else ''}?"
    words = [cut(each) for each in sorted(spelt.values())]
    return f"known: {listed(words, _MOST_SHOWN, ', and ')}" if words else "there is none"


class ModelId(NamedTuple):
    """Name one published version of a model in an environment: `iris/test/7`."""

    model: str
    environment: str
    version: int

    @classmethod
    def parse(cls, text: str) -> ModelId:
        """Read `<model>/<environment>/<version>`; raise `SlipwayError` on anything else."""
        match = _MODEL_ID.fullmatch(text)
        if not match:
            fix = "write <model>/<environment>/<version>: iris/test/7"
            raise SlipwayError(f"{quoted(text)} is not a model id", fix=fix)
        return cls(match[1], match[2], int(match[3]))

    def __str__(self) -> str:
        return f"{self.model}/{self.environment}/{self.version}"


class ReleaseName(NamedTuple):
    """Name a release: `v7-1a2b3c4d`, its version and the first 8 digits of the fingerprint."""

    version: int
    short: str

    @classmethod
    def of(cls, version: int, fingerprint: str) -> ReleaseName:
        """Return the name of the release of `version` whose image has `fingerprint` (hexadecimal)."""
        return cls(version, fingerprint[:8])

    @classmethod
    def parse(cls, text: str) -> ReleaseName:
        """Read `v<version>-<8 hexadecimal digits>`; raise `SlipwayError` on anything else."""
        match = _RELEASE.fullmatch(text)
        if not match:
            raise SlipwayError(f"{quoted(text)} is not a release", fix="write v<version>-<fingerprint>: v7-1a2b3c4d")
        return cls(int(match[1]), match[2])

    def __str__(self) -> str:
        return f"v{self.version}-{self.short}"
