"""The body of a rollback's pull request."""

import re

from slipway.release.decisions import rollback
from slipway.review import change_body
from tests.unit.review.shop import Shop
from tests.unit.review.test_promotion_body import without_code


def test_a_rollback_says_why_and_how_to_undo_it(shop: Shop) -> None:
    """It shows the reason as it was given, the diff, and the way back."""
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
