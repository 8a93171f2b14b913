"""The function that starts trainings: `functions-framework --target training --source main.py`.

All that it does is in `slipway.training.service`.
"""

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from slipway.serving.http import framework
from slipway.training.service import app

service = app.start()


@functions_framework.aio.http
async def training(request: Request) -> Response:
    return await framework.respond(service, request)


framework.settle(training, service)
