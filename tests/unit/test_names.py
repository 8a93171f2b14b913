"""Names of models, versions and releases."""

import pytest

from slipway.errors import SlipwayError
from slipway.names import MAX_MODEL_NAME, ModelId, ReleaseName, check_model_name, form, nearest

LONGEST = "m" * MAX_MODEL_NAME


@pytest.mark.parametrize(
    "name", ["a", "iris", "iris2", "x0y1", "my-wine", "a-1-b", "my-class", "match", "type", "test", "none", LONGEST]
)
def test_a_name_that_python_and_kubernetes_take_is_a_models(name):
    """A name has lower-case letters, digits and single dashes, and a letter first, and may be a soft keyword."""
    assert check_model_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            "Iris",
            "2iris",
            "-iris",
            "iris-",
            "i--ris",
            "i_ris",
            "iris-v7-1a2b3c4d",
            "i.ris",
            "iris ",
            "iris\n",
            "irís",
            "../x",
            LONGEST + "m",
        ),
        *("class", "import", "lambda", "common", "model", "slipway", "training"),
    ],
)
def test_another_name_is_refused(name):
    """Refused are wrong characters, long names, Python's keywords and reserved folders."""
    with pytest.raises(SlipwayError, match="cannot be a model's name"):
        check_model_name(name)


@pytest.mark.parametrize(
    ("name", "proposed"),
    [
        ("Iris_Flowers", "'iris-flowers'"),
        ("2iris", "'iris'"),
        ("class", "'iris2'"),
        ("", "'iris2'"),
        ("m" * 500, LONGEST),
    ],
)
def test_a_refusal_proposes_a_name_that_will_do_and_stays_short(name, proposed):
    """The proposal is made of the given name where possible."""
    with pytest.raises(SlipwayError) as caught:
        check_model_name(name)
    assert proposed in caught.value.fix
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("version", [1, 99_999])
def test_what_knative_derives_from_the_longest_name_stays_under_63_characters(version):
    """The longest derived name is that of the revision's deployment. Route and Job have shorter ones."""
    service = f"{LONGEST}-{ReleaseName.of(version, 'f' * 64)}"
    assert len(f"{service}-00001-deployment") < 63
    assert len(f"verify-{service}") < 63


@pytest.mark.parametrize(
    ("text", "model_id"),
    [
        ("iris/test/7", ModelId("iris", "test", 7)),
        ("x1/prod-eu/123456789", ModelId("x1", "prod-eu", 123456789)),
        ("iris/dev/1", ModelId("iris", "dev", 1)),
    ],
)
def test_a_model_id_is_read_as_it_is_written(text, model_id):
    """`parse` and `str` undo each other."""
    assert ModelId.parse(text) == model_id
    assert str(model_id) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "iris", "iris/test", "iris/test/0", "iris/test/07", "iris/test/-1", "iris/test/7/8", "iris/test/7\n"),
        "Iris/test/7",
        "iris/te_st/7",
        "iris/test-/7",
        "iris//7",
        "iris/test/x",
        "iris/test/٣",
        "iris/test/" + "9" * 5000,
    ],
)
def test_what_is_no_model_id_is_refused(text):
    """Three parts are needed, the version in its usual form. A huge number is an error, not a crash."""
    with pytest.raises(SlipwayError, match="not a model id"):
        ModelId.parse(text)


@pytest.mark.parametrize(
    ("text", "release"),
    [("v7-1a2b3c4d", ReleaseName(7, "1a2b3c4d")), ("v99999-00000000", ReleaseName(99999, "00000000"))],
)
def test_a_release_is_read_as_it_is_written(text, release):
    """`parse` and `str` undo each other."""
    assert ReleaseName.parse(text) == release
    assert str(release) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "v7", "7-1a2b3c4d", "v0-1a2b3c4d", "v07-1a2b3c4d", "v7-1A2B3C4D", "v7-1a2b3c4", "v7-1a2b3c4d5"),
        *("v7-1a2b3c4g", "v7-1a2b3c4d\n", " v7-1a2b3c4d", "v" + "9" * 5000 + "-1a2b3c4d"),
    ],
)
def test_what_is_no_release_is_refused(text):
    """A version and eight lower-case hexadecimal digits are needed, and nothing else."""
    with pytest.raises(SlipwayError, match="not a release"):
        ReleaseName.parse(text)


def test_a_release_is_named_by_version_and_short_fingerprint():
    """The name has the first eight digits of the fingerprint."""
    assert str(ReleaseName.of(7, "1a2b3c4d" + "0" * 56)) == "v7-1a2b3c4d"


def test_releases_are_ordered_by_version_as_a_number():
    """v10 is newer than v9."""
    assert max(ReleaseName(9, "ffffffff"), ReleaseName(10, "00000000")).version == 10


@pytest.mark.parametrize(
    ("word", "known", "says"),
    [
        ("mn", ["min", "max"], "did you mean 'min'?"),
        ("IRIS", ["iris", "tumor"], "did you mean 'iris'?"),
        ("colour", ["Color"], "did you mean 'Color'?"),
        ("zebra", ["iris", "tumor"], "known: iris, tumor"),
        ("iris", ["iris"], "known: iris"),
        ("x", [], "there is none"),
        ("x", [f"field{n:02}" for n in range(40)], "known: field00, field01"),
    ],
)
def test_the_nearest_known_word_is_named(word, known, says):
    """Upper and lower case are alike. If no word is near, all known words are listed."""
    assert nearest(word, known).startswith(says)


def test_hints_stay_short_and_fast_whatever_they_are_about():
    """A word of a megabyte, or very many known words, give one line."""
    assert len(nearest("x" * 1_000_000, [f"{'y' * 500}{n}" for n in range(200)])) < 1000


def test_dashes_make_no_options_alike() -> None:
    """Options are compared without their dashes."""
    assert nearest("--where", ["--env", "--help", "-h"]) == "known: --env, --help, -h"
    assert nearest("--resaon", ["--env", "--reason"]) == "did you mean '--reason'?"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Gr\u00f6\u00dfe", "Gro\u0308\u00dfe", True),
        ("L\u00e4nge (mm)", "La\u0308nge (mm)", True),
        ("blei_\u00b5g", "blei_\u03bcg", True),  # Python's names of fields
        ("blei (\u00b5g)", "blei (\u03bcg)", False),
        ("m\u00b2", "m2", False),
        ("x", "X", False),
    ],
)
def test_names_are_compared_by_their_form(one, other, same):
    """Two ways to write a letter are one name, and two names of one field in Python are; nothing else is."""
    assert (form(one) == form(other)) is same


def test_a_name_that_looks_the_same_and_is_another_is_told_by_its_characters():
    """Else the hint would show the word that was asked for."""
    assert nearest("blei (\u00b5g)", ["blei (\u03bcg)"]) == r"did you mean 'blei (μg)', which is 'blei (\u03bcg)'?"
