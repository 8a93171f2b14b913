"""`slipway serve`, `verify` and `announce`: run a function, verify one, and announce versions and releases."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.cli import served_log
from slipway.cli.console import Group, progress, say, settings_of
from slipway.errors import SlipwayError
from slipway.names import ModelId, ReleaseName, nearest

if TYPE_CHECKING:
    from slipway.images.bundle import Bundle
    from slipway.images.verification import Verified
    from slipway.settings import Settings
    from slipway.store import Store


def add(group: Group) -> None:
    _add_serve(group)
    _add_verify(group)
    _add_announce(group)


def _add_serve(group: Group) -> None:
    examples = ["slipway serve wine", "slipway serve wine --port 9000", "slipway serve wine --folder artifact"]
    about = "answer predictions on this machine, as the image does"
    serve = group.add("serve", _serve, about, examples, "model", "env")
    choice = serve.add_mutually_exclusive_group()
    choice.add_argument("--version", type=int, metavar="N", help="this version (default: the newest)")
    choice.add_argument(
        "--folder", type=Path, metavar="DIR", help="an artifact folder, called MODEL/dev/1; its code runs here"
    )
    choice.add_argument("--training", action="store_true", help="serve the training service, which starts trainings")
    serve.add_argument("--port", type=_port, default=8080, help="default: 8080; 0 takes a free one")
    serve.add_argument("--host", default="127.0.0.1", help="default: 127.0.0.1, which only this machine reaches")
    about = "ask callers for a key: bearer or basic, and a folder with the files of the Secret"
    serve.add_argument("--access", nargs=2, metavar=("KIND", "DIR"), help=about)
    serve.add_argument("--json", action="store_true", help="print the log as it is, one line of JSON for each request")
    serve.add_argument("--grpc", action="store_true", help="speak the Open Inference Protocol over gRPC, not HTTP")


def _add_verify(group: Group) -> None:
    at = "slipway verify test/wine/v7-1a2b3c4d --at http://127.0.0.1:8080 --store gs://BUCKET/test"
    examples = ["slipway verify v7-1a2b3c4d", "slipway verify https://wine.example.org --wait 300", at]
    verify = group.add("verify", _verify, "compare a function with its golden predictions, and record it", examples)
    verify.add_argument("what", metavar="RELEASE|URL", help="v7-1a2b3c4d, test/iris/v7-1a2b3c4d or https://…")
    verify.add_argument("--env", help="the environment (default: test, or the one that the URL's model id names)")
    verify.add_argument("--at", metavar="URL", help="where the release runs (default: it is served here)")
    verify.add_argument("--store", metavar="gs://…", help="its store, where there is no slipway.yaml, as in a pod")
    about = "try so long while something is out of reach or not ready (default: 0)"
    verify.add_argument("--wait", type=float, default=0, metavar="SECONDS", help=about)


def _add_announce(group: Group) -> None:
    examples = ["slipway announce version wine 7", "slipway announce verified wine v7-1a2b3c4d --env test"]
    announce = group.add("announce", _announce, "tell GitHub of a version or a verified release", examples)
    kinds = announce.add_subparsers(dest="kind", metavar="KIND", required=True)
    version = kinds.add_parser("version", help="a published version, for the workflow release")
    version.add_shared("model", "env")
    version.add_argument("version", type=int, metavar="N")
    verified = kinds.add_parser("verified", help="a verified release, for the workflow promote")
    verified.add_shared("model", "env")
    verified.add_argument("release", metavar="RELEASE", help="v7-1a2b3c4d")


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return port


def _serve(args: argparse.Namespace) -> int:
    from slipway.images import running
    from slipway.models.environment import python_for
    from slipway.serving.process import PROTOCOL
    from slipway.settings.types import secrets_for

    settings = settings_of(args)
    own = settings.model(args.model).within(args.env)
    if args.training:
        return _serve_training(settings, args)
    with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
        bundle, named = _bundle(settings, args, Path(scratch) / "bundle")
        named |= _access(args.access) if args.access else {}
        named |= {PROTOCOL: "grpc"} if args.grpc else {}
        named |= running.secret_variables(secrets_for(own.secrets, "serving")) | running.limit_variables(own)
        progress(f"preparing the environment of {args.model} …")
        python = python_for(bundle.lock)
        address = {"host": args.host, "port": args.port}
        with running.start(bundle.folder, python=python, env=named, echo=_echo(args), **address) as server:
            say(f"{named['MODEL_ID'] or f'{args.model}/dev/1'} answers at {server.url}  (ctrl-C stops it)")
            for line in _ways_to_ask(bundle, server.url):
                say(f"  {line}")
            _until_stopped(server)
    return 0


def _access(given: list[str]) -> dict[str, str]:
    from slipway.serving.access import FOLDER, KIND, KINDS, Access

    kind, folder = given[0], Path(given[1]).resolve()
    if kind not in KINDS:
        raise SlipwayError(f"unknown kind of access {kind!r}", fix=nearest(kind, KINDS))
    access = Access(KINDS[kind], folder, "")
    if not access.is_set():
        raise SlipwayError(access.missing().problem, fix="put the files of the Secret there: DIR/ada with ada's key")
    return {KIND: kind, FOLDER: str(folder)}


def _serve_training(settings: Settings, args: argparse.Namespace) -> int:
    from slipway.training.service import local

    if args.access:
        raise SlipwayError("--training takes no --access: the service has a password", fix="leave --access out")
    settings.environment(args.env)
    with local.serve(settings, args.model, args.env, host=args.host, port=args.port, echo=_echo(args)) as service:
        url = f"{service.server.url.replace('://', f'://{service.name}:{service.password}@')}"
        say(f"trainings of {args.model} for {args.env} are started at {service.server.url}  (ctrl-C stops it)")
        say(f"  curl -X POST {url}/start && curl {url}/finished")
        _until_stopped(service.server)
    return 0


def _bundle(settings: Settings, args: argparse.Namespace, target: Path) -> tuple[Bundle, dict[str, str]]:
    from slipway.images import bundle
    from slipway.store import store_of

    if args.folder is not None:
        return bundle.make_local(settings, args.model, args.folder, target), {"MODEL_ID": "", "RELEASE": ""}
    store = store_of(settings, args.env)
    record = store.find(args.model, version=args.version)
    made = bundle.make(settings, store, record, target)
    return made, {"MODEL_ID": str(record.id), "RELEASE": str(ReleaseName.of(record.version, made.fingerprint))}


def _ways_to_ask(bundle: Bundle, url: str) -> list[str]:
    if url.startswith("grpc:"):
        return [f"ask by the Open Inference Protocol, model_name {bundle.model}: functions/README.md has a client"]
    rows = json.loads((bundle.folder / "artifact" / "golden.json").read_bytes())["rows"]
    example = json.dumps(rows[0] if rows else []).replace("'", "'\\''")
    call = f"curl {url}/predict -H 'Content-Type: application/json' -d '{example}'"
    return [call, f"{url}/docs is a page to try it"]


def _echo(args: argparse.Namespace) -> Callable[[str], None]:
    """Return what prints a line of the function's log."""
    return progress if args.json else lambda line: progress(served_log.shown(line))


def _until_stopped(server: Any) -> None:
    try:
        status = server.process.wait()
    except KeyboardInterrupt:
        progress("\nstopped")
        return
    raise SlipwayError(f"the function ended by itself, with status {status}", fix="read its last lines above")


def _verify(args: argparse.Namespace) -> int:
    from slipway.github import events
    from slipway.images import verification

    if "://" in args.what and args.at is not None:
        fix = "name the release: slipway verify RELEASE --at URL"
        raise SlipwayError("--at and the URL of a function do not go together", fix=fix)
    done = verification.patiently(lambda: _verified(args), args.wait, progress)
    evidence = done.evidence
    when = f"since {evidence.get('when')}" if done.repeated else "now"
    say(f"{done.model} {done.release} is verified {when}, by {evidence.get('by')} ({evidence.get('where')})")
    say(f"  {evidence.get('rows')} golden predictions, largest difference {evidence.get('max_difference'):g}")
    if events.can_announce():
        say(events.announce_verified(done.environment, done.model, done.release))
    return 0


def _verified(args: argparse.Namespace) -> Verified:
    from slipway.images import verification
    from slipway.store import open_store, store_of

    by_url = "://" in args.what
    if args.store is None:
        settings = settings_of(args)
        if args.env is not None:
            settings.environment(args.env)
        if by_url:
            return verification.verify_url(lambda name: store_of(settings, name), args.what, args.env)
        return verification.verify_declared(settings, args.env or "test", args.what, args.at)

    def opened(name: str) -> Store:
        return open_store(args.store, root=Path.cwd(), environment=name)

    if by_url:
        return verification.verify_url(opened, args.what, args.env)
    environment, model, release = verification.parse(args.what)
    if not (environment and args.at):
        fix = "slipway verify test/iris/v7-1a2b3c4d --at URL --store gs://…, or slipway verify URL --store gs://…"
        raise SlipwayError("--store needs the full name of the release and --at", fix=fix)
    return verification.verify_at(opened(environment), model, release, args.at)


def _announce(args: argparse.Namespace) -> int:
    from slipway.github import events

    if args.kind == "version":
        say(events.announce_version(ModelId(args.model, args.env, args.version)))
    else:
        say(events.announce_verified(args.env, args.model, ReleaseName.parse(args.release)))
    return 0
