"""The diagnosis of a tumour, as the model answers it."""

from enum import StrEnum
from functools import cache


class Diagnosis(StrEnum):
    """The two kinds of a tumour. The classifier calls them 0 and 1, as scikit-learn's data set does."""

    MALIGNANT = "malignant"
    BENIGN = "benign"

    @classmethod
    @cache  # it is asked for each row
    def from_class(cls, number: int) -> "Diagnosis":
        """Return the diagnosis that the classifier means by `number`; raise `ValueError` for one it never learned."""
        if number not in (0, 1):
            raise ValueError(f"the classifier's class {number!r} stands for no diagnosis: there are 0 and 1")
        return _IN_ORDER[number]

    @property
    def as_class(self) -> int:
        """Return the classifier's number for it."""
        return _IN_ORDER.index(self)


_IN_ORDER = tuple(Diagnosis)
