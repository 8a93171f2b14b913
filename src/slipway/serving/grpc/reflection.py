"""Reflection: tools as grpcurl learn by it which calls there are, and what is in their messages.

It tells the .proto files, which are the same for every model. The package grpcio-reflection is not used: it needs the
newest protobuf, which would bind every model's own packages, and has no version 1 of the protocol.
"""

from __future__ import annotations

from typing import Any

import grpc

from slipway.serving.grpc.messages import FILES, POOL, message


def answer(request: Any) -> Any:
    """Return the response to one request of a stream; it has a status of its own where something is not there."""
    response = message("ServerReflectionResponse")(valid_host=request.host, original_request=request)
    asked = request.WhichOneof("message_request")
    try:
        _fill(response, asked, getattr(request, asked) if asked else None)
    except KeyError:
        _refuse(response, grpc.StatusCode.NOT_FOUND, "there is no such file, symbol or extension here")
    return response


def _fill(response: Any, asked: str | None, value: Any) -> None:
    if asked == "list_services":
        for file in FILES:
            for service in file.service:
                response.list_services_response.service.add(name=f"{file.package}.{service.name}")
    elif asked == "file_by_filename":
        _add(response, POOL.FindFileByName(value))
    elif asked == "file_containing_symbol":
        _add(response, _declaring(value))
    elif asked == "all_extension_numbers_of_type":  # there are none of any type
        response.all_extension_numbers_response.base_type_name = POOL.FindMessageTypeByName(value).full_name
    elif asked == "file_containing_extension":
        raise KeyError(value)
    else:
        _refuse(response, grpc.StatusCode.INVALID_ARGUMENT, "the request asks nothing")


def _declaring(symbol: str) -> Any:
    """Return the file that declares a service, a method of one, or a message; raise `KeyError` for no such symbol."""
    try:
        return POOL.FindFileContainingSymbol(symbol)
    except KeyError:
        return POOL.FindMethodByName(symbol).containing_service.file


def _add(response: Any, file: Any) -> None:
    """Add a file, which imports no other."""
    response.file_descriptor_response.file_descriptor_proto.append(file.serialized_pb)


def _refuse(response: Any, status: grpc.StatusCode, text: str) -> None:
    response.error_response.error_code, response.error_response.error_message = status.value[0], text
