"""What a repository needs around it: each module checks one area, and changes nothing."""

from slipway.doctor.findings import Finding
from slipway.doctor.whole import examine

__all__ = ["Finding", "examine"]
