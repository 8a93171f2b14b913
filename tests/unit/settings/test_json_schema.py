"""`slipway.schema.json` agrees with the types of the settings and with the reference."""

import json
import re
import subprocess
from pathlib import Path

import msgspec
import pytest
import yaml

from slipway.settings import ModelSettings
from slipway.settings.json_schema import schema
from slipway.settings.strict import read
from tests.unit.settings import test_settings

ROOT = Path(__file__).parents[3]
FILE = json.loads((ROOT / "slipway.schema.json").read_text())
README = (ROOT / "README.md").read_text()
# What a type can say; the other refusals compare values with one another.
OF_TYPES = ("unknown key", " is needed", " will not do", " is not known", " is missing")


def tracked(*patterns: str) -> list[Path]:
    """Return the tracked files that match the patterns."""
    command = ["git", "ls-files", "-z", "--", *patterns]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in done.stdout.split("\0") if name]


def problems(content: object) -> list[str]:
    """Return the errors that the schema finds."""
    from jsonschema import Draft7Validator  # its import takes seconds, of every worker that collects

    return [f"{error.json_path}: {error.message}" for error in Draft7Validator(FILE).iter_errors(content)]


def cases(test: object) -> list[tuple[str, str]]:
    """Return the wrong settings of a test of messages, with their message.

    Leave out two: keys in JSON are text, and `$` of Python matches before the end of a line, that of JavaScript
    does not.
    """
    (mark,) = test.pytestmark  # type: ignore[attr-defined]
    found = [case for case in mark.args[1] if any(words in case[1] for words in OF_TYPES)]
    return [(text, says) for text, says in found if "{on:" not in text and not text.endswith('\\n"')]


def keys(definition: dict) -> set[str]:
    """Return the keys of a block of settings."""
    return set(definition["properties"])


def test_the_file_is_made_from_the_types() -> None:
    """After a change of the types, `make schema` writes it anew."""
    from jsonschema import Draft7Validator

    assert schema() == FILE, "run: make schema"
    Draft7Validator.check_schema(FILE)


def test_every_key_has_a_description() -> None:
    """Editors show it beside the key."""
    for definition in (FILE, *FILE["definitions"].values()):
        assert definition["description"]
        assert [key for key, value in definition["properties"].items() if "description" not in value] == []


@pytest.mark.parametrize(("text", "says"), cases(test_settings.test_the_message_names_the_models_key))
def test_it_refuses_a_model_as_reading_does(text: str, says: str) -> None:
    """An unknown key, a wrong type, an unknown word and a wrong form are marked while somebody types."""
    assert problems(read(f"{test_settings.ENVIRONMENTS}models:\n  iris:\n    {text}")), says


@pytest.mark.parametrize(("text", "says"), cases(test_settings.test_the_message_names_the_path_of_what_is_wrong))
def test_it_refuses_an_environment_as_reading_does(text: str, says: str) -> None:
    """This includes the names of environments."""
    assert problems(read(text)), says


@pytest.mark.parametrize("models", [test_settings.FULL.replace("DIGEST", "0123456789abcdef" * 4), "models: {iris: }"])
def test_it_takes_what_reading_takes(models: str) -> None:
    """The schema takes every key at once, and a model's name with nothing below it."""
    assert problems(read(test_settings.ENVIRONMENTS + models)) == []


def test_the_settings_name_it_in_their_first_line() -> None:
    """The path is relative to the settings."""
    first = (ROOT / "slipway.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=slipway.schema.json"


@pytest.mark.parametrize("path", tracked("slipway.yaml", "*/slipway.yaml", "tests/demo.yaml"), ids=str)
def test_settings_in_the_repository_are_valid(path: Path) -> None:
    """This includes the settings of test repositories."""
    assert problems(read(path.read_text())) == []


def test_examples_in_documents_are_valid() -> None:
    """A block of YAML in a document is an example of settings if it has environments or models."""
    texts = [path.read_text() for path in tracked("*.md")]
    blocks = [read(block) for text in texts for block in re.findall(r"^```yaml\n(.*?)^```", text, re.S | re.M)]
    examples = [block for block in blocks if isinstance(block, dict) and block.keys() & {"environments", "models"}]
    environments = read(test_settings.ENVIRONMENTS)
    assert [problems(environments | example) for example in examples] == [[]] * len(examples)


def defaults() -> dict[str, str]:
    """Return the default of each key in the reference of a model's settings."""
    (table,) = re.findall(r"^\| key \| default \|.*?\n\|[-| ]+\n(.*?)\n\n", README, re.S | re.M)
    found = {}
    for line in table.splitlines():
        cells = line.split(" | ")
        names = re.findall(r"`(\w+)`", cells[0])
        found |= dict(zip(names, re.split("[,;] ", cells[1]) if len(names) > 1 else cells[1:2], strict=True))
    return found


def test_the_reference_has_every_key_of_a_model() -> None:
    """It has no other key."""
    assert defaults().keys() == keys(FILE["definitions"]["ModelSettings"])


@pytest.mark.parametrize("key", [key for key, default in defaults().items() if re.fullmatch("`[^<]*`", default)])
def test_the_reference_has_the_defaults(key: str) -> None:
    """A default that is written in the reference is that of the type."""
    default = yaml.safe_load(defaults()[key].strip("`"))
    assert problems({**read(test_settings.ENVIRONMENTS), "models": {"iris": {key: default}}}) == []
    assert msgspec.convert({key: default}, ModelSettings) == ModelSettings()


def test_the_reference_has_every_other_key() -> None:
    """The documents name the keys of environments and of the blocks within a model."""
    named = {
        word
        for path in tracked("*.md")
        for code in re.findall(r"`([^`\n]+)`", path.read_text())
        for word in re.findall(r"[a-z_0-9]+", code)
    }
    assert {key for each in (FILE, *FILE["definitions"].values()) for key in keys(each)} - named == set()
