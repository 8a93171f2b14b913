"""Print as JSON what KServe's own client gets: `client.py v1|v2|grpc MODEL ADDRESS ROW`."""

import asyncio
import json
import sys

from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig

protocol, model, address, row = *sys.argv[1:4], json.loads(sys.argv[4])
KINDS = {float: "FP64", str: "BYTES", bool: "BOOL", int: "INT64"}


def tensors(name):
    inputs = [InferInput(each, [1], KINDS[type(value)], [value]) for each, value in row.items()]
    return InferRequest(name, inputs, request_id="mine")


async def refusal(call):
    try:
        await call
    except Exception as error:  # noqa: BLE001 - httpx and gRPC have errors of their own
        return f"{type(error).__name__}: {error}"
    return None


async def rest():
    client = InferenceRESTClient(RESTConfig() if protocol == "v1" else RESTConfig(protocol="v2"))
    asked = {"instances": [row]} if protocol == "v1" else tensors(model)
    answer = await client.infer(address, asked, model_name=model)
    wrong = {"instances": [{}]} if protocol == "v1" else tensors("another")
    told = {
        "answer": answer["predictions"] if protocol == "v1" else answer.outputs[0].data,
        "model_ready": await client.is_model_ready(address, model),
        "refused": await refusal(client.infer(address, wrong, model_name="another" if protocol == "v2" else model)),
    }
    if protocol == "v2":
        told |= {"live": await client.is_server_live(address), "ready": await client.is_server_ready(address)}
    return told


async def grpc():
    client = InferenceGRPCClient(address)
    answer = await client.infer(tensors(model))
    return {
        "answer": [each.decode() if isinstance(each, bytes) else each for each in answer.outputs[0].data],
        "model_ready": await client.is_model_ready(model),
        "live": await client.is_server_live(),
        "ready": await client.is_server_ready(),
        "refused": await refusal(client.infer(tensors("another"))),
    }


print(json.dumps(asyncio.run(grpc() if protocol == "grpc" else rest())))
