"""What the model says of a tumour."""

from enum import StrEnum


class Diagnosis(StrEnum):
    """Whether a tumour is harmless. The classifier calls them 0 and 1, as scikit-learn's data set does."""

    MALIGNANT = "malignant"
    BENIGN = "benign"

    @classmethod
    def from_class(cls, number: int) -> "Diagnosis":
        """The diagnosis that the classifier means by `number`; raises `ValueError` on one that it never learned."""
        if number not in (0, 1):
            raise ValueError(f"the classifier's class {number!r} stands for no diagnosis: there are 0 and 1")
        return _IN_ORDER[number]

    @property
    def as_class(self) -> int:
        """What the classifier calls it."""
        return _IN_ORDER.index(self)


_IN_ORDER = tuple(Diagnosis)
