"""The questions of promotions, for a machine without rights: the code of models answers them there.

`slipway promote --questions` leaves them in a folder, with a store of the versions that they are about. `slipway
answer` answers them. `slipway promote --answers` takes an answer only for the very artifacts that it promotes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from slipway.errors import SlipwayError
from slipway.files import write
from slipway.names import ModelId
from slipway.release.promote import Promoted
from slipway.review import argued, promotion_facts
from slipway.review.comparison import Comparison, Version, compare, fetched
from slipway.settings import Settings
from slipway.store import Record, Store
from slipway.store.handing import handed_on, read
from slipway.store.records import Digest, Positive, encode

_QUESTIONS = "questions.json"
_ANSWERS = "answers.json"
_FIX = "slipway promote --questions writes the questions, and slipway answer the answers"


class Asked(Struct, frozen=True):
    """A version that is asked, by the digests of its artifact and of its data."""

    environment: str
    version: Positive
    artifact: Digest
    data: Digest | None = None

    @classmethod
    def of(cls, record: Record) -> Asked:
        """Return the version of a record."""
        data = record.data.sha256 if record.data else None
        return cls(record.environment, record.version, record.artifact.digest, data)


class Question(Struct, frozen=True):
    """The question how a candidate compares with what runs now."""

    model: str
    candidate: Asked
    running: Asked | None = None


class Answer(Struct, frozen=True, kw_only=True):
    """The answer to a question, or the reason why there is none."""

    question: Question
    ground: str = ""
    """What the code was asked by (`argued.ground`)."""
    comparison: Comparison | None = None
    problem: str = ""
    fix: str = ""


def leave(done: Promoted, folder: Path) -> None:
    """Add the question of a promotion, and the versions that it is about, to a folder."""

    def take(store: Store, record: Record) -> Asked:
        handed_on(folder, store.environment).mirror(record, source=store)
        return Asked.of(record)

    candidate, running, _ = promotion_facts.both(done, take)
    question = Question(ModelId.parse(done.source.record.model_id).model, candidate, running)
    write(folder / _QUESTIONS, encode([*asked(folder), question]))


def asked(folder: Path) -> list[Question]:
    """Return the questions in a folder."""
    return read(folder / _QUESTIONS, list[Question], _FIX) if (folder / _QUESTIONS).exists() else []


def answer(settings: Settings, folder: Path, target: Path, report: Callable[[str], None] = lambda _: None) -> None:
    """Answer the questions in a folder by the code of the models, and write the answers into the folder `target`."""
    found = []
    for question in asked(folder):
        report(f"{question.model}: asking v{question.candidate.version}")
        try:
            ground = argued.ground(settings, question.model)
            comparison = _answer(settings, question, folder)
            found.append(Answer(question=question, ground=ground, comparison=comparison))
        except SlipwayError as error:
            found.append(Answer(question=question, problem=error.problem, fix=error.fix))
    write(target / _ANSWERS, encode(found))


def comparing(folder: Path) -> promotion_facts.Compare:
    """Return a function that compares two versions by the answers in a folder, and runs no code of a model.

    It raises `SlipwayError` where nobody was asked about the very artifacts and data of both.
    """
    answers = {each.question: each for each in read(folder / _ANSWERS, list[Answer], _FIX)}

    def compared(settings: Settings, candidate: Version, before: Version | None) -> Comparison:
        record = candidate.record
        question = Question(record.model, Asked.of(record), Asked.of(before.record) if before else None)
        found = answers.get(question)
        if found is None:
            beside = f" beside {before.record.id}" if before else ""
            raise SlipwayError(f"{record.id}{beside} was not asked: one of them is newer", fix="run it again")
        if found.comparison is None:
            raise SlipwayError(found.problem or f"{record.id} gave no answer", fix=found.fix)
        if not _is_whole(found.comparison):
            raise SlipwayError(f"the answers of {record.id} do not fit their rows", fix="run it again")
        settled = found.comparison.settled and found.ground == argued.ground(settings, record.model)
        return msgspec.structs.replace(found.comparison, settled=settled)

    return compared


def _is_whole(found: Comparison) -> bool:
    """Return True if each side answers each measured row: a machine that ran code of models may say anything."""
    sides = [found.candidate, *([found.before] if found.before and found.before.answers else [])]
    return all(len(given) == len(found.truth) for side in sides for given in (side.answers, side.predictions))


def _answer(settings: Settings, question: Question, folder: Path) -> Comparison:
    with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:

        def version(each: Asked) -> Version:
            store = handed_on(folder, each.environment)
            return fetched(
                store, store.record(question.model, each.version), Path(scratch, f"{each.environment}-{each.version}")
            )

        running = version(question.running) if question.running else None
        return compare(settings, version(question.candidate), running)
