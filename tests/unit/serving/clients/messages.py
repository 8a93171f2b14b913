"""Print the messages of NVIDIA's client as JSON: name, number and type of each field, and whether it repeats."""

import json

from tritonclient.grpc import service_pb2


def walk(message):
    yield message.name, [[field.name, field.number, field.type, field.is_repeated] for field in message.fields]
    for nested in message.nested_types:
        yield from walk(nested)


every = service_pb2.DESCRIPTOR.message_types_by_name.values()
print(json.dumps({name: fields for message in every for name, fields in walk(message) if not name.endswith("Entry")}))
