"""The packages of a lock take the place of another's."""

from slipway.provenance.retraining import laid_over, moved

LOCK = """# a remark
numpy==2.3.1 ; python_version >= '3.12' \\
    --hash=sha256:aa
numpy==2.2.0 ; python_version < '3.12' \\
    --hash=sha256:bb
Uvicorn[standard]==0.30.0
"""


def test_another_lock_goes_before() -> None:
    """Its packages come with all their lines, however the name is spelt; the others stay."""
    assert laid_over(LOCK, "uvicorn==0.29.0 \\\n    --hash=sha256:cc") == (
        "numpy==2.2.0 ; python_version < '3.12' \\\n    --hash=sha256:bb\n"
        "numpy==2.3.1 ; python_version >= '3.12' \\\n    --hash=sha256:aa\n"
        "uvicorn==0.29.0 \\\n    --hash=sha256:cc\n"
    )
    assert laid_over("", LOCK) != ""
    assert moved(LOCK, laid_over(LOCK, "")) == []


def test_what_moved() -> None:
    """Other versions, and what is in one of the two only, are named."""
    assert moved(LOCK, "numpy==2.3.1\nsix==1.0\n") == [
        "numpy 2.2.0 and 2.3.1 → 2.3.1",
        "six not there → 1.0",
        "uvicorn 0.30.0 → not there",
    ]
