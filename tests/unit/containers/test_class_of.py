"""The class of a model: of its container, or of its folder."""

from pathlib import Path

import pytest

from slipway import settings
from slipway.containers import class_of
from slipway.containers.model import ContainerModel
from slipway.errors import SlipwayError

IMAGE = f"ghcr.io/team/leaves@sha256:{'ab' * 32}"


def repository(root: Path, model: str) -> settings.Settings:
    """Return the settings of a repository with a model `leaves` and its data."""
    (root / "model/leaves").mkdir(parents=True)
    (root / "model/leaves/leaves.csv").write_text("length,kind,width\n1,a,2\n")
    environments = "environments: {test: {store: store, namespace: test}}\n"
    return settings.parse(f"{environments}models: {{leaves: {{{model}}}}}", root)


@pytest.mark.parametrize(("features", "found"), [("", ["length", "width"]), (", features: [width]", ["width"])])
def test_a_container_has_the_columns_of_the_settings_or_of_the_data(
    tmp_path: Path, features: str, found: list[str]
) -> None:
    """Its class has the name that artifacts name."""
    kind = class_of(repository(tmp_path, f"image: '{IMAGE}', train: runner, target: kind{features}"), "leaves")
    assert issubclass(kind, ContainerModel)
    assert (kind.declared, kind.source_features, kind.target_variable) == (("leaves", IMAGE), found, "kind")
    assert f"{kind.__module__}:{kind.__qualname__}" == "slipway.containers.model:ContainerModel"


def test_another_model_has_the_class_of_its_folder(tmp_path: Path) -> None:
    """A model without that folder is refused."""
    with pytest.raises(SlipwayError, match=r"the model leaves has no model/leaves/model\.py"):
        class_of(repository(tmp_path, "target: kind"), "leaves")
