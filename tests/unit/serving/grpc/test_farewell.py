"""The end over gRPC: callers who call without a pause lose nothing."""

import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import pytest

from slipway.images import running
from tests.unit.serving import tiny
from tests.unit.serving.grpc.test_server import SERVICE, request
from tests.waiting import until

CALLERS = 8

# Whatever a client tries again by itself counts as lost here.
ONCE = [("grpc.enable_http_proxy", 0), ("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1)]

# A client that hears of the end between choosing the connection and writing the call to it cancels the call unsent
# (cancel_unstarted_streams in chttp2_transport.cc); without the option above it would try it elsewhere.
UNSENT = "Stream removed (GOAWAY received; Error code: 0; Debug Text: )"


def calling(address: str, answers: list[bytes], stopped: threading.Event) -> tuple[str, str]:
    """Call until a call fails; return its status, and `not sent` where nothing was, or its details."""
    sent = request(2).SerializeToString()
    with grpc.insecure_channel(address, ONCE) as channel:
        call = channel.unary_unary(f"{SERVICE}/ModelInfer")
        while True:
            try:
                answers.append(call(sent, timeout=30))
            except grpc.RpcError as error:
                details = error.details() if stopped.is_set() else "before the end"
                unsent = details == UNSENT or "Connection refused" in details
                return error.code().name, "not sent" if unsent else details


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere connections are not told")
@pytest.mark.parametrize("times", [2, pytest.param(20, marks=pytest.mark.long(60))])
def test_no_call_is_lost_after_sigterm(tmp_path: Path, times: int) -> None:
    """Each call that was sent is answered, clients are told to call elsewhere, and the end comes soon and in JSON."""
    folder = tiny.bundled(tmp_path, code=tiny.CODE.replace("prices = []", "prices = []; time.sleep(0.01)")).folder
    ends: Counter[str] = Counter()
    log: list[str] = []
    for _ in range(times):
        with (
            running.start(folder, env={"SLIPWAY_PROTOCOL": "grpc"}, echo=log.append) as function,
            ThreadPoolExecutor(CALLERS) as callers,
        ):
            answers, stopped = list[bytes](), threading.Event()
            address = urlsplit(function.url).netloc
            calls = [callers.submit(calling, address, answers, stopped) for _ in range(CALLERS)]
            until(lambda answers=answers: len(answers) > 5 * CALLERS)
            stopped.set()
            began = time.monotonic()
            function.process.terminate()
            for code, details in (each.result() for each in calls):
                ends[f"{code} {details}"] += 1
            assert function.process.wait() == 0
            assert time.monotonic() - began < 8
    assert ends == {"UNAVAILABLE not sent": times * CALLERS}
    assert [line for line in log if not line.startswith("{")] == []
