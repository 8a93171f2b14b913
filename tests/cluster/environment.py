"""A namespace as `manifests/environments` makes it: accounts, limits, rights and policies, before any release."""

from collections.abc import Callable
from pathlib import Path

import yaml

__all__ = ["Kubectl", "apply", "leave"]

Kubectl = Callable[..., str]
"""Runs kubectl with these words and what goes to its input (`stdin`), and returns what it says."""
_CLUSTER_WIDE = ("validatingadmissionpolicybinding", "validatingadmissionpolicy")


def apply(kubectl: Kubectl, folder: Path, namespace: str) -> None:
    """Make the namespace of test's manifests; `folder` is a copy of `manifests/environments`, which is changed."""
    settings = folder / "test/settings/environment.yaml"
    declared = yaml.safe_load(settings.read_text())
    declared["spec"] |= {"namespace": namespace, "bucket": namespace}
    settings.write_text(yaml.safe_dump(declared))
    parts = [kubectl("kustomize", str(folder / part)) for part in ("test/namespace", "test")]
    kubectl("apply", "--server-side", "-f", "-", stdin="---\n".join(parts))


def leave(kubectl: Kubectl, namespace: str) -> None:
    """Take away what was made."""
    for kind in (*_CLUSTER_WIDE, "namespace"):
        kubectl("delete", kind, namespace, "--ignore-not-found", "--wait=false")
