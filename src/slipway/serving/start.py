"""The start of the function: it checks all that it relies on, and ends the process when a check fails."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from slipway.artifacts import differences
from slipway.artifacts import load as load_artifact
from slipway.artifacts.manifest import read_card
from slipway.errors import SlipwayError
from slipway.names import ModelId
from slipway.schema import InvalidRows
from slipway.serving import access, bundled, log
from slipway.serving.bundled import Identity
from slipway.serving.function import Function, Limits
from slipway.serving.http import cors
from slipway.serving.process import MAX_BODY, MAX_ROWS, TIMEOUT, check_secrets, metrics_port, setting
from slipway.serving.threads import threads

# One thread answers one request: libraries that each use all cores slow one another down, and a pool of OpenMP's
# threads does not survive the fork into a worker.
_SINGLE = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")

# By itself, the C library keeps as much free memory as the largest requests took. Here this is the most that it keeps,
# and what is larger than that has memory of its own, both in bytes: with less, requests of 1,000 rows take longer.
_KEPT, _OWN = 4 << 20, 1 << 20
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # in malloc.h


def start(folder: Path) -> Function:
    """Load the bundle in `folder`; when a check fails, log why in one line and exit with status 1."""
    began = time.perf_counter()
    faulthandler.enable()  # so that a crash in a library's machine code leaves lines in the log
    with log.or_exit():
        function = load(folder)
    milliseconds = round((time.perf_counter() - began) * 1000, 1)
    log.write("INFO", "digests and golden predictions hold", **function.identity._asdict(), milliseconds=milliseconds)
    return function


def load(folder: Path) -> Function:
    """Return the function of the bundle in `folder`, once its files, identity and golden predictions are checked.

    Raise `SlipwayError` that names the failed check; other errors of a model's own code pass through.
    """
    for variable in _SINGLE:
        os.environ.setdefault(variable, "1")
    with suppress(AttributeError, OSError):  # not every C library has it
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_TRIM_THRESHOLD, _KEPT)
        mallopt(_M_MMAP_THRESHOLD, _OWN)
    bundle = bundled.read(folder)
    identity = _identity(bundle)
    body, rows, seconds = Limits()
    body, rows = setting(MAX_BODY, body), setting(MAX_ROWS, rows)
    limits = Limits(body, rows, setting(TIMEOUT, seconds))
    threads()  # so that a wrong value is refused now, not at the first request
    check_secrets()
    origins = cors.from_environment()
    admitting = access.from_environment(bundle.model)
    if not admitting.is_set():
        missing = admitting.missing()
        log.write("ERROR", f"not ready before the Secret is there: {missing.problem}", fix=missing.fix)
    bundled.check(folder, bundle.artifact)
    sys.path.insert(0, str(folder / "code"))
    try:
        loaded = load_artifact(folder / "artifact")
        predictions = loaded.answer(list(loaded.golden.rows)) if loaded.golden.rows else []
        loaded.metadata()  # a class that cannot tell it is found out now
    except ModuleNotFoundError as error:
        fix = "pin what provides it in the model's requirements.txt, and train and release again"
        raise SlipwayError(f"the module {error.name!r} is missing in this environment", fix=fix) from error
    except InvalidRows as error:
        raise SlipwayError(f"golden.json does not fit schema.json: {error}") from error
    wrong = differences(loaded.golden, predictions, loaded.manifest.tolerance)
    if wrong:
        problem = f"{len(wrong)} golden predictions are not reproduced: {'; '.join(wrong[:5])}"
        fix = "keep what `train` learns on `self`, as globals and a class's attributes are not saved; compare libraries"
        raise SlipwayError(problem, fix=fix)
    function = Function(loaded, identity, limits, admitting, read_card(folder / "artifact"))
    function.origins = origins
    function.with_scrapes = metrics_port() is None
    return function


def _identity(bundle: bundled.BundleFile) -> Identity:
    model_id = ModelId.parse(os.environ.get("MODEL_ID") or f"{bundle.model}/dev/1")
    if model_id.model != bundle.model:
        raise SlipwayError(f"MODEL_ID is {model_id}, and the bundle holds {bundle.model}", fix="mend the overlay")
    return Identity(str(model_id), os.environ.get("RELEASE") or "dev", bundle.artifact.digest, bundle.fingerprint)
