"""The function that answers predictions: `functions-framework --target predict --source main.py`.

It starts from the bundle around it. All its code is in `slipway.serving`; an image runs that by
`python -m slipway.serving`, without the imports of functions-framework.
"""

from pathlib import Path

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from slipway.serving.http import framework
from slipway.serving.start import start

function = start(Path(__file__).parent)


@functions_framework.aio.http
async def predict(request: Request) -> Response:
    return await framework.respond(function, request)


framework.settle(predict, function)
