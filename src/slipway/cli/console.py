"""The console: the parser of verbs, in groups with examples and shared options, and the lines that verbs print."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from slipway.errors import SlipwayError
from slipway.names import nearest

if TYPE_CHECKING:
    from slipway.settings import Settings

_ENVIRONMENT = "the environment (default: test)"
_PUSH = "commit to the remote; by a pull request where promotions are taken"
_EMERGENCY = "with --push: commit without a pull request (README.md says who may)"
_REASON = "for the commit, and for whoever reads it later"
_TRAFFIC = "its share of the requests (default: 100)"
_WHERE = "the newest version with this metadata"
# The options that several verbs have, by the name that verbs call them by.
_SHARED: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "model": (("model",), {}),
    "models": (("models",), {"nargs": "*", "metavar": "MODEL", "help": "only these models (default: all)"}),
    "env": (("--env",), {"default": "test", "help": _ENVIRONMENT}),
    "chosen env": (("--env",), {"help": _ENVIRONMENT}),
    "required env": (("--env",), {"required": True, "help": "the environment"}),
    "only env": (("--env",), {"help": "only this environment"}),
    "version": (("--version",), {"type": int, "metavar": "N", "help": "this version (default: the newest)"}),
    "where": (("--where",), {"action": "append", "default": [], "metavar": "KEY=VALUE", "help": _WHERE}),
    "traffic": (("--traffic",), {"type": int, "metavar": "PERCENT", "help": _TRAFFIC}),
    "metadata": (
        ("-m", "--metadata"),
        {"action": "append", "default": [], "metavar": "KEY=VALUE", "help": "write this into the record"},
    ),
    "reason": (("--reason",), {"required": True, "metavar": "TEXT", "help": _REASON}),
    "base": (("--base",), {"metavar": "REV", "help": "the commit to merge into (default: the branch of the remote)"}),
    "head": (("--head",), {"metavar": "REV", "help": "the last commit of the change (default: HEAD)"}),
    "push": (("--push",), {"action": "store_true", "help": _PUSH}),
    "emergency": (("--emergency",), {"action": "store_true", "help": _EMERGENCY}),
}


class Parser(argparse.ArgumentParser):
    """Parse the options of a verb, and name the nearest known word for an unknown one."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.groups: list[Group] = []

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Parse as argparse does, and exit with status 2 where a word is left over."""
        given = sys.argv[1:] if args is None else list(args)
        self._check_options(given)
        parsed, unknown = super().parse_known_args(given, namespace)
        for word in unknown:
            self._refuse(word)
        return parsed, unknown

    def _check_options(self, given: Sequence[str]) -> None:
        """Refuse unknown options first: argparse would report a misspelt one as missing."""
        for word in given:
            name = word.partition("=")[0]
            if word == "--" or (self._subparsers is not None and not word.startswith("-")):
                return
            known = " " in name or any(each.startswith(name) for each in self._option_string_actions)
            if name.startswith("--") and not known:
                self._refuse(name)

    def _refuse(self, word: str) -> None:
        if not word.startswith("-"):
            self.error(f"unexpected argument {word!r}")
        name = word.partition("=")[0]
        self.error(f"unknown option {name!r}; {nearest(name, self._option_string_actions)}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            kind = f"value of {action.option_strings[0]}" if action.option_strings else str(action.metavar).lower()
            self.error(f"unknown {kind} {value!r}; {nearest(str(value), action.choices)}")

    def add_shared(self, *options: str) -> None:
        """Add options that other verbs have, too; `version|where` adds two of which one may be given."""
        for option in options:
            alone = "|" not in option
            group = self if alone else self.add_mutually_exclusive_group()
            for name in option.split("|"):
                words, more = _SHARED[name]
                group.add_argument(*words, **more)


class Group:
    """The verbs of one topic, which `slipway --help` lists together."""

    def __init__(self, title: str, parsers: Any) -> None:
        self.title = title
        self.verbs: dict[str, str] = {}
        self.examples: list[str] = []
        self._parsers = parsers

    def add(
        self, name: str, run: Callable[[argparse.Namespace], int], summary: str, examples: list[str], *shared: str
    ) -> Parser:
        """Add a verb that calls `run`, with options of `Parser.add_shared`; its help shows the examples."""
        verb: Parser = self._parsers.add_parser(
            name,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog="\n  ".join(["examples:", *examples]),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        verb.set_defaults(run=run, verb=name)
        verb.add_shared(*shared)
        self.verbs[name] = summary
        self.examples += examples
        return verb

    def __str__(self) -> str:
        return "\n".join([f"{self.title}:", *(f"  {name:<10} {summary}" for name, summary in self.verbs.items())])


def settings_of(args: argparse.Namespace) -> Settings:
    """Load the settings of the repository that the command line is about."""
    from slipway import settings

    return settings.load(args.root)


def share(given: int | None) -> int:
    """Return the percentage of requests that a release gets: all of them unless it was given."""
    return 100 if given is None else given


def refuse_given(args: argparse.Namespace, because: str, *names: str) -> None:
    """Raise `SlipwayError` if the command line has one of the named arguments."""
    values = {name: getattr(args, name.removeprefix("--").replace("-", "_")) for name in names}
    found = [name for name, value in values.items() if value not in (None, "", []) and value is not False]
    if found:
        raise SlipwayError(f"{because}: it takes no {', '.join(found)}", fix="leave them out")


def say(line: str = "") -> None:
    """Print a line of the answer."""
    print(line, flush=True)


def progress(line: str) -> None:
    """Print a line about the progress to standard error."""
    print(line, file=sys.stderr, flush=True)


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under their heads, each column as wide as its widest cell."""
    cells = [[str(cell) for cell in row] for row in [heads, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    for row in cells:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
