"""A model's pinned requirements."""

import shutil
from pathlib import Path

import pytest

from slipway.errors import SlipwayError
from slipway.models import requirements

CASES = Path(__file__).parents[2] / "models"


def read(folder, text, *, serve=None):
    (folder / "requirements.txt").write_text(text)
    if serve is not None:
        (folder / "requirements-serve.txt").write_text(serve)
        return requirements.read_serving(folder, folder)
    return requirements.read(folder, folder)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("# nothing\n\n", []),
        ("numpy==2.4.6", ["numpy==2.4.6"]),
        ("pandas==3.1.1\nnumpy==2.4.6\n", ["numpy==2.4.6", "pandas==3.1.1"]),
        ("  Scikit_Learn == 1.9.1   # why\r\n", ["scikit-learn==1.9.1"]),
        ("numpy==2.4.6\nNumPy==2.4.6\n", ["numpy==2.4.6"]),
        ("uvicorn[standard]==0.54.0", ["uvicorn[standard]==0.54.0"]),
        ("x==1.0+cpu", ["x==1.0+cpu"]),
        ("x==1.0; python_version < '3.12'\nx==2.0; python_version >= '3.12'", 2),
        ("\ufeffnumpy==2.4.6\n", ["numpy==2.4.6"]),
    ],
)
def test_each_line_is_one_package_at_one_version(tmp_path, text, found):
    """They are normalised: comments, order and spelling do not count."""
    read_ = read(tmp_path, text)
    assert (len(read_) if isinstance(found, int) else read_) == found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("numpy", "line 1: 'numpy' is not pinned"),
        ("numpy==2.4.6\n\nscikit-learn>=1.5", "line 3: 'scikit-learn>=1.5' is not pinned"),
        ("numpy==2.*", "is not pinned"),
        ("numpy===2.4.6", "is not pinned"),
        ("numpy~=2.4", "is not pinned"),
        ("numpy==2.4.6,!=2.4.7", "is not pinned"),
        ("numpy @ https://example.invalid/numpy.whl", "is not pinned"),
        ("-r other.txt", "line 1: '-r other.txt' is not a requirement"),
        ("--index-url https://example.invalid", "is not a requirement"),
        ("-e .", "is not a requirement"),
        ("./wheels/x.whl", "is not a requirement"),
        ("numpy==2.4.6 --hash=sha256:00", "is not a requirement"),
        ("numpy=2.4.6", "is not a requirement"),
        ("numpy==2.4.6 \\", "is not a requirement"),
        ("numpy==2.4.6\nNumpy==2.4.7", "line 2: numpy is pinned twice: ==2.4.6 and ==2.4.7"),
    ],
)
def test_another_line_is_refused_with_its_number(tmp_path, text, says):
    """Only then can a training be repeated."""
    with pytest.raises(SlipwayError) as caught:
        read(tmp_path, text)
    assert caught.value.problem.startswith("requirements.txt, line ")
    assert says in caught.value.problem


@pytest.mark.parametrize(("case", "says"), [("unpinned", "line 2: 'scikit-learn>=1.5' is not"), ("noclass", "missing")])
def test_the_file_is_named_by_its_path_in_the_repository(tmp_path, case, says):
    """A missing file and a wrong one are refused."""
    shutil.copytree(CASES / case, tmp_path / "model" / case)
    with pytest.raises(SlipwayError, match=rf"^model/{case}/requirements\.txt.* {says}"):
        requirements.read(tmp_path / "model" / case, tmp_path)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    """Some editors write UTF-16."""
    (tmp_path / "requirements.txt").write_bytes("numpy==2.4.6".encode("utf-16"))
    with pytest.raises(SlipwayError, match=r"requirements\.txt is not text in UTF-8"):
        requirements.read(tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("train", "serve", "found"),
    [
        ("numpy==2.4.6\npandas==3.1.1", None, ["numpy==2.4.6", "pandas==3.1.1"]),
        ("numpy==2.4.6\npandas==3.1.1", "NumPy==2.4.6", ["numpy==2.4.6"]),
        ("numpy==2.4.6", "", []),
        ("numpy==2.4.6", "onnxruntime==1.31.1", ["onnxruntime==1.31.1"]),
    ],
)
def test_predicting_may_need_less(tmp_path, train, serve, found):
    """It may also need other packages. Without a file of its own, it needs those of training."""
    (tmp_path / "requirements.txt").write_text(train)
    if serve is not None:
        (tmp_path / "requirements-serve.txt").write_text(serve)
    assert requirements.read_serving(tmp_path, tmp_path) == found


def test_predicting_with_another_version_is_refused(tmp_path):
    """Another version may read otherwise what one version saved."""
    with pytest.raises(
        SlipwayError, match=r"requirements-serve.txt: numpy==2.4.7 differs from requirements.txt: ==2.4.6"
    ):
        read(tmp_path, "numpy==2.4.6", serve="numpy==2.4.7")


def test_predicting_alone_needs_its_own_file_only(tmp_path):
    """The artifacts of such a model are published by hand."""
    (tmp_path / "requirements-serve.txt").write_text("numpy==2.4.6")
    assert requirements.read_serving(tmp_path, tmp_path) == ["numpy==2.4.6"]


@pytest.mark.parametrize(
    ("train", "serve", "found"),
    [
        ("scikit-learn==1.9.1\npandas==3.1.1\nnumpy==2.4.6", None, ["numpy==2.4.6"]),
        ("scikit-learn==1.9.1", "Scikit_Learn==1.9.1", ["scikit-learn==1.9.1"]),
    ],
)
def test_what_was_converted_does_without_scikit_learn_and_pandas(tmp_path, train, serve, found):
    """All packages stay if the model has a file for serving."""
    (tmp_path / "requirements.txt").write_text(train)
    if serve is not None:
        (tmp_path / "requirements-serve.txt").write_text(serve)
    assert requirements.read_converted(tmp_path, tmp_path) == found
