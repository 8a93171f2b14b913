"""A model may be called like a truth value: every reader of YAML takes its name for a name."""

import re
import subprocess

import pytest
import yaml

from tests.unit.conftest import Site


class Old(yaml.SafeLoader):
    """Read y and n as YAML 1.1 has them, which PyYAML itself does not."""


Old.yaml_implicit_resolvers = {key: [*pairs] for key, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()}
Old.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^[yYnN]$"), list("yYnN"))


@pytest.mark.parametrize("model", ["y", "n", "on", "null"])
def test_a_model_called_like_a_truth_value(site: Site, model: str) -> None:
    """All files of its overlay, and what kustomize makes of them, hold the name as text."""
    site.write(f"model/{model}/model.py", "")
    site.write("slipway.yaml", (site.root / "slipway.yaml").read_text() + f'  "{model}": {{train: manual}}\n')
    site.commit("A model with a short name")
    site.publish(model)
    site.release(model)
    folder = site.root / "overlays/test" / model
    built = subprocess.run(["kustomize", "build", folder], capture_output=True, text=True, check=True).stdout
    texts = [built, *(path.read_text() for path in sorted(folder.rglob("*.yaml")))]
    for text in texts:
        assert [*yaml.load_all(text, Old)] == [*yaml.safe_load_all(text)]
    named = [each["metadata"]["labels"]["app.kubernetes.io/name"] for each in yaml.safe_load_all(built)]
    assert named and {*named} == {model}
