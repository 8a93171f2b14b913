"""Prometheus' text format, as its own documentation lays it down."""

from slipway.serving.metrics import Counter, Histogram, Sample, exposition


def test_text_as_a_scraper_reads_it() -> None:
    """Each family has its help, its type and its lines; labels of all come before a line's own, and are escaped."""
    requests = Counter("code", known=[("200",)])
    requests.add("404", by=2)
    text = exposition([("requests_total", "counter", "Answers.", requests.samples())], {"model": 'a\\b"c\nd'})
    assert text.decode() == (
        "# HELP requests_total Answers.\n"
        "# TYPE requests_total counter\n"
        'requests_total{model="a\\\\b\\"c\\nd",code="200"} 0\n'
        'requests_total{model="a\\\\b\\"c\\nd",code="404"} 2\n'
    )


def test_histogram_counts_what_is_at_or_below_each_bound() -> None:
    """A value that equals a bound is in its bucket; the last bucket has all of them."""
    seconds = Histogram([0.5, 1])
    for value in (0.25, 0.5, 0.75, 8):
        seconds.add(value)
    assert list(seconds.samples()) == [
        Sample("_bucket", {"le": "0.5"}, 2),
        Sample("_bucket", {"le": "1"}, 3),
        Sample("_bucket", {"le": "+Inf"}, 4),
        Sample("_sum", {}, 9.5),
        Sample("_count", {}, 4),
    ]


def test_numbers_keep_all_their_digits() -> None:
    """A counter of many is no rounded one, and without labels there are no braces."""
    samples = [Sample("", {}, value) for value in (12345678901, 1.5e-7, 1795290706.25)]
    text = exposition([("x", "gauge", "X.", samples)], {}).decode()
    assert text.splitlines()[2:] == ["x 12345678901", "x 1.5e-07", "x 1795290706.25"]
