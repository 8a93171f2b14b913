"""The metrics at a port of their own, which neither a Route nor another proxy before the function passes on."""

from __future__ import annotations

from collections.abc import Mapping

from slipway.serving.access import OPEN
from slipway.serving.answers import Answer
from slipway.serving.http.application import Application
from slipway.serving.http.requests import METRICS, Request
from slipway.serving.metrics import Metrics


class Scrapes(Application):
    """The metrics of an application, for Prometheus; a scrape is neither logged nor counted."""

    def __init__(self, named: Mapping[str, str], metrics: Metrics) -> None:
        self._scraped = metrics
        super().__init__(named, {METRICS: {"GET": self._scrape}}, OPEN, 0)

    def is_routine(self, request: Request) -> bool:  # noqa: ARG002
        """See `Application.is_routine`: nothing else is here."""
        return True

    def is_brief(self, request: Request) -> bool:  # noqa: ARG002
        """See `Application.is_brief`."""
        return True

    def _scrape(self, _request: Request) -> Answer:
        return self._scraped.answer()
