"""Run the server as a program until it is stopped."""

import argparse
import json
from pathlib import Path

from tests.forge_server.server import Forge

parser = argparse.ArgumentParser(prog="python -m tests.forge_server")
parser.add_argument("--root", type=Path, required=True, help="the folder of OWNER/REPOSITORY.git")
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--state", type=Path, help="a JSON file: tokens, and by repository what is set there")
arguments = parser.parse_args()
with Forge(arguments.root, arguments.port, arguments.host) as forge:
    if arguments.state:
        forge.configure(json.loads(arguments.state.read_text()))
    print(forge.url, flush=True)  # noqa: T201 - who started it reads the port
    forge.serve_forever(0.05)
