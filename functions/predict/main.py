"""The function that answers predictions: `functions-framework --target predict --source main.py`.

It starts from the bundle that it lies in. All that it does is in `slipway.serving`.
"""

from pathlib import Path

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from slipway.serving import asgi, server
from slipway.serving.start import start

function = start(Path(__file__).parent)


@functions_framework.aio.http
async def predict(request: Request) -> Response:
    return await asgi.respond(function, request)


server.settle(predict)
