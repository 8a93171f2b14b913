"""The metrics of a function, which only the process itself serves, in Prometheus' text format."""

import json
from collections import Counter
from typing import Any

import pytest

from slipway.artifacts import Golden
from slipway.images import running
from slipway.images.bundle import Bundle
from slipway.schema import Field
from slipway.serving.bundled import Identity
from slipway.serving.metrics import Histogram, Metrics, bounds, exposition, sums
from tests.unit.serving.conftest import Server

IDENTITY = Identity("iris/test/7", "v7-1a2b3c4d", "a" * 64, "b" * 64)
OWN = 'model="tiny",environment="test",release="v7-1a2b3c4d"'


def read(text: bytes) -> dict[str, float]:
    """Return the value of each line by its series."""
    lines = [line.rpartition(" ") for line in text.decode().splitlines() if not line.startswith("#")]
    return {series: float(value) for series, _, value in lines}


def values(target: Field, predictions: list[Any], golden: list[Any]) -> dict[str, float]:
    """Return the series of predictions after one request with these."""
    rows: list[dict[str, Any]] = [{} for _ in golden]
    metrics = Metrics(IDENTITY, target, Golden(rows=rows, predictions=golden))
    metrics.predicted(predictions)
    return {
        series.replace('model="iris",environment="test",release="v7-1a2b3c4d"', "").replace("{,", "{"): value
        for series, value in read(metrics.format()).items()
        if series.startswith("slipway_prediction")
    }


def test_requests_are_counted_by_route_status_and_error(server: Server) -> None:
    """An answer counts for its route and status, a refusal for its code; every series has the identity."""
    before = read(server.ask("GET", "/metrics").body)
    server.ask("POST", "/predict", json.dumps([{"weight": 2, "wrapping": "box"}] * 3).encode())
    server.ask("POST", "/predict/", b"{")
    server.ask("GET", "/wp-admin.php")
    after = read(server.ask("GET", "/metrics").body)
    assert all(OWN in series for series in after)
    grown = {series: value - before.get(series, 0) for series, value in after.items()}
    assert grown[f'slipway_requests_total{{{OWN},route="/predict",code="200"}}'] == 1
    assert grown[f'slipway_requests_total{{{OWN},route="/predict",code="400"}}'] == 1
    assert grown[f'slipway_requests_total{{{OWN},route="other",code="404"}}'] == 1
    assert grown[f'slipway_errors_total{{{OWN},error="invalid_json"}}'] == 1
    assert grown[f'slipway_request_duration_seconds_count{{{OWN},route="/predict"}}'] == 2
    assert grown[f"slipway_request_rows_sum{{{OWN}}}"] == 3
    assert grown[f'slipway_predictions_total{{{OWN},outcome="number"}}'] == 3
    assert grown[f'slipway_prediction_value_bucket{{{OWN},le="4"}}'] == 3


def test_what_shares_a_path_with_predictions_is_told_apart(server: Server) -> None:
    """An event is no look at the page, and the question of a browser is no prediction, whoever is let in."""
    before = read(server.ask("GET", "/metrics").body)
    event = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/here", "ce-type": "row"}
    for body in (b'{"weight": 2, "wrapping": "box"}', b"{"):
        server.ask("POST", "/", body, **event, **{"content-type": "application/json"})
    server.ask("GET", "/")
    server.ask("OPTIONS", "/predict")
    server.ask("OPTIONS", "/")
    grown = {
        series: value - before.get(series, 0) for series, value in read(server.ask("GET", "/metrics").body).items()
    }
    counted = {(route, code): 0.0 for route in ("POST /", "/", "OPTIONS", "/predict") for code in (200, 204, 400)}
    for route, code in counted:
        counted[route, code] = grown.get(f'slipway_requests_total{{{OWN},route="{route}",code="{code}"}}', 0)
    told = {key: count for key, count in counted.items() if count}
    assert told == {("POST /", 200): 1, ("POST /", 400): 1, ("/", 200): 1, ("OPTIONS", 204): 2}


def test_identity_and_times_are_series(server: Server) -> None:
    """Model id, digests, the start and the last request are series of their own."""
    text = server.ask("GET", "/metrics").body
    told = read(text)
    (about,) = [series for series in told if series.startswith("slipway_model_info")]
    assert 'model_id="tiny/test/7"' in about
    assert 'fingerprint="' in about
    assert 0 < told[f"process_start_time_seconds{{{OWN}}}"] < told[f"slipway_last_request_timestamp_seconds{{{OWN}}}"]
    assert told[f"slipway_requests_in_progress{{{OWN}}}"] == 0


def test_probes_and_scrapes_are_no_requests(server: Server) -> None:
    """Requests of Kubernetes and Prometheus change no count and write no log."""
    before = read(server.ask("GET", "/metrics").body)
    server.ask("GET", "/health/ready/")
    answer = server.ask("GET", "/metrics", X_Request_Id="scrape")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    still = {series for series in before if series.startswith("slipway_")}
    assert {series: read(answer.body)[series] for series in still} == {series: before[series] for series in still}
    assert server.logged("scrape") == []


def test_metrics_are_hidden_from_callers(server: Server) -> None:
    """A request through a proxy, as from outside, gets 404."""
    answer = server.ask("GET", "/metrics", X_Forwarded_For="203.0.113.7")
    assert answer.status == 404
    assert "/metrics" not in answer.json["error"]["message"]
    assert "/metrics" not in server.ask("GET", "/").json["endpoints"]


@pytest.mark.parametrize("header", ["Via", "Forwarded", "X-Real-IP", "X-Forwarded-Proto"])
def test_any_proxy_hides_the_metrics(server: Server, header: str) -> None:
    """Not every proxy adds the same header."""
    assert server.ask("GET", "/metrics", **{header: "x"}).status == 404


def test_metrics_have_a_port_of_their_own(bundled: Bundle) -> None:
    """There is nothing else at it, and the function's own port has no metrics then, as for proxies without headers."""
    port = running.usable_port("127.0.0.1", 0)
    with running.start(bundled.folder, env={"SLIPWAY_METRICS_PORT": str(port)}) as started:
        function, apart = Server(started.url, []), Server(f"http://127.0.0.1:{port}", [])
        assert function.ask("POST", "/predict", b'{"weight": 2, "wrapping": "box"}').status == 200
        answer = apart.ask("GET", "/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert b'route="/predict",code="200"} 1' in answer.body
        assert [apart.ask("GET", path).status for path in ("/", "/health/live")] == [404, 404]
        assert function.ask("GET", "/metrics").status == 404
        started.process.terminate()
        assert started.process.wait() == 0


def test_no_series_is_named_by_a_caller(server: Server) -> None:
    """Unknown paths, methods and codes add no series."""
    server.ask("BREW", "/first")
    before = read(server.ask("GET", "/metrics").body).keys()
    for attempt in range(20):
        server.ask("BREW", f"/{attempt}", X_Request_Id=f"id-{attempt}")
        server.ask("POST", "/predict", json.dumps({f"field-{attempt}": attempt}).encode())
    assert len(read(server.ask("GET", "/metrics").body).keys() - before) <= 2  # the first 400 of /predict, its code


@pytest.mark.parametrize(
    ("target", "predictions", "expected"),
    [
        (
            Field(name="species", kind="string", categories=("setosa", "virginica")),
            ["setosa", "setosa", {"species": "virginica", "sure": 0.9}],
            {'{outcome="setosa"}': 2, '{outcome="virginica"}': 1},
        ),
        (
            Field(name="ill", kind="boolean", categories=(False, True)),
            [True],
            {'{outcome="false"}': 0, '{outcome="true"}': 1},
        ),
        (Field(name="stars", kind="integer", categories=(1, 2)), [2], {'{outcome="1"}': 0, '{outcome="2"}': 1}),
        (Field(name="text", kind="string"), ["a", "b", None, ["c"]], {'{outcome="other"}': 4}),
        (
            Field(name="class", kind="integer", categories=tuple(range(1000))),
            [99, 100, 999],
            {f'{{outcome="{at}"}}': int(at == 99) for at in range(100)} | {'{outcome="other"}': 2},
        ),
    ],
    ids=["classes", "booleans", "numbers for classes", "text", "very many classes"],
)
def test_predictions_are_counted_by_outcome(target: Field, predictions: list[Any], expected: dict[str, int]) -> None:
    """The first hundred classes of the schema are counted one by one; everything else is one outcome."""
    assert values(target, predictions, predictions) == {
        f"slipway_predictions_total{labels}": value for labels, value in expected.items()
    }


def test_quantities_are_counted_in_the_range_of_training() -> None:
    """Values below, within and above the range are told apart; anything but a number is another outcome."""
    found = values(Field(name="price", kind="number"), [-50, 14.0, {"price": 16.0}, 900, None], [10.0, 12.5, 20.0])
    assert found['slipway_predictions_total{outcome="number"}'] == 4
    assert found['slipway_predictions_total{outcome="other"}'] == 1
    buckets = {key.split('"')[1]: value for key, value in found.items() if "_bucket" in key}
    assert buckets == {
        "4": 1,
        "6": 1,
        "8": 1,
        "10": 1,
        "12": 1,
        "14": 2,
        "16": 3,
        "18": 3,
        "20": 3,
        "22": 3,
        "24": 3,
        "26": 3,
        "+Inf": 4,
    }


@pytest.mark.parametrize(
    ("target", "golden", "first", "last"),
    [
        (Field(name="price", kind="number", minimum=0), [-5.0, -3.0], -6, 0),
        (Field(name="price", kind="number", maximum=0), [3.0, 5.0], 0, 6),
        (Field(name="price", kind="number", minimum=0), [3.0, 5.0], 0, 6),
    ],
    ids=["below the minimum", "above the maximum", "within"],
)
def test_predictions_beyond_the_end_of_a_range_are_counted(
    target: Field, golden: list[Any], first: float, last: float
) -> None:
    """A function starts although its model predicted beyond the schema's limit."""
    found = values(target, golden, golden)
    ends = [float(key.split('"')[1]) for key in found if "_bucket" in key and "Inf" not in key]
    assert (ends[0], ends[-1]) == (first, last)


@pytest.mark.parametrize(
    ("low", "high", "first", "last", "count"),
    [
        (0, 10, 0, 10, 11),
        (0.13, 9.7, 0, 10, 11),
        (-3e6, 4e6, -3e6, 4e6, 8),
        (0, 0.003, 0, 0.003, 7),
        (5, 5, 5, 5, 1),
        (0, 0, 0, 0, 1),
    ],
)
def test_bounds_are_round_and_few(low: float, high: float, first: float, last: float, count: int) -> None:
    """About ten steps of 1, 2 or 5, so that two versions of a model can be compared bucket by bucket."""
    found = bounds(low, high)
    assert (found[0], found[-1], len(found)) == (first, last, count)
    assert found == sorted(found)


def test_the_text_has_the_format_of_prometheus() -> None:
    """A family has help, type and lines; common labels come first, and values are escaped."""
    samples = sums(Counter[tuple[str, ...]]({("200",): 0, ("404",): 2}), "code")
    text = exposition([("requests_total", "counter", "Answers.", samples)], {"model": 'a\\b"c\nd'})
    assert text.decode() == (
        "# HELP requests_total Answers.\n"
        "# TYPE requests_total counter\n"
        'requests_total{model="a\\\\b\\"c\\nd",code="200"} 0\n'
        'requests_total{model="a\\\\b\\"c\\nd",code="404"} 2\n'
    )


def test_histogram_counts_values_up_to_each_bound() -> None:
    """A value that equals a bound is in its bucket; the last bucket has all of them."""
    seconds = Histogram([0.5, 1])
    for value in (0.25, 0.5, 0.75, 8):
        seconds.add(value)
    assert list(seconds.samples()) == [
        ("_bucket", {"le": "0.5"}, 2),
        ("_bucket", {"le": "1"}, 3),
        ("_bucket", {"le": "+Inf"}, 4),
        ("_sum", {}, 9.5),
        ("_count", {}, 4),
    ]


def test_numbers_keep_all_their_digits() -> None:
    """A large count is not rounded, and there are no braces without labels."""
    samples = [("", {}, value) for value in (12345678901, 1.5e-7, 1795290706.25)]
    text = exposition([("x", "gauge", "X.", samples)], {}).decode()
    assert text.splitlines()[2:] == ["x 12345678901", "x 1.5e-07", "x 1795290706.25"]
