"""The repository into which models of public data are written."""

import pytest

from tests.public.data import ROOT

SETTINGS = """
environments:
  test: {store: store/test, namespace: slipway-test}
"""


@pytest.fixture(scope="session")
def team(tmp_path_factory):
    """A repository without models; they come to have their requirements in common."""
    root = tmp_path_factory.mktemp("team")
    (root / "slipway.yaml").write_text(SETTINGS)
    (root / "requirements.lock").write_text((ROOT / "requirements.lock").read_text())
    return root
