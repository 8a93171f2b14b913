"""The function that answers predictions: `functions-framework --target predict --source main.py`.

It starts from the bundle that it lies in. All that it does is in `slipway.serving`, by which an image runs it without
what functions-framework imports: `python -m slipway.serving`.
"""

from pathlib import Path

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from slipway.serving.http import asgi, framework
from slipway.serving.start import start

function = start(Path(__file__).parent)


@functions_framework.aio.http
async def predict(request: Request) -> Response:
    answer = await asgi.respond(function, request.scope, request.receive)
    return Response(answer.body, answer.status, answer.headers)


framework.settle(predict)
