"""What is said of an image's size."""

import json

import pytest

from slipway.errors import SlipwayError
from slipway.images import build as layers


class Registry:
    """An engine that knows one manifest."""

    def __init__(self, manifest):
        self.found = manifest

    def manifest(self, _reference):
        """See `Engine.manifest`."""
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


MANIFEST = {
    "schemaVersion": 2,
    "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "sha256:c", "size": 400},
    "layers": [{"digest": "sha256:base", "size": 58_000_000}, {"digest": "sha256:model", "size": 13_000}],
}


def test_a_size_is_that_of_configuration_and_layers():
    """As the registry holds them, compressed; what another image has is not new."""
    found = layers.layers_of(Registry(json.dumps(MANIFEST)), "r/iris@sha256:1")
    assert sum(found.values()) == 58_013_400
    assert layers.new(found, {"sha256:base"}) == 13_400


@pytest.mark.parametrize(
    "manifest",
    ["", "not JSON", json.dumps({"manifests": []}), SlipwayError("unauthorized")],
    ids=["no means", "not JSON", "a list", "refused"],
)
def test_a_size_that_cannot_be_known_is_no_failure(manifest):
    """Then nothing is claimed."""
    assert layers.layers_of(Registry(manifest), "r/iris@sha256:1") == {}


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (999, "999 bytes"),
        (13_040, "13.0 kB"),
        (154_321, "154 kB"),
        (999_800, "1.0 MB"),
        (58_134_000, "58.1 MB"),
        (149_000_000, "149 MB"),
        (1_180_000_000, "1.2 GB"),
    ],
)
def test_sizes_read_well(size, text):
    """Three digits and a unit."""
    assert layers.text(size) == text
