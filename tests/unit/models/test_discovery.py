"""Model folders: the files that make a model, and its class."""

import pytest

from slipway.errors import SlipwayError
from slipway.models import discovery
from tests.unit.models.conftest import CASES, Repository


def refusal(repository, case):
    with pytest.raises(SlipwayError) as caught:
        discovery.load_class(repository.copy(case).settings, case)
    return caught.value


def test_the_class_of_a_model_folder_is_found(repository):
    """It has the same module name as in tests and in serving."""
    found = discovery.load_class(repository.copy("good").settings, "good")
    assert (found.__name__, found.__module__) == ("Good", "model.good.model")
    assert found is discovery.load_class(repository.settings, "good")


def test_a_class_with_two_names_is_one(repository):
    """An alias is not a second model."""
    assert discovery.load_class(repository.copy("alias").settings, "alias").__name__ == "Only"


@pytest.mark.parametrize(
    ("case", "problem", "fix"),
    [
        ("noclass", "model/noclass/model.py has no class derived from slipway.model.Model", "does not count"),
        ("elsewhere", "model/elsewhere/model.py has no class derived from slipway.model.Model", "does not count"),
        ("twoclasses", "model/twoclasses/model.py has 2 models: First and Second", "one class a folder"),
        ("notarget", "model/notarget/model.py: Aimless.target_variable is 3: name a column", ""),
        ("nopipeline", "model/nopipeline/model.py: Empty.pipeline is not written", ""),
        ("badtype", "model/badtype/model.py: Leaf.lengths: a list of numbers has one length", ""),
        ("nomodel", "model/nomodel has no model.py", "slipway new nomodel"),
        ("Bad-Name", "'Bad-Name' cannot be a model's name", "'bad-name'"),
    ],
)
def test_a_folder_without_just_one_model_is_refused(repository, case, problem, fix):
    """The message has the file, the mistake and the fix."""
    error = refusal(repository, case)
    assert error.problem.startswith(problem)
    assert fix in error.fix


@pytest.mark.parametrize(
    ("case", "problem", "fix"),
    [
        (
            "importerror",
            'model/importerror/limits.py, line 3: LIMIT = json.loads("{]")\n  JSONDecodeError: Expecting property',
            "",
        ),
        (
            "importname",
            "model/importname/model.py, line 1: from slipway.model import Modell\n  ImportError: cannot import name",
            "",
        ),
        ("syntaxerror", "model/syntaxerror/limits.py, line 1: LIMIT = 6.0 +\n  SyntaxError: invalid syntax", ""),
        ("notutf8", "model/notutf8/model.py, line 1: ", ""),
        (
            "missinglibrary",
            "model/missinglibrary/model.py, line 1: import lightgradientforest\n  ModuleNotFoundError: No module",
            "add it, pinned, to model/missinglibrary/requirements.txt",
        ),
        (
            "missingmodule",
            "model/missingmodule/model.py, line 1: from model.common.nothing import LIMIT\n  ModuleNotFoundError",
            "there is no model/common",
        ),
        (
            "exits",
            'model/exits/model.py, line 5: sys.exit("usage: model.py DATA")\n  SystemExit: usage: model.py DATA',
            "",
        ),
    ],
)
def test_a_module_that_fails_is_refused_with_the_users_own_line(repository, case, problem, fix):
    """It is the last line of their code. Their own modules are not proposed as packages to install."""
    error = refusal(repository, case)
    assert error.problem.startswith(problem)
    assert fix in error.fix


def test_a_mended_module_is_imported_anew(repository):
    """This happens in a notebook, after a mistake."""
    refusal(repository, "syntaxerror")
    repository.write("model/syntaxerror/limits.py", "LIMIT = 6.0").write(
        "model/syntaxerror/model.py", (CASES / "alias/model.py").read_text()
    )
    assert discovery.load_class(repository.settings, "syntaxerror").__name__ == "Only"


def test_a_named_model_without_its_folder_is_refused(repository):
    """The message names the missing file, and proposes no package."""
    repository.configure("models: {iris: , wine: {folder: model/good}}")
    with pytest.raises(SlipwayError, match=r"models\.iris: there is no model/iris/model\.py"):
        discovery.load_class(repository.settings, "iris")


def test_two_models_can_share_one_folder(repository):
    """They have the same class and differ in their settings."""
    repository.copy("good").configure("models: {small: {folder: model/good}, large: {folder: model/good}}")
    small, large = (discovery.load_class(repository.settings, name) for name in ("small", "large"))
    assert small is large
    assert discovery.entry(repository.settings, "small") == "model.good.model"
    assert repository.files("small") == repository.files("large")


def test_another_repositorys_model_of_the_same_name_is_another(repository, tmp_path):
    """This holds within one process, as in a notebook or in tests."""
    other = Repository(tmp_path / "other").write("model/good/model.py", (CASES / "alias/model.py").read_text())
    repository.copy("good")
    names = [discovery.load_class(each.settings, "good").__name__ for each in (repository, other, repository)]
    assert names == ["Good", "Only", "Good"]


def test_blame_names_the_line_that_led_into_a_library(repository):
    """It is a line of the user, not of the library or of Slipway."""
    good = discovery.load_class(repository.copy("good").settings, "good")()
    good.train(None)
    with pytest.raises(TypeError) as caught:
        good.predict([{"length": None, "width": 2}])
    assert discovery.blame(caught.value, repository.root) == (
        'model/good/features.py, line 2: return row["length"] * row["width"]\n'
        "  TypeError: unsupported operand type(s) for *: 'NoneType' and 'int'"
    )


def test_blame_without_a_line_of_the_user_says_what_happened(repository):
    """An error without a message has no colon."""
    assert discovery.blame(ValueError("too few"), repository.root) == "ValueError: too few"
    assert discovery.blame(KeyError(), repository.root) == "KeyError"


ASIDE = [
    *("test_model.py", "test_more/helper.py", "tests/data.py", "model_test.py", "conftest.py", "README.md", "README"),
    *("requirements.txt", "requirements-serve.txt", "data.csv", "old.csv.gz", "more.parquet", "explore.ipynb"),
    *(".hidden", ".ipynb_checkpoints/model.py", "__pycache__/model.cpython-311.pyc", "deep/data.csv"),
]


@pytest.mark.parametrize("name", ASIDE)
def test_what_does_not_make_the_model_is_left_out(repository, name):
    """These are tests, documents, requirements, data and hidden files."""
    repository.copy("good").write(f"model/good/{name}")
    assert repository.files() == ["model/good/features.py", "model/good/model.py"]


@pytest.mark.parametrize("name", ["words.txt", "deep/words.json", "contest.py", "requirements_parser.py", "testing.py"])
def test_everything_else_in_the_folder_makes_the_model(repository, name):
    """The code may read any of these files."""
    repository.copy("good").write(f"model/good/{name}")
    assert f"model/good/{name}" in repository.files()


def test_what_the_code_imports_is_never_left_out(repository):
    """Its name does not matter."""
    repository.write("model/good/test_bench.py").write("model/good/model.py", "from model.good import test_bench\n")
    assert repository.files() == ["model/good/model.py", "model/good/test_bench.py"]


@pytest.mark.parametrize(
    ("data", "left_out"),
    [
        ("model/good/leaves.bin", {"leaves.bin"}),
        ("./model/good/leaves.bin", {"leaves.bin"}),
        ("model/good/../good/leaves.bin", {"leaves.bin"}),
        ("{uri: model/good/leaves.bin}", {"leaves.bin"}),
        ("file:model/good/leaves.bin", {"leaves.bin"}),
        ("'model/good/{date}.bin'", {"leaves.bin", "leaves-2026-01-01.bin"}),
        ("'model/good/leaves-{date}.bin'", {"leaves-2026-01-01.bin"}),
        ("gs://bucket/model/good/leaves.bin", set()),
    ],
)
def test_the_data_that_the_settings_name_are_left_out(repository, data, left_out):
    """This holds for any format and any date, and not for files of similar names."""
    names = {"leaves.bin", "leaves-2026-01-01.bin", "leaves.binary", "model.py"}
    for name in names:
        repository.write(f"model/good/{name}")
    repository.configure(f"models: {{good: {{data: {data}}}}}")
    assert set(repository.files()) == {f"model/good/{name}" for name in names - left_out}


def test_data_named_by_its_whole_path_are_left_out(repository):
    """Settings on a laptop may have an absolute path."""
    repository.write("model/good/model.py").write("model/good/leaves.bin")
    repository.configure(f"models: {{good: {{data: {repository.root}/model/good/leaves.bin}}}}")
    assert repository.files() == ["model/good/model.py"]


def test_shared_code_comes_along_with_all_that_it_imports(repository):
    """Indirect and relative imports and `__init__.py` count. Modules that nobody imports are left out."""
    repository.write("model/good/model.py", "from ..common.first import a\nimport model.common.pack.inner\n")
    repository.write("model/common/first.py", "def f():\n    from .second import b\n")
    repository.write("model/common/second.py", "from model.other import words\n")
    repository.write("model/common/third.py")
    repository.write("model/common/pack/__init__.py", "from . import beside\n")
    repository.write("model/common/pack/inner.py").write("model/common/pack/beside.py")
    repository.write("model/common/pack/unused.py").write("model/other/words.py")
    assert repository.files() == [
        "model/common/first.py",
        "model/common/pack/__init__.py",
        "model/common/pack/beside.py",
        "model/common/pack/inner.py",
        "model/common/second.py",
        "model/good/model.py",
        "model/other/words.py",
    ]


def test_links_are_followed_within_the_repository(repository):
    """The file counts as one of the folder."""
    repository.copy("good").write("shared/words.txt")
    (repository.root / "model/good/words.txt").symlink_to("../../shared/words.txt")
    assert "model/good/words.txt" in repository.files()


@pytest.mark.parametrize("name", ["id_rsa", "words.txt"])
def test_a_link_out_of_the_repository_is_left_out(repository, tmp_path_factory, name):
    """The file is one of this machine, and does not belong into an image."""
    outside = tmp_path_factory.mktemp("outside") / name
    outside.write_text("private")
    (repository.copy("good").root / "model/good" / name).symlink_to(outside)
    assert repository.files() == ["model/good/features.py", "model/good/model.py"]


def test_a_module_out_of_the_repository_is_refused(repository, tmp_path_factory):
    """The module would be missing in the image."""
    outside = tmp_path_factory.mktemp("outside") / "shared.py"
    outside.touch()
    repository.write("model/good/model.py", "from model.common import shared\n").write("model/common/other.py")
    (repository.root / "model/common/shared.py").symlink_to(outside)
    with pytest.raises(SlipwayError, match=r"model/common/shared\.py is a link out of the repository"):
        repository.files()


def test_a_file_that_is_not_python_is_refused_with_its_line(repository):
    """Nothing has been trained yet."""
    with pytest.raises(SlipwayError, match=r"model/syntaxerror/limits\.py, line 1: invalid syntax: LIMIT = 6\.0 \+"):
        repository.copy("syntaxerror").files("syntaxerror")
