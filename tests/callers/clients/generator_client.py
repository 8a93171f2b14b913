"""Predict by a client of openapi-generator, and print what it gives: `generator_client.py PACKAGE MODEL URL ASKED`."""

import json
import sys
from importlib import import_module

package, model, url, asked = *sys.argv[1:4], json.loads(sys.argv[4])
made = import_module(package)
api = made.ApiClient(made.Configuration(host=url))


def plain(value):
    if isinstance(value, list):
        return [plain(each) for each in value]
    if hasattr(value, "actual_instance"):
        return plain(value.actual_instance)
    return json.loads(value.to_json()) if hasattr(value, "to_json") else value


def refusal(call, *given):
    try:
        call(*given)
    except made.exceptions.ApiException as error:
        return error.data
    return None


predict = made.PredictApi(api).predict
row = made.Row.from_dict(asked["row"])
infer = made.V2Api(api).infer
refused = refusal(predict, made.RowOrRows([row] * 3))
wrong = refusal(infer, model, made.InferenceRequest.from_dict(asked["wrong"]))
inferred = infer(model, made.InferenceRequest.from_dict(asked["tensors"]))
instances = made.V1Api(api).predict_instances(model, made.InstancesRequest(instances=[row]))
told = {
    "row": plain(predict(made.RowOrRows(row)).prediction),
    "rows": plain(predict(made.RowOrRows([row, row])).prediction),
    "instances": plain(instances.predictions),
    "outputs": [each.name for each in inferred.outputs],
    "refused": [refused.error.code, wrong.error],
}
print(json.dumps(told))
