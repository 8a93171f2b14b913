"""`slipway.yaml`: the values that it takes, and the messages about wrong ones."""

from itertools import pairwise
from math import inf

import pytest

from slipway import settings
from slipway.errors import SlipwayError
from slipway.settings import strict
from slipway.settings.consistency import check_objects
from slipway.settings.types import AccessSettings, Scale

ENVIRONMENTS = """
environments:
  test: {store: store/test, namespace: slipway-test}
  prod: {store: "gs://bucket/prod", namespace: slipway-prod, promotes_from: test}
"""
FULL = """
base_image: "ghcr.io/team/python:3.12-slim@sha256:DIGEST"
branch: release/1.x
models:
  iris: &usual
    folder: model/flowers
    services: [predict, training]
    train: runner
    data: {uri: "gs://bucket/iris-{date}.csv", sha256: DIGEST}
    parameters: {c: 0.5, steps: 3, fast: true, kind: lbfgs, token_pattern: "x"}
    secrets: {API_KEY: {secret: iris.api, key: key.txt}}
    gates: {accuracy: {min: 0.9, worse_by: 0.01}, rmse: {max: 3}}
    held_out: 0.3
    schedule: 0 3 * * mon-fri
    scale: {min: 1, max: 3, concurrency: 80, cpu: 500m, memory: 1Gi, timeout: 10}
    retention: 5
    pin: {prod: 7}
    per_environment: {prod: {scale: {min: 2}, retention: 9}}
  tumor:
    <<: *usual
    folder: model/tumor
"""


def read(models="", environments=ENVIRONMENTS, root=None):
    return settings.parse(environments + models, root)


def of_iris(text):
    """Return the message about settings of the model iris."""
    with pytest.raises(SlipwayError) as caught:
        read("models:\n  iris:\n    " + text)
    assert caught.value.problem.startswith("slipway.yaml")
    return str(caught.value).removeprefix("slipway.yaml: models.iris").removeprefix(".")


def test_what_is_not_said_has_a_default():
    """A model that is not named has all the defaults."""
    found = read("models:\n  iris:\n  tumor: {}\n")
    assert (found.branch, found.base_image) == ("main", "python:3.11-slim")
    assert found.environment("test").registry == "unbuilt.invalid"
    assert found.environment("prod").promotes_from == "test"
    assert found.model("iris") == found.model("tumor") == settings.ModelSettings()
    assert found.model("iris").scale == Scale(min=0, max=5, concurrency=10)


def test_everything_that_can_be_said_is_read():
    """All keys are read from a full file, with anchors."""
    found = read(FULL.replace("DIGEST", "0123456789abcdef" * 4))
    assert found.model("iris").parameters["c"] == 0.5
    assert found.model("tumor").gates["rmse"].max == 3.0
    assert found.model("tumor").folder == "model/tumor"


def test_an_environments_own_values_lie_over_the_others():
    """Each key is replaced by itself, and only in this environment."""
    model = read("models:\n  iris: {scale: {max: 9}, per_environment: {prod: {scale: {min: 2}, retention: 7}}}").model(
        "iris"
    )
    assert (model.within("prod").scale.min, model.within("prod").scale.max, model.within("prod").retention) == (2, 9, 7)
    assert model.within("test") is model


def test_who_may_ask_and_how_much():
    """Defaults: everybody, 10,000 rows, and 1 KiB for each. An environment's access replaces the model's as a whole."""
    assert read("models:\n  iris:\n").model("iris").access == AccessSettings(kind="none")
    limits = [
        read(f"models:\n  iris: {{limits: {each}}}").model("iris").limits
        for each in ("{}", "{rows: 5}", "{rows: 2000}")
    ]
    assert [(each.bytes, each.rows) for each in limits] == [(10_240_000, 10_000), (1 << 20, 5), (2_048_000, 2000)]
    of = "{access: {kind: bearer, secret: keys}, limits: {body: 2Ki}, per_environment: {prod: OWN}}"
    model = read(f"models:\n  iris: {of.replace('OWN', '{access: {kind: basic}, limits: {rows: 5}}')}").model("iris")
    assert (model.limits.bytes, model.within("prod").limits.bytes, model.within("prod").limits.rows) == (2048, 2048, 5)
    assert model.within("test").access.secret == "keys"
    assert model.within("prod").access == AccessSettings(kind="basic")
    everybody = read(f"models:\n  iris: {of.replace('OWN', '{access: {kind: none}}')}").model("iris")
    assert everybody.within("prod").access == AccessSettings()


@pytest.mark.parametrize("own", ["", "{}", "{scale: }", "{access: }", "{limits: }", "{retention: }", "{scale: {}}"])
def test_an_environments_empty_values_change_nothing(own):
    """People often leave a key without a value while they try things out."""
    model = read(f"models:\n  iris: {{per_environment: {{prod: {own or '{}'}}}}}").model("iris")
    assert model.within("prod").scale == model.scale


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("environment: {}", "environment: unknown key; did you mean 'environments'?"),
        (ENVIRONMENTS + "model: {}", "model: unknown key; did you mean 'models'?"),
        (ENVIRONMENTS + "base_img: x", "base_img: unknown key; did you mean 'base_image'?"),
        ("environments: {test: {stor: x}}", "environments.test.stor: unknown key; did you mean 'store'?"),
        ("environments: {test: {store: x}}", "environments.test.namespace: is missing"),
        ("environments: {test: }", "environments.test: a block of keys is needed, not nothing"),
        ("environments: {}", "environments: there is none"),
        ("environments: [test]", "environments: a block of keys is needed, not a list"),
        ("environments: {on: {store: x, namespace: y}}", "environments: the key True is not text"),
        (
            "environments: {Test: {store: x, namespace: y}}",
            "environments.Test: 'Test' will not do: an environment's",
        ),
        ("environments: {dev: {store: x, namespace: y}}", "environments.dev: the word is reserved"),
        ("environments: {a/b: {store: x, namespace: y}}", "environments.a/b: 'a/b' will not do: an environment's name"),
        ("environments: {test: {store: x, namespace: Y}}", "environments.test.namespace: 'Y' will not do: lower-case"),
        ("environments: {test: {store: '', namespace: y}}", "environments.test.store: '' will not do: a directory"),
        ("environments: {test: {store: s3://x, namespace: y}}", "environments.test.store: 's3://x' will not do"),
        ("environments: {test: {store: 'gs://', namespace: y}}", "environments.test.store: 'gs://' will not do"),
        (
            "environments: {test: {store: 3, namespace: y}}",
            "environments.test.store: text is needed, not a whole number",
        ),
        ("", "environments: is missing"),
        ("- environments", "a block of keys is needed, not a list"),
        ("text", "a block of keys is needed, not text"),
        (ENVIRONMENTS + "models: [iris]", "models: a block of keys is needed, not a list"),
        (ENVIRONMENTS + "models: {iris: [1]}", "models.iris: a block of keys is needed, not a list"),
        (ENVIRONMENTS + "models: {1: {}}", "models: the key 1 is not text"),
        (ENVIRONMENTS + "branch: on", "branch: text is needed, not true or false"),
        (ENVIRONMENTS + "branch: a..b", "branch: 'a..b' will not do: a branch's name is needed"),
        (ENVIRONMENTS + "branch: -x", "branch: '-x' will not do: a branch's name is needed"),
    ],
)
def test_the_message_names_the_path_of_what_is_wrong(text, says):
    """The path begins with the outermost key. The message uses no words of Python."""
    with pytest.raises(SlipwayError) as caught:
        settings.parse(text, None)
    assert str(caught.value).startswith(f"slipway.yaml: {says}")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("gates: {accuracy: {mn: 0.9}}", "gates.accuracy.mn: unknown key; did you mean 'min'?"),
        ("gate: {}", "gate: unknown key; did you mean 'gates'?"),
        ("scale: {mx: 3}", "scale.mx: unknown key; did you mean 'max'?"),
        ("data: {url: x}", "data.url: unknown key; did you mean 'uri'?"),
        ("per_environment: {prod: {scal: {}}}", "per_environment.prod.scal: unknown key; did you mean 'scale'?"),
        (
            "per_environment: {prod: {scale: {mn: 1}}}",
            "per_environment.prod.scale.mn: unknown key; did you mean 'min'?",
        ),
        (
            "per_environment: {prod: {pin: 3}}",
            "per_environment.prod.pin: unknown key; known: access, limits, retention, scale",
        ),
        ("per_environment: {prd: {}}", "per_environment.prd: unknown environment; did you mean 'prod'?"),
        ("pin: {prd: 3}", "pin.prd: unknown environment; did you mean 'prod'?"),
        ("pin: {prod: 0}", "pin.prod: 0 will not do: 1 is the least"),
        ("pin: {prod: v7}", "pin.prod: a whole number is needed, not text"),
        ("pin: {prod: true}", "pin.prod: a whole number is needed, not true or false"),
        ("pin: 3", "pin: a block of keys is needed, not a whole number"),
        ("train: manuel", "train: 'manuel' is not known; did you mean 'manual'?"),
        ("services: [predikt]", "services[0]: 'predikt' is not known; did you mean 'predict'?"),
        ("services: predict", "services: a list is needed, not text"),
        ("data: [a.csv]", "data: text or a block of keys is needed, not a list"),
        ("data: {sha256: }", "data.uri: is missing"),
        ("data: {uri: x, sha256: abc}", "data.sha256: 'abc' will not do: 64 hexadecimal digits"),
        ("data: {uri: x, sha256: %s}" % ("1" * 64), "data.sha256: text is needed, not a whole number\n  → put it in"),
        ("data: 'x-{day}.csv'", "data: unknown {day}: {date} is the only one"),
        ("data: https://me:word@host/x.csv", "data: holds a user or a password"),
        ("held_out: 1", "held_out: 1 will not do: a share between 0 and 1"),
        ("held_out: 20%", "held_out: a number is needed, not text"),
        ("split: {}", "split: needs one column"),
        ("split: {group: a, time: b}", "split: needs one column"),
        ("retention: 2.5", "retention: a whole number is needed, not a number"),
        ("retention: 0", "retention: 0 will not do: 1 is the least"),
        ("scale: {min: 3, max: 2}", "scale.min: 3 is more than max, which is 2"),
        ("{scale: {max: 2}, per_environment: {prod: {scale: {min: 3}}}}", "per_environment.prod.scale.min: 3 is more"),
        ("access: {secret: keys}", "access.secret: is not used while everybody may call"),
        ("access: {kind: token}", "access.kind: 'token' is not known; known: basic, bearer, none"),
        ("access: {kind: bearer, secret: S3cret!}", "access.secret: this will not do: the name of a Kubernetes Secret"),
        ("limits: {body: 12}", "limits.body: text is needed, not a whole number"),
        ("limits: {body: 0Mi}", "limits.body: '0Mi' will not do: bytes with their unit are needed"),
        ("limits: {rows: 0}", "limits.rows: 0 will not do: 1 is the least"),
        ("scale: {min: -1}", "scale.min: -1 will not do: 0 is the least"),
        ("scale: {concurrency: 5000}", "scale.concurrency: 5000 will not do: 1 to 1000"),
        ("scale: {timeout: 3600}", "scale.timeout: 3600 will not do: 1 to 595 seconds"),
        ("training: {deadline: 5}", "training.deadline: 5 will not do: 60 to 2592000 seconds"),
        ("training: {visibility: all}", "training.visibility: 'all' is not known; known: cluster-local, public"),
        ("training: {password: x}", "training.password: unknown key; known: access, cpu, deadline, memory, visibility"),
        ("scale: {cpu: 1}", "scale.cpu: text is needed, not a whole number\n  → put it in quotes"),
        ("scale: {cpu: '0'}", "scale.cpu: '0' will not do: CPUs are needed"),
        ("scale: {memory: 512m}", "scale.memory: '512m' will not do: memory with its unit is needed"),
        ("scale: {memory: '512'}", "scale.memory: '512' will not do: memory with its unit is needed"),
        ("gates: {accuracy: }", "gates.accuracy: a block of keys is needed, not nothing"),
        ("gates: {accuracy: {}}", "gates.accuracy: sets no limit"),
        ("gates: {accuracy: 0.9}", "gates.accuracy: a block of keys is needed, not a number"),
        ("gates: {accuracy: {min: '0.9'}}", "gates.accuracy.min: a number is needed, not text"),
        ("gates: {accuracy: {min: .nan}}", "gates.accuracy.min: nan is no limit"),
        ("gates: {accuracy: {max: .inf}}", "gates.accuracy.max: inf is no limit"),
        ("gates: {accuracy: {worse_by: -0.1}}", "gates.accuracy.worse_by: -0.1 will not do: 0 is the least"),
        ("gates: {accuracy: {min: 0.9, max: 0.1}}", "gates.accuracy.min: 0.9 is more than max, which is 0.1"),
        ("parameters: {c: {a: 1}}", "parameters.c: true or false or a number or text or a list is needed, not a block"),
        (
            "parameters: {c: 2024-01-01}",
            "parameters.c: true or false or a number or text or a list is needed",
        ),
        ("parameters: {c: .nan}", "parameters.c: nan is no number that a record can hold"),
        ("parameters: {c: 1%s}" % ("0" * 400), "parameters.c: is too large for an integer of 64 bits"),
        ("parameters: {1: 2}", "parameters: the key 1 is not text"),
        ("folder: ../other", "folder: '../other' is no folder below model/"),
        ("folder: /etc", "folder: '/etc' is no folder below model/"),
        ("folder: model/../../etc", "folder: '..' cannot be a Python package's name"),
        ("folder: src/iris", "folder: 'src/iris' is no folder below model/"),
        ("folder: model", "folder: 'model' is no folder below model/"),
        ("folder: ''", "folder: '' is no folder below model/"),
        ("folder: model/common", "folder: 'model/common' is no folder below model/"),
        ("folder: model/my-iris", "folder: 'my-iris' cannot be a Python package's name"),
        ("base_image: python", "base_image: 'python' will not do: an image with a tag or a digest"),
        ("base_image: 'python:3\\nRUN x'", "base_image: 'python:3\\\\nRUN x' will not do"),
        ('base_image: "python:3\\nRUN x"', "base_image: 'python:3\\nRUN x' will not do"),
        ('base_image: "python:3\\n"', "base_image: 'python:3\\n' will not do"),
        ("base_image: https://ghcr.io/x:1", "base_image: 'https://ghcr.io/x:1' will not do"),
    ],
)
def test_the_message_names_the_models_key(text, says):
    """It has the nearest known key, or the form of the value."""
    assert of_iris(text).startswith(says)


@pytest.mark.parametrize("name", ["Iris", "my--iris", "class", "common", "i" * 30])
def test_a_models_name_is_checked_with_its_path(name):
    """A model without a folder is checked here only."""
    with pytest.raises(SlipwayError, match=rf"slipway.yaml: models.{name}: .* cannot be a model's name"):
        read(f"models: {{{name}: {{}}}}")


@pytest.mark.parametrize(
    "registry",
    ["ghcr.io/team/models", "localhost:5000", "europe-docker.pkg.dev/a-b/c_d", "unbuilt.invalid", "a.b/c.d/e__f"],
)
def test_a_registry_is_a_host_and_a_path(registry):
    """The host may have a port."""
    found = read(environments=f"environments: {{test: {{store: x, namespace: y, registry: '{registry}'}}}}")
    assert found.environment("test").registry == registry


@pytest.mark.parametrize(
    "registry",
    ["https://ghcr.io/team", "ghcr.io/Team", "ghcr.io/team/", "ghcr.io/team:1", "ghcr.io//x", "me:word@ghcr.io/x", ""],
)
def test_another_registry_is_refused(registry):
    """No registry would take such a name of an image."""
    with pytest.raises(SlipwayError, match=r"environments\.test\.registry: .*host/path in lower case"):
        read(environments=f"environments: {{test: {{store: x, namespace: y, registry: '{registry}'}}}}")


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        ("store: s, namespace: n, promotes_from: one", "store: t, namespace: m", "one from one"),
        (
            "store: s, namespace: n, promotes_from: two",
            "store: t, namespace: m, promotes_from: one",
            "one from two from",
        ),
        ("store: s, namespace: n, promotes_from: too", "store: t, namespace: m", "unknown environment 'too'; did you"),
        ("store: s, namespace: n", "store: t, namespace: n", "two.namespace: is the namespace of one as well"),
        ("store: s, namespace: n", "store: ./s/, namespace: m", "two.store: is the store of one"),
        ("store: s, namespace: n", "store: s/two, namespace: m", "two.store: is the store of one, or within it"),
        (
            "store: 'gs://bucket/x', namespace: n",
            "store: 'gs://bucket/', namespace: m",
            "two.store: is the store of one",
        ),
    ],
)
def test_environments_are_apart_and_one_after_another(first, second, says):
    """Each has its own store and namespace, and promotions never go in a circle."""
    with pytest.raises(SlipwayError) as caught:
        read(environments=f"environments:\n  one: {{{first}}}\n  two: {{{second}}}\n")
    assert says in str(caught.value)


def test_stores_with_names_alike_are_apart():
    """A common beginning of two names does not put one store within the other."""
    assert read(environments="environments: {a: {store: s/x, namespace: a}, b: {store: s/xy, namespace: b}}")


@pytest.mark.parametrize(
    "secrets",
    [
        "{PASSWORD: hunter2}",
        "{PASSWORD: [hunter2]}",
        "{PASSWORD: {value: hunter2}}",
        "{PASSWORD: {secret: hunter2!, key: x}}",
        "{PASSWORD: {secret: x, key: 'hunter2 and more'}}",
        "{password: hunter2}",
        "[hunter2]",
        "hunter2",
    ],
)
def test_a_secret_is_never_shown(secrets):
    """No message shows a secret, wherever the mistake is."""
    message = of_iris(f"{{secrets: {secrets}, parameters: {{x: {{}}}}}}")
    assert "hunter2" not in message


def test_a_written_secret_is_refused_with_how_to_name_it():
    """The message says to change the secret."""
    message = of_iris("secrets: {PASSWORD: hunter2}")
    assert message.startswith("secrets.PASSWORD: a secret is only named here, never written")
    assert "{secret: NAME, key: KEY}; change what was leaked" in message


@pytest.mark.parametrize("name", ["password", "db_password", "API_KEY", "apikey", "aws_secret_access_key", "secret"])
def test_a_secret_among_the_parameters_is_refused(name):
    """Every record shows the parameters. The message does not show the value."""
    message = of_iris(f"parameters: {{{name}: hunter2}}")
    assert message.startswith(f"parameters.{name}: looks like a secret")
    assert "hunter2" not in message


def of_test(text):
    """Return the message about settings of the environment `test`; "" if they are right."""
    try:
        read(environments=f"environments: {{test: {{store: s, namespace: n, {text}}}}}")
    except SlipwayError as error:
        return str(error).removeprefix("slipway.yaml: environments.test.")
    return ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("variables: {STORAGE_EMULATOR_HOST: 'http://gcs:4443', EMPTY: ''}", ""),
        ("announce: {repository: team/models, secret: dispatch, key: token}", ""),
        ("variables: {host: x}", "variables.host: 'host' will not do: an environment variable's name is capitals"),
        ("variables: {PORT: 8080}", "variables.PORT:"),
        ('variables: {A: "b\\nc"}', "variables.A: has a character that cannot be shown"),
        ("variables: {DB_PASSWORD: hunter2}", "variables.DB_PASSWORD: looks like a secret"),
        ("variables: {DISPATCH_TOKEN: hunter2}", "variables.DISPATCH_TOKEN: looks like a secret"),
        ("announce: {secret: dispatch, key: token}", "announce"),
        ("announce: {repository: 'https://github.com/team/models', secret: a, key: b}", "announce.repository: "),
    ],
)
def test_variables_and_whom_to_tell(text, says):
    """Variables are plain text with a right name. A secret is only named."""
    said = of_test(text)
    assert said.startswith(says) if says else said == ""
    assert "hunter2" not in said


@pytest.mark.parametrize("name", ["api key", "1KEY", "Token", ""])
def test_a_secret_is_named_by_a_variable(name):
    """Training reads the secret from it."""
    message = of_iris(f"secrets: {{'{name}': {{secret: a, key: b}}}}")
    assert "an environment variable's name is capitals, digits and _" in message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\na: 2\n", "slipway.yaml, line 2: the key 'a' stands twice\n  → keep one of them"),
        ("models:\n  iris: {}\n  tumor: {}\n  iris: {}\n", "slipway.yaml, line 4: the key 'iris' stands twice"),
        (
            "models:\n\tiris: {}\n",
            "slipway.yaml, line 2: found character '\\t' that cannot start any token\n  → indent",
        ),
        ("a: [1, 2\nb: 3\n", "slipway.yaml, line 2: "),
        ("a: b: c\n", "slipway.yaml, line 1: mapping values are not allowed here"),
        ("schedule: * 3 * * *\n", "slipway.yaml, line 1: "),
        ("schedule: *x\n", "slipway.yaml, line 1: found undefined alias 'x'\n  → put what begins with *"),
        ("a: !!python/object/apply:os.system [id]\n", "slipway.yaml, line 1: could not determine a constructor"),
        ("? [a, b]\n: c\n", "slipway.yaml, line 1: "),
        ("a: 1\n---\nb: 2\n", "slipway.yaml, line 2: "),
        ("a: \x00\n", "slipway.yaml is not YAML: "),
        ("a: 2024-99-99\n", "slipway.yaml is not YAML: "),
        ("[" * 1200, "slipway.yaml is not YAML: "),
    ],
)
def test_what_is_not_yaml_is_refused_with_its_line(text, says):
    """The message names the line and proposes the usual fix. Nothing in the file runs."""
    with pytest.raises(SlipwayError) as caught:
        settings.parse(text, None)
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [1]\n"
        + "".join(f"{one}: &{one} [{', '.join([f'*{two}'] * 9)}]\n" for two, one in pairwise("abcdefghijk")),
        "models: &a {iris: *a}\n",
    ],
    ids=["doubling", "holding itself"],
)
def test_aliases_cannot_stand_for_more_than_anyone_writes(text):
    """Without this check, a few lines could take all memory."""
    with pytest.raises(SlipwayError, match="its aliases stand for more"):
        settings.parse(ENVIRONMENTS + text, None)


@pytest.mark.parametrize(
    ("name", "says"), [("tset", "did you mean 'test'?"), ("staging", "known: prod, test"), ("", "known: prod, test")]
)
def test_an_unknown_environment_is_refused_with_the_nearest(name, says):
    """The message proposes the nearest known name."""
    with pytest.raises(SlipwayError, match=f"unknown environment '{name}'") as caught:
        read().environment(name)
    assert says in caught.value.fix


@pytest.fixture
def repository(tmp_path):
    """Return a repository with two models, and with folders that are not models."""
    (tmp_path / "slipway.yaml").write_text(ENVIRONMENTS)
    for name in ("iris/model.py", "tumor/model.py", "common/model.py", "empty/x", ".iris.abc/model.py"):
        (tmp_path / "model" / name).parent.mkdir(parents=True)
        (tmp_path / "model" / name).touch()
    return tmp_path


def test_models_are_the_folders_with_a_model_and_those_named(repository):
    """Shared code and the remains of a killed `slipway new` are not models."""
    assert read(root=repository).models() == ["iris", "tumor"]
    assert read("models: {wine: }", root=repository).models() == ["iris", "tumor", "wine"]


def test_a_name_with_dashes_has_a_folder_without(repository):
    """Python imports the folder; one that it cannot import is refused with the command that renames it."""
    for folder in ("my_wine", "your-wine"):
        (repository / "model" / folder).mkdir()
        (repository / "model" / folder / "model.py").touch()
    found = read(root=repository)
    assert found.models() == ["iris", "my-wine", "tumor", "your-wine"]
    assert found.folder("my-wine") == repository / "model/my_wine"
    with pytest.raises(SlipwayError, match="did you mean 'my-wine'"):
        found.model("my_wine")
    with pytest.raises(SlipwayError, match="cannot import the folder model/your-wine") as caught:
        found.model("your-wine")
    assert "git mv model/your-wine model/your_wine" in caught.value.fix


@pytest.mark.parametrize(
    ("environments", "models", "says"),
    [
        (
            ["prod", "prod-eu"],
            ["iris", "eu-iris"],
            "environment prod, model eu-iris and environment prod-eu, model iris would both become the Application "
            "prod-eu-iris",
        ),
        (["test"], ["iris", "iris-training"], "the training service of model iris and model iris-training would both"),
        (
            ["test"],
            ["iris", "iris-train"],
            "the training of model iris and model iris-train would both become the image",
        ),
        (["test", "slipway"], ["test"], "environment test and environment slipway, model test would both become"),
        (["test", "training-test"], ["iris"], "would both become the Application training-test-iris"),
    ],
)
def test_two_names_that_become_one_object_are_refused(environments, models, says):
    """The message has both."""
    with pytest.raises(SlipwayError) as caught:
        check_objects(environments, models)
    assert says in caught.value.problem


def test_names_alike_that_stay_apart_are_taken(repository):
    """Most names with dashes are no other's."""
    check_objects(["test", "prod", "prod-eu"], ["iris", "iris-eu", "eu-wine", "train-iris"])
    (repository / "slipway.yaml").write_text(
        "environments: {prod: {store: a, namespace: a}, prod-tumor: {store: b, namespace: b}}"
    )
    (repository / "model/tumor_iris").mkdir()
    (repository / "model/tumor_iris/model.py").touch()
    with pytest.raises(SlipwayError, match="would both become the Application prod-tumor-iris"):
        settings.load(repository)


def test_models_may_share_a_folder(repository):
    """The shared folder is no model of its own name unless the file names it."""
    found = read("models:\n  small: {folder: model/iris}\n  large: {folder: ./model/iris/}\n", root=repository)
    assert found.models() == ["large", "small", "tumor"]
    assert found.folder("small") == found.folder("large") == repository / "model" / "iris"
    with pytest.raises(SlipwayError, match="model/iris is the folder of small and large"):
        found.model("iris")
    assert read("models: {small: {folder: model/iris}, iris: }", root=repository).models() == ["iris", "small", "tumor"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("irsi", "unknown model 'irsi'\n  → did you mean 'iris'?"),
        ("empty", "model/empty has no model.py\n  → write it, or start anew: slipway new empty"),
        ("common", "unknown model 'common'"),
        ("", "unknown model ''"),
        (".", "unknown model '.'"),
        ("..", "unknown model '..'"),
        ("../model/iris", "unknown model '../model/iris'"),
        (".iris.abc", "unknown model '.iris.abc'"),
    ],
)
def test_an_unknown_model_is_refused_with_the_nearest(repository, name, says):
    """A path cannot reach a folder."""
    with pytest.raises(SlipwayError) as caught:
        read(root=repository).model(name)
    assert str(caught.value).startswith(says)


def test_the_repository_is_found_from_below(repository, monkeypatch):
    """It is found from any folder below. Outside, the message says what to do."""
    monkeypatch.chdir(repository / "model" / "iris")
    assert settings.load().root == repository.resolve()
    with pytest.raises(SlipwayError, match=r"no slipway\.yaml in .* or above it"):
        settings.find_root(repository.parent)


def test_a_folder_without_settings_is_refused(tmp_path):
    """A file that is not text is refused as well. A byte order mark is ignored."""
    with pytest.raises(SlipwayError, match=r"there is no slipway\.yaml in"):
        settings.load(tmp_path)
    (tmp_path / "slipway.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(SlipwayError, match="cannot be read"):
        settings.load(tmp_path)
    (tmp_path / "slipway.yaml").write_bytes(b"\xef\xbb\xbf" + ENVIRONMENTS.encode())
    assert settings.load(tmp_path).branch == "main"


def of_indexes(text):
    """Return the message about indexes."""
    with pytest.raises(SlipwayError) as caught:
        read(f"indexes: {text}\n")
    assert caught.value.problem.startswith("slipway.yaml: indexes")
    return str(caught.value)


def test_an_index_has_an_address_and_packages():
    """A package comes from one place: the index that names it."""
    found = read(
        "indexes:\n  corp: {url: https://corp.example:8443/api/simple/, packages: [corplib, corp-base]}\n"
    ).indexes
    assert found["corp"].url == "https://corp.example:8443/api/simple/"
    assert found["corp"].packages == ["corplib", "corp-base"]
    assert read().indexes == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{corp: {url: https://x.example/simple}}", "corp.packages: is missing"),
        ("{corp: {url: https://x.example/simple, packages: []}}", "corp.packages: gives no package"),
        ("{corp: {url: https://x.example/simple, packages: [Corp_Lib]}}", "is lower-case letters, digits and -"),
        ("{corp: {packages: [a]}}", "corp.url: is missing"),
        ("{corp: {url: http://x.example/simple, packages: [a]}}", "https://host/path is needed"),
        ("{corp: {url: file:///simple, packages: [a]}}", "https://host/path is needed"),
        ("{Corp: {url: https://x.example/simple, packages: [a]}}", "an index's name is lower-case letters"),
        ("[{url: https://x.example/simple}]", "a block of keys is needed, not a list"),
        (
            "{a: {url: https://a.example, packages: [p]}, b: {url: https://b.example, packages: [p]}}",
            "b.packages: p comes from a already",
        ),
    ],
)
def test_an_index_that_cannot_be_used_is_refused(text, says):
    """Without packages it would stand beside the usual index, and either could give a package of the other."""
    assert says in of_indexes(text)


@pytest.mark.parametrize(
    "url",
    [
        "https://ada:hunter2@corp.example/simple",
        "https://hunter2@corp.example/simple",
        "https://corp.example/simple?token=hunter2",
        "https://corp.example/simple#hunter2",
    ],
)
def test_a_password_in_an_address_is_refused_and_not_shown(url):
    """The message names the variables that take its place."""
    for text in (f"{{my-corp: {{url: '{url}', packages: [a]}}}}", f"{{my-corp: '{url}'}}"):
        message = of_indexes(text)
        assert "hunter2" not in message
        assert "export UV_INDEX_MY_CORP_USERNAME and UV_INDEX_MY_CORP_PASSWORD" in message


@pytest.mark.parametrize("number", ["012", "-012", "00", "0x1f", "0b11", "1_000", "1:30", "1:30.5", "1_0.5"])
def test_numbers_with_two_meanings(number: str) -> None:
    """What YAML 1.1 reads as another number than it looks like is refused with its line; in quotes it is text."""
    with pytest.raises(SlipwayError, match=rf"slipway.yaml, line 2: {number} is read as") as caught:
        strict.read(f"models:\n  iris: {{pin: {{test: {number}}}}}\n")
    assert "quotes" in caught.value.fix
    assert strict.read(f"a: '{number}'") == {"a": number}


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("-3", -3), ("+7", 7), ("0.5", 0.5), (".5", 0.5), ("1.0e+3", 1000.0), (".inf", inf)]
)
def test_numbers_of_one_meaning(text: str, number: float) -> None:
    """Decimal numbers are read as they look."""
    assert strict.read(f"a: {text}") == {"a": number}
