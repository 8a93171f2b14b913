"""The files that a module imports."""

import warnings

import pytest

from slipway.errors import SlipwayError
from slipway.models.imports import closure


@pytest.fixture
def tree(tmp_path):
    """Make modules `p.a` to `p.e`, packages `p.q` (with `__init__.py`) and `p.n` (a namespace), and `other`."""
    for name in ("p/a.py", "p/b.py", "p/c.py", "p/q/__init__.py", "p/q/d.py", "p/q/e.py", "p/n/f.py", "other/g.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def needed(tree, source, at="p/a.py"):
    (tree / at).write_text(source)
    found = closure(tree, [tree / at], "p")
    return {path.relative_to(tree).as_posix() for path in found} - {at}


@pytest.mark.parametrize(
    ("source", "files"),
    [
        ("", set()),
        ("import p.b", {"p/b.py"}),
        ("import p.b as x, p.c", {"p/b.py", "p/c.py"}),
        ("from p import b", {"p/b.py"}),
        ("from p.b import anything", {"p/b.py"}),
        ("from p.b import *", {"p/b.py"}),
        ("from . import b", {"p/b.py"}),
        ("from .b import x", {"p/b.py"}),
        ("import p.q", {"p/q/__init__.py"}),
        ("import p.q.d", {"p/q/__init__.py", "p/q/d.py"}),
        ("from p.q import d, nothing", {"p/q/__init__.py", "p/q/d.py"}),
        ("from .q.d import x", {"p/q/__init__.py", "p/q/d.py"}),
        ("from p.n import f", {"p/n/f.py"}),
        ("import p.n", set()),
        ("import p", set()),
        ("import other.g, os, px.b", set()),
        ("from .. import other", set()),
        ("from ..... import b", set()),
        ("import p.nothing", set()),
        ("def f():\n    import p.b", {"p/b.py"}),
        ("importlib.import_module('p.b')", set()),
        ("try:\n    import p.b\nexcept ImportError:\n    import p.c", {"p/b.py", "p/c.py"}),
        ("async def f():\n    async with x:\n        from p import b", {"p/b.py"}),
        ("match x:\n    case 1:\n        import p.b", {"p/b.py"}),
        ("if TYPE_CHECKING:\n    import p.b", set()),
        ("if typing.TYPE_CHECKING:\n    import p.b\nelse:\n    import p.c", {"p/c.py"}),
        ("if not TYPE_CHECKING:\n    import p.b\nelse:\n    import p.c", {"p/b.py"}),
        ("if x:\n    pass\nelif TYPE_CHECKING:\n    import p.b\nelse:\n    import p.c", {"p/c.py"}),
        ("if not x:\n    import p.b", {"p/b.py"}),
        ("if x.y:\n    import p.b\nelse:\n    import p.c", {"p/b.py", "p/c.py"}),
    ],
)
def test_every_import_that_may_run_counts(tree, source, files):
    """It counts wherever it stands. Imports for type checkers and computed imports do not."""
    assert needed(tree, source) == files


@pytest.mark.parametrize(
    ("source", "files"),
    [
        ("from . import e", {"p/q/__init__.py", "p/q/e.py"}),
        ("from .e import x", {"p/q/__init__.py", "p/q/e.py"}),
        ("from .. import b", {"p/b.py"}),
        ("from ..b import x", {"p/b.py"}),
        ("from ..n import f", {"p/n/f.py"}),
    ],
)
def test_relative_imports_start_at_the_package(tree, source, files):
    """This holds in a module of the package and in its `__init__.py`."""
    assert needed(tree, source, at="p/q/d.py") == files
    assert needed(tree, source, at="p/q/__init__.py") == files - {"p/q/__init__.py"}


def test_imports_are_followed_to_the_end(tree):
    """A circle of imports ends."""
    (tree / "p/b.py").write_text("import p.c")
    (tree / "p/c.py").write_text("import p.a, p.n.f")
    assert needed(tree, "import p.b") == {"p/b.py", "p/c.py", "p/n/f.py"}


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (b"x = 1\ny = = 2\n", r"p/a\.py, line 2: invalid syntax: y = = 2"),
        (b"if x:\ny\n", r"p/a\.py, line 2: expected an indented block"),
        (b"x = '\xe9'\n", r"p/a\.py.*utf-8"),
        (b"x = 1\x00\n", r"p/a\.py.*null bytes"),
        (b"(" * 50_000, r"p/a\.py"),
        (b"-" * 50_000 + b"1", r"p/a\.py"),
    ],
    ids=["syntax", "indentation", "not utf-8", "null", "too many brackets", "too deep"],
)
def test_a_file_that_is_not_python_is_refused(tree, source, says):
    """The message has the line and the mistake."""
    (tree / "p/a.py").write_bytes(source)
    with pytest.raises(SlipwayError, match=says):
        closure(tree, [tree / "p/a.py"], "p")


def test_a_file_in_another_encoding_that_says_so_is_python(tree):
    """The file's own encoding counts, as in Python."""
    (tree / "p/a.py").write_bytes(b"# -*- coding: latin-1 -*-\nx = '\xe9'\nimport p.b\n")
    assert len(closure(tree, [tree / "p/a.py"], "p")) == 2


def test_reading_warns_of_nothing(tree):
    """The import itself warns, once."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert needed(tree, "x = '\\d'\nimport p.b") == {"p/b.py"}
