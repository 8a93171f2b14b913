"""A model's own tests are found and run."""

import pytest

from slipway.models import model_tests


def test_the_tests_of_a_model_are_those_that_pytest_finds(repository):
    """They are found in folders below, too."""
    repository.copy("good").write("model/good/test_b.py").write("model/good/deep/test_a.py").write(
        "model/good/x_test.py"
    )
    found = model_tests.files(repository.settings, "good")
    assert [path.name for path in found] == ["test_a.py", "test_b.py"]


@pytest.mark.parametrize(("word", "asks"), [("served_url", True), ("nothing", False)])
def test_a_test_that_is_not_in_utf_8_is_read(repository, word, asks):
    """Python reads it by the encoding that the file names."""
    repository.copy("good")
    text = f"# -*- coding: latin-1 -*-\ndef test_gr\u00f6\u00dfe({word}): ...\n"
    (repository.root / "model/good/test_size.py").write_bytes(text.encode("latin-1"))
    assert model_tests.use_served_url(repository.settings, "good") is asks
