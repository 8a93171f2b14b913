"""What a container has to do, and what one misses of it: told all at once, before anything of it is published."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from slipway.containers import asking
from slipway.errors import SlipwayError
from slipway.functions import calling

__all__ = ["missing"]


def missing(
    url: str, model: str, user: str, rows: Sequence[Mapping[str, Any]], types: Mapping[str, str], target: str
) -> list[str]:
    """What the container at `url`, which was started as `<model>/dev/1` and `dev`, lacks; nothing when it is sound.

    `rows` are a few sound ones, `types` is as `inference.datatypes` gives it.
    """
    return [
        *_user(user),
        *_paths(url),
        *_identity(url, model),
        *_metadata(url, model, types, target),
        *_answers(url, model, rows, types, target),
        *_refusals(url, model),
    ]


def _user(user: str) -> Iterator[str]:
    uid = user.partition(":")[0]
    if not uid.isdecimal() or int(uid) == 0:
        yield f"it runs as {user or 'root'!r}, and a cluster wants a number that is not 0: USER 65532"


def _paths(url: str) -> Iterator[str]:
    for path in ("/v2/health/live", "/v2/health/ready"):
        status, _ = calling.ask(f"{url}{path}")
        if status != 200:
            yield f"GET {path} gives {status}, and not 200"


def _identity(url: str, model: str) -> Iterator[str]:
    status, _ = calling.ask(f"{url}/v2")
    if status != 200:
        yield f"GET /v2 gives {status}, and not 200"
        return
    meant = (f"{model}/dev/1", "dev")
    found = asking.identity(url)
    if found not in (None, meant):
        yield f"GET /v2 gives {found}, and MODEL_ID and RELEASE are {meant}"


def _metadata(url: str, model: str, types: Mapping[str, str], target: str) -> Iterator[str]:
    path = f"/v2/models/{model}"
    status, told = calling.ask(f"{url}{path}")
    if status != 200 or not isinstance(told, dict):
        yield f"GET {path} gives {status}, and not 200 with the model's metadata"
        return
    if told.get("name") != model:
        yield f"GET {path} names {told.get('name')!r}, and not {model!r}"
    inputs, outputs = _names(told.get("inputs")), _names(told.get("outputs"))
    if inputs != set(types):
        yield f"GET {path} has the inputs {_shown(inputs)}; the features are {_shown(set(types))}"
    if target not in outputs and len(outputs) != 1:
        yield f"GET {path} has the outputs {_shown(outputs)}, none of which is the target, {target}"


def _answers(
    url: str, model: str, rows: Sequence[Mapping[str, Any]], types: Mapping[str, str], target: str
) -> Iterator[str]:
    for some in (rows[:1], rows):
        try:
            asking.predict(url, model, some, types, target)
        except SlipwayError as error:
            yield f"{len(some)} row{'s' if len(some) > 1 else ''} of the data: {error.problem}"


def _refusals(url: str, model: str) -> Iterator[str]:
    """A caller's mistake is the caller's: no 200, and no 5xx, which would count as a failure of the model."""
    path = f"/v2/models/{model}/infer"
    for what, body in (("no JSON", b"{"), ("no inputs", b'{"inputs": []}')):
        status, _ = calling.ask(f"{url}{path}", body)
        if not 400 <= status < 500:
            yield f"POST {path} with {what} gives {status}, and not 400"


def _names(tensors: Any) -> set[str]:
    return {str(each.get("name")) for each in tensors if isinstance(each, dict)} if isinstance(tensors, list) else set()


def _shown(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"
