"""Predict by a client of openapi-python-client, and print what it gives: `python_client.py PACKAGE MODEL URL ASKED`."""

import json
import sys
from importlib import import_module

package, model, url, asked = *sys.argv[1:4], json.loads(sys.argv[4])
models = import_module(f"{package}.models")
client = import_module(package).Client(base_url=url, raise_on_unexpected_status=True)


def call(name, **given):
    return import_module(f"{package}.api.{name}").sync(client=client, **given)


def plain(value):
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value.to_dict() if hasattr(value, "to_dict") else value


row = models.Row.from_dict(asked["row"])
refused = call("predict.predict", body=[row] * 3)
wrong = call("v2.infer", model=model, body=models.InferenceRequest.from_dict(asked["wrong"]))
inferred = call("v2.infer", model=model, body=models.InferenceRequest.from_dict(asked["tensors"]))
told = {
    "row": plain(call("predict.predict", body=row).prediction),
    "rows": plain(call("predict.predict", body=[row, row]).prediction),
    "instances": plain(call("v1.predict_instances", model=model, body=models.InstancesRequest([row])).predictions),
    "outputs": [each.name for each in inferred.outputs],
    "refused": [refused.error.code, wrong.error],
}
print(json.dumps(told))
