"""Two locks of packages are laid over one another, and compared."""

from slipway.provenance.locks import laid_over, moved

LOCK = """# a remark
numpy==2.3.1 ; python_version >= '3.12' \\
    --hash=sha256:aa
numpy==2.2.0 ; python_version < '3.12' \\
    --hash=sha256:bb
Uvicorn[standard]==0.30.0
"""


def test_packages_of_the_other_lock_replace_equal_ones() -> None:
    """They bring all their lines, and their names may be spelled differently. Other packages stay."""
    assert laid_over(LOCK, "uvicorn==0.29.0 \\\n    --hash=sha256:cc") == (
        "numpy==2.2.0 ; python_version < '3.12' \\\n    --hash=sha256:bb\n"
        "numpy==2.3.1 ; python_version >= '3.12' \\\n    --hash=sha256:aa\n"
        "uvicorn==0.29.0 \\\n    --hash=sha256:cc\n"
    )
    assert laid_over("", LOCK) != ""
    assert moved(LOCK, laid_over(LOCK, "")) == []


def test_changed_versions_are_named() -> None:
    """A package that only one of the two locks has is named, too."""
    assert moved(LOCK, "numpy==2.3.1\nsix==1.0\n") == [
        "numpy 2.2.0 and 2.3.1 → 2.3.1",
        "six not there → 1.0",
        "uvicorn 0.30.0 → not there",
    ]
