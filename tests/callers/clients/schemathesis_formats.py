"""A format of OpenAPI's registry that Schemathesis does not know: it would send any text."""

import schemathesis
from hypothesis import strategies

schemathesis.openapi.format("date-time-local", strategies.datetimes().map(lambda time: time.isoformat()))
