"""The names of uvicorn that the server uses: any version of it may change them."""

import ast
import asyncio
import inspect
from collections.abc import Iterator
from pathlib import Path

from uvicorn.config import Config
from uvicorn.protocols.http import h11_impl, httptools_impl
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.server import Server, ServerState

from slipway.serving import http

PROTOCOLS = (httptools_impl.HttpToolsProtocol, h11_impl.H11Protocol)
CLASSES = (*PROTOCOLS, httptools_impl.RequestResponseCycle, h11_impl.RequestResponseCycle, FlowControl)
CLASSES += (Server, ServerState, Config)

MODULES = ("answering", "connection", "framework", "httptools_protocol", "server")

CONNECTIONS = """_start_asgi_task _unset_keepalive_if_required connections cycle flow loop on_response_complete
pipeline scope send_400_response timeout_keep_alive_task transport write_paused"""
PARSING = "headers on_body on_header on_headers_complete on_message_complete parser url"
ANSWERS = "body default_headers keep_alive more_body receive response_complete response_started"
SERVERS = """capture_signals config connections force_exit handle_exit http_protocol_class lifespan run server_state
servers shutdown startup tasks timeout_graceful_shutdown"""


def test_few_names_of_uvicorn_are_used() -> None:
    """Those of an interface that is described (ASGI, asyncio's protocols) are not among them."""
    theirs = {name for each in CLASSES for name in defined(ast.parse(inspect.getsource(each)))}
    ours = {
        name for each in MODULES for name in used(ast.parse((Path(http.__file__).parent / f"{each}.py").read_text()))
    }
    described = {*dir(asyncio.Protocol), *dir(asyncio.Transport), "_transport"}
    assert (ours & theirs) - described == set(f"{CONNECTIONS} {PARSING} {ANSWERS} {SERVERS}".split())


def defined(tree: ast.AST) -> Iterator[str]:
    """Yield the names of methods, and of attributes that are set in them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "self":
            yield node.attr
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name


def used(tree: ast.AST) -> Iterator[str]:
    """Yield the names of all attributes, also of those named by a text, and of methods that replace uvicorn's."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "getattr":
            yield getattr(node.args[1], "value", "")
