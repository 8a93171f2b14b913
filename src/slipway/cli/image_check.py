"""Check inside a new image that it can do its work: `python -P -m slipway.cli.image_check [MODEL]`."""

from __future__ import annotations

import sys
from pathlib import Path

from slipway.cli.commands import parser
from slipway.errors import SlipwayError


def check_platform() -> None:
    """Load what the pods of the platform's image need."""
    from slipway.github import api  # noqa: F401
    from slipway.images import verification  # noqa: F401
    from slipway.store import gcs  # noqa: F401
    from slipway.training.service import app  # noqa: F401

    parser()


def check_trainer(root: Path, model: str) -> None:
    """Read the settings of a trainer's repository and import its model."""
    from slipway import settings
    from slipway.models import discovery

    parser()
    discovery.load_class(settings.load(root), model)


if __name__ == "__main__":
    try:
        check_trainer(Path.cwd(), sys.argv[1]) if sys.argv[1:] else check_platform()
    except SlipwayError as error:
        sys.exit(str(error))
