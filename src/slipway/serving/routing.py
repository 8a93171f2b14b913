"""Which of a function's paths and methods a request is for; the same for every function of ours."""

from collections.abc import Mapping
from typing import TypeVar

from slipway.serving.answers import Refusal

__all__ = ["choose", "known"]

T = TypeVar("T")


def known(paths: Mapping[str, object], path: str) -> str | None:
    """The path as `paths` has it, `/predict` for `/predict/`; None when it is not there."""
    found = path if path in paths else path.rstrip("/") or "/"
    return found if found in paths else None


def choose(paths: Mapping[str, object], methods: Mapping[str, T] | None, method: str) -> T:
    """What answers `method` among the `methods` of a path, HEAD as GET.

    Raises `Refusal`: 405 that names the methods, and where there are none 404 that names the `paths`.
    """
    if methods is None:
        raise Refusal(404, "not_found", f"there is no such path; there are {', '.join(paths)}")
    found = methods.get("GET" if method == "HEAD" else method)
    if found is None:
        allowed = ", ".join([*methods, "HEAD"] if "GET" in methods else methods)
        message = f"{method[:20]} is not for this path; it takes {allowed}"
        raise Refusal(405, "method_not_allowed", message, headers={"allow": allowed})
    return found
