"""Print as JSON what a client gets that knows no message and learns all by reflection: `reflection.py HOST:PORT`."""

import json
import sys

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import MessageToDict
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

channel = grpc.insecure_channel(sys.argv[1], [("grpc.enable_http_proxy", 0)])
database = ProtoReflectionDescriptorDatabase(channel)
service = DescriptorPool(database).FindServiceByName("inference.GRPCInferenceService")
method = service.methods_by_name["ModelInfer"]
ask = channel.unary_unary(
    f"/{service.full_name}/{method.name}",
    request_serializer=lambda request: request.SerializeToString(),
    response_deserializer=GetMessageClass(method.output_type).FromString,
)
request = GetMessageClass(method.input_type)(model_name="tiny")
weight = request.inputs.add(name="weight", datatype="FP64", shape=[1])
weight.contents.fp64_contents.append(2)
wrapping = request.inputs.add(name="wrapping", datatype="BYTES", shape=[1])
wrapping.contents.bytes_contents.append(b"box")
print(json.dumps({"services": list(database.get_services()), "answer": MessageToDict(ask(request, timeout=20))}))
