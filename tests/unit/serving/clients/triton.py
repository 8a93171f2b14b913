"""Print as JSON what NVIDIA's client gets from a function: `triton.py http|grpc HOST:PORT`."""

import json
import sys
from importlib import import_module

import numpy as np
from tritonclient.utils import InferenceServerException

way, address = sys.argv[1:]
tritonclient = import_module(f"tritonclient.{way}")
client = tritonclient.InferenceServerClient(address)


def tensor(name, values, datatype, **how):
    made = tritonclient.InferInput(name, list(values.shape), datatype)
    made.set_data_from_numpy(values, **how)
    return made


def inputs(weights=(2.0, 10.0), wrappings=("paper", "box"), **how):
    return [
        tensor("weight", np.array(weights), "FP64", **how),
        tensor("wrapping", np.array(wrappings, dtype=object).reshape(-1, 1), "BYTES", **how),
    ]


def refusal(asked, **more):
    try:
        client.infer("tiny", asked, **more)
    except InferenceServerException as error:
        return [error.status(), error.message()]
    return None


def prices(asked, outputs=None):
    answer = client.infer("tiny", asked, outputs=outputs, request_id="mine")
    told = answer.get_response()
    return [answer.as_numpy("price").tolist(), told["id"] if way == "http" else told.id]


told = {
    "health": [client.is_server_live(), client.is_server_ready(), client.is_model_ready("tiny", "7")],
    "prices": [prices(inputs()), prices(inputs(), [tritonclient.InferRequestedOutput("price")])],
    "missing": refusal(inputs()[:1]),
    "wrong": refusal(inputs([2.0, -1.0])),
    "failing": refusal(inputs([2.0, 666.0])),
    "too many": refusal(inputs([2.0] * 60, ["box"] * 60)),
    "unknown output": refusal(inputs(), outputs=[tritonclient.InferRequestedOutput("prize")]),
    "unknown model": None,
}
try:
    client.get_model_metadata("tinny")
except InferenceServerException as error:
    told["unknown model"] = [error.status(), error.message()]
if way == "http":
    metadata = client.get_model_metadata("tiny")
    as_json = [tritonclient.InferRequestedOutput("price", binary_data=False)]
    told["prices"] += [prices(inputs(binary_data=False), as_json), prices(inputs(), as_json)]
else:
    metadata = client.get_model_metadata("tiny", as_json=True)
told["inputs"] = [[each["name"], each["datatype"]] for each in metadata["inputs"]]
print(json.dumps(told))
