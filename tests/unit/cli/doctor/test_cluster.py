"""What the cluster needs of each environment, as far as files tell it."""

import shutil

from slipway import settings
from slipway.cli.doctor.cluster import manifests, secrets
from tests.unit.cli.doctor.conftest import Place
from tests.unit.conftest import ROOT


def _with_manifests(place: Place, more: str = "") -> None:
    shutil.rmtree(place.root / "manifests")
    shutil.copytree(ROOT / "manifests", place.root / "manifests")
    text = (place.root / "slipway.yaml").read_text()
    place.write("slipway.yaml", text.replace("models:", f"{more}models:"))


def _said(place: Place, state: str = "missing") -> list[str]:
    return [each.what for each in manifests(settings.load(place.root)) if each.state == state]


def test_an_environment_without_its_manifests(place: Place) -> None:
    """A second production needs its settings, its namespace and its part of Argo CD, each of which is named."""
    _with_manifests(place, "  prod-eu: {store: s, namespace: slipway-prod-eu, promotes_from: test}\n")
    folder = place.root / "manifests"
    assert len(_said(place, "ok")) == 2
    path = "manifests/environments/prod-eu/settings/environment.yaml"
    assert _said(place) == [f"{path} does not say name: prod-eu and namespace: slipway-prod-eu"]
    for part in ("environments", "argocd"):
        shutil.copytree(folder / part / "prod", folder / part / "prod-eu")
    text = (place.root / path).read_text()
    place.write(
        path, text.replace("name: prod\n  namespace: slipway-prod", "name: prod-eu\n  namespace: slipway-prod-eu")
    )
    assert _said(place) == ["Argo CD does not follow prod-eu, which slipway.yaml names"]
    text = (folder / "argocd/kustomization.yaml").read_text()
    place.write("manifests/argocd/kustomization.yaml", f"{text}  - prod-eu\n")
    assert _said(place) == []
    place.write(path, "[")
    assert len(_said(place)) == 1


def test_a_team_without_argo_cd(place: Place) -> None:
    """Nothing is said of it."""
    assert [*manifests(settings.load(place.root))] == []


def test_secrets_of_each_environment(place: Place) -> None:
    """Each environment needs those that its functions, trainings and announcements name there."""
    assert [*secrets(settings.load(place.root))] == []
    text = (place.root / "slipway.yaml").read_text()
    model = """iris:
    train: manual
    services: [predict, training]
    access: {kind: bearer}
    secrets: {A: {secret: for-training, key: a}, B: {secret: for-both, key: b, scope: both}}
"""
    place.write("slipway.yaml", text.replace("iris: {train: manual}\n", model))
    found = {each.what.split()[1]: each.fix for each in secrets(settings.load(place.root))}
    assert found == {
        "slipway-test": "kubectl get secrets -n slipway-test for-both for-training iris-access iris-training",
        "slipway-prod": "kubectl get secrets -n slipway-prod for-both iris-access",
    }
