"""What a repository needs around it: each module checks one area, and changes nothing."""

from __future__ import annotations

from slipway.cli.doctor.checks import examine
from slipway.cli.doctor.findings import Finding

__all__ = ["Finding", "examine"]
