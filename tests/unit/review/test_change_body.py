"""The body of a pull request that promotes nothing, and the diff of an overlay in it."""

import re

import msgspec
import pytest

from slipway.names import ReleaseName
from slipway.overlays.types import Overlay
from slipway.release.decisions import rollback
from slipway.review import change_body
from tests.unit.review.shop import Shop
from tests.unit.review.test_promotion_body import without_code
from tests.unit.review.test_promotion_facts import release


def overlay(*releases, **more):
    route = {releases[0].name: 100} if releases else {}
    return Overlay(environment="prod", model="iris", namespace="ns", releases=releases, **({"route": route} | more))


@pytest.mark.long(3)
def test_a_rollback_says_why_and_how_to_undo_it(shop: Shop) -> None:
    """The body shows the reason as it was given, the diff, and the way back."""
    first = shop.released_parcel(50)
    shop.promote()
    shop.verify(shop.overlay("parcel", "prod").releases[0].name, "parcel", "prod")
    shop.released_parcel(80)
    shop.promote()
    done = rollback(shop.settings, "parcel", "prod", reason="@all <b>wrong</b> | `x`")
    text = change_body.body(done)
    assert text.startswith("<!-- slipway: change prod/parcel -->\n")
    assert f"**`prod/parcel: roll back to {first}`**" in text and "@all <b>wrong</b> | `x`" in text
    assert "+rejected:" in text and "`slipway lift parcel --env prod --push --emergency`, then" in text
    assert "git revert" not in text.partition("### How to undo it")[2]  # which brings back nothing that was rejected
    outside = re.sub(r"^(`{3,})[\s\S]*?^\1$", "", text, flags=re.MULTILINE)
    assert "@all" not in without_code(outside)


def test_an_overlay_without_the_manifests_of_what_comes_or_goes():
    """Route and state are shown whole, a new release by its record only; the first overlay is all new."""
    old, new = release(2), release(3)
    before, after = overlay(old), overlay(new, old, rejected=(ReleaseName(1, "00000000"),))
    diff = change_body.diff(before, after)
    assert "+    - configurationName: iris-v3-1a2b3c4d" in diff and "+  - v1-00000000" in diff
    assert "v3-1a2b3c4d/record.yaml" in diff and "manifests.yaml" not in diff
    assert change_body.diff(overlay(), before).startswith("--- /dev/null\n+++ kustomization.yaml")
    assert change_body.diff(before, msgspec.structs.replace(before)) == ""
