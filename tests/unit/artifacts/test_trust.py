import builtins
import io
import json
import os
import subprocess
import zipfile
from functools import partial
from importlib import import_module

import numpy as np
import pytest
import skops.io
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import check_array

from slipway.artifacts import estimators, load
from slipway.artifacts.trust import CLASSES, FUNCTIONS, Trust, own_modules
from slipway.errors import SlipwayError
from tests.unit.artifacts import zoo
from tests.unit.artifacts.zoo import CALLED, Simple, Waiting, trap, with_squares

HERE = "tests.unit.artifacts.zoo"
TRUST = Trust.of(Simple)
TRAP = {"__class__": "trap", "__module__": HERE, "__loader__": "FunctionNode"}


def crafted(value, change) -> bytes:
    """Return the saved `value` with a schema that an attacker changed."""
    result, content = io.BytesIO(), estimators.settled(skops.io.dumps(value))
    with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(result, "w") as other:
        schema = json.loads(archive.read("schema.json"))
        change(schema)
        other.writestr("schema.json", json.dumps(schema))
        for name in set(archive.namelist()) - {"schema.json"}:
            other.writestr(name, archive.read(name))
    return result.getvalue()


def named(name, module=HERE, **more):
    return lambda schema: schema.update(__class__=name, __module__=module, **more)


def by_id(schema, node):
    """Let `node`, which looks harmless, stand for the first item of the list that is saved."""
    schema["content"][0]["__id__"] = node["__id__"] = 7


@pytest.fixture(autouse=True)
def _nothing_called():
    CALLED.clear()


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (FunctionTransformer(os.system), "posix.system"),
        (FunctionTransformer(eval), "builtins.eval"),
        (FunctionTransformer(subprocess.run), "subprocess.run"),
        (FunctionTransformer(os.path.join), "posixpath.join"),
        (FunctionTransformer(np.load), "numpy.load"),
        (FunctionTransformer(partial(trap, 1)), "functools.partial"),
        (FunctionTransformer(Simple().predict), f"{HERE}.Simple.predict"),
        ({"a": builtins.exec}, "builtins.exec"),
    ],
)
def test_an_artifact_cannot_bring_a_function(saved, value, name):
    """Every foreign name in a part is refused by name, and nothing of it runs."""
    folder = saved(value=FunctionTransformer(with_squares))
    (folder / "parts/value.skops").write_bytes(skops.io.dumps(value))

    with pytest.raises(SlipwayError, match=f"value.skops holds what is not trusted: .*{name}"):
        load(folder)

    with pytest.raises(SlipwayError, match=f"Simple.value holds what is not trusted: .*{name}"):
        estimators.dump(value, TRUST, "Simple.value")


def test_a_name_that_the_models_module_imported_is_not_its_own():
    """`from subprocess import run` in a model's module does not make `run` the model's."""
    content = crafted(with_squares, named("run"))

    with pytest.raises(SlipwayError, match=f"not trusted: {HERE}.run"):
        estimators.load(content, TRUST, "it")


@pytest.mark.parametrize(
    ("value", "change"),
    [
        ([1, 2], named("trap")),
        ({1, 2}, named("trap")),
        ({"a": 1}, named("trap")),
        (np.float64(1), named("trap")),
        (zoo.PAUSE, named("trap")),
        (StopIteration("a"), named("trap", __loader__="ObjectNode", content=None)),
        ({"a": 1}, lambda schema: schema["key_types"]["content"].__setitem__(0, TRAP)),
        ({"a": 1}, lambda schema: schema["key_types"]["content"][0].update(TRAP)),
        ([trap, {"a": 1}], lambda schema: by_id(schema, schema["content"][1]["key_types"]["content"][0])),
        ([[trap], {"a": 1}], lambda schema: by_id(schema, schema["content"][1]["key_types"])),
    ],
    ids=["list", "set", "dict", "number", "constructor", "object", "key", "key again", "key by id", "keys by id"],
)
def test_an_own_function_is_held_and_never_called(value, change):
    """A function of the model's module may stand where a function stands, and not where skops would call it."""
    content = crafted(value, change)

    with pytest.raises(SlipwayError, match="not trusted"):
        estimators.load(content, TRUST, "it")

    assert CALLED == []


def test_skops_itself_would_call_the_function():
    """skops calls a function that is trusted by name, which is why names are not enough."""
    content = crafted({"a": 1}, lambda schema: schema["key_types"]["content"].__setitem__(0, TRAP))

    skops.io.loads(content, trusted=[f"{HERE}.trap"])

    assert CALLED.pop() == ("a",)


def test_a_partial_is_of_a_known_function_alone():
    """Another function cannot take its place, neither by name nor by id."""
    value = [trap, partial(check_array, dtype=None)]
    assert estimators.load(estimators.dump(value, TRUST, "it"), TRUST, "it")[1].func is check_array

    def swapped(schema):
        schema["content"][0]["__id__"] = schema["content"][1]["content"]["func"]["__id__"] = 7

    for change in (swapped, lambda schema: schema["content"][1]["content"]["func"].update(TRAP)):
        with pytest.raises(SlipwayError, match=r"not trusted: functools\.partial"):
            estimators.load(crafted(value, change), TRUST, "it")


def test_an_own_function_is_loaded():
    """A FunctionTransformer holds a function of the model's module."""
    assert estimators.load(estimators.dump(trap, TRUST, "it"), TRUST, "it") is trap


def test_a_lambda_is_refused_with_what_to_write():
    """A lambda has no name by which it can be found."""
    with pytest.raises(SlipwayError, match="lambda") as refusal:
        estimators.dump(FunctionTransformer(lambda values: values), TRUST, "Iris.pipeline")

    assert "outermost level" in refusal.value.fix


def test_a_type_can_be_trusted_by_the_models_class(again):
    """The refusal at saving names the attribute and the type, and says where to add it."""
    with pytest.raises(SlipwayError, match=r"Simple\.value holds what is not trusted: datetime\.timedelta") as refusal:
        again(zoo.PAUSE)

    assert "trusted_types = ['datetime.timedelta']" in refusal.value.fix
    assert estimators.load(estimators.dump(zoo.PAUSE, Trust.of(Waiting), "it"), Trust.of(Waiting), "it") == zoo.PAUSE


def test_files_of_the_first_skops_are_refused():
    """They keep the name of a function in a place that is not checked."""
    content = crafted(trap, lambda schema: schema.update(protocol=0))

    with pytest.raises(SlipwayError, match="too old"):
        estimators.load(content, TRUST, "it")


def test_a_models_own_modules_are_those_that_it_imports():
    """Modules of other models and of libraries do not count."""
    from model.iris.model import Iris

    assert own_modules(Iris.__module__) == {"model.iris.model", "model.iris.features", "model.common.cleaning"}


@pytest.mark.parametrize("name", sorted(CLASSES | FUNCTIONS))
def test_each_listed_name_exists(name):
    """Each name is defined in its module, and is of the kind that the list says."""
    module, _, attribute = name.rpartition(".")
    found = getattr(import_module(module), attribute)

    assert isinstance(found, type) == (name in CLASSES)
    assert found.__module__ == module
