"""A chain as lines and as JSON."""

from slipway.provenance.chain import Chain, Link, as_json, lines


def test_lines_show_the_known_facts_of_each_link() -> None:
    """Digests are shortened within a line, but not on their own. Control characters are replaced."""
    facts = {
        "digest": "a" * 64,
        "nothing": None,
        "files": [{"path": "x", "sha256": "b" * 64}, {"path": "y"}],
        "n": 12345,
    }
    link = Link(name="artifact", read="a store", facts=facts, broken=["wrong"], notes=["so\x1b so"])
    assert lines(Chain(what="v1", subject="test/iris/v1", links=[link])) == [
        "test/iris/v1",
        "",
        "artifact  (a store)",
        f"  digest  {'a' * 64}",
        "  files   x, sha256 bbbbbbbbbbbb…",
        "          y",
        "  n       12,345",
        "  broken: wrong",
        "  note: so� so",
    ]


def test_json_has_everything() -> None:
    """No fact is shortened or left out. The reasons of broken links are at the top, too."""
    chain = Chain(what="v1", subject="s", links=[Link(name="data", read="r", facts={"uri": None}, broken=["gone"])])
    assert as_json(chain) == {
        "asked": "v1",
        "subject": "s",
        "whole": False,
        "broken": ["data: gone"],
        "links": {"data": {"read": "r", "facts": {"uri": None}, "broken": ["gone"], "notes": []}},
    }
