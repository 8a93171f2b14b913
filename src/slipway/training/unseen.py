"""The rows that a version was not trained on, where its own class chose them: asked in a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from slipway.artifacts.loading import load
from slipway.errors import SlipwayError
from slipway.models.splits import Split, chosen_by, digest_of, mask_of

if TYPE_CHECKING:
    import pandas as pd


class Question(Struct, frozen=True, kw_only=True):
    """Ask for the places of rows in `data` that the version of an artifact was not trained on."""

    artifact: Path
    data: Path
    own: Path
    """The data that it was trained on."""
    split: Split


class Unseen(Struct, frozen=True):
    """The places of unseen rows among `rows`."""

    places: list[int]
    rows: int

    def mask(self, data: pd.DataFrame) -> pd.Series[bool]:
        """Return True for each unseen row of `data`; raise `SlipwayError` when another class reads other rows there."""
        if len(data) != self.rows:
            raise SlipwayError(f"it reads {self.rows} rows where the fresh model's class reads {len(data)}")
        return mask_of(data, self.places)


def answer(question: Question) -> Unseen:
    """Return the rows that the version's class holds out, without those whose content it was trained on.

    Raise `SlipwayError` when the class no longer chooses the rows of its own data that it chose then.
    """
    from slipway.models.data import contents, read_snapshot

    loaded = load(question.artifact)
    data, own = (read_snapshot(loaded.model, path).reset_index(drop=True) for path in (question.data, question.own))
    out = chosen_by(loaded.model, own)
    if digest_of(out) != question.split.chosen:
        raise SlipwayError(f"the rows held out {question.split.words} are others than at its training")
    columns = loaded.schema.columns
    trained = set(contents(own[~out], columns))
    rows = enumerate(zip(chosen_by(loaded.model, data), contents(data, columns), strict=True))
    return Unseen([place for place, (held, content) in rows if held and content not in trained], len(data))
