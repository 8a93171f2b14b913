"""The parser of a command line: verbs in groups, with examples, and their common options."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from slipway.names import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from slipway.settings import Settings

__all__ = ["Group", "Parser", "given", "settings_of", "share"]


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
        """Refuse unknown options first: argparse would tell of a missing one, where that is only misspelt."""
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

    def add_models(self) -> None:
        """Take the names of models; none means all of them."""
        self.add_argument("models", nargs="*", metavar="MODEL", help="only these models (default: all)")

    def add_environment(self) -> None:
        """Take `--env`, which is test where it is not given."""
        self.add_argument("--env", default="test", help="the environment (default: test)")

    def add_version(self) -> None:
        """Take a version by its number or by its metadata."""
        choice = self.add_mutually_exclusive_group()
        choice.add_argument("--version", type=int, metavar="N", help="this version (default: the newest)")
        choice.add_argument(
            "--where", action="append", default=[], metavar="KEY=VALUE", help="the newest version with this metadata"
        )

    def add_share(self) -> None:
        """Take the share of the requests that a release gets."""
        self.add_argument("--traffic", type=int, metavar="PERCENT", help="its share of the requests (default: 100)")

    def add_metadata(self) -> None:
        """Take metadata of a version that is published."""
        self.add_argument(
            "-m", "--metadata", action="append", default=[], metavar="KEY=VALUE", help="write this into the record"
        )


class Group:
    """The verbs of one topic, which `slipway --help` lists together."""

    def __init__(self, title: str, parsers: Any) -> None:
        self.title = title
        self.verbs: dict[str, str] = {}
        self.examples: list[str] = []
        self._parsers = parsers

    def add(self, name: str, run: Callable[[argparse.Namespace], int], summary: str, examples: list[str]) -> Parser:
        """Add a verb that calls `run`; its help shows the examples."""
        verb: Parser = self._parsers.add_parser(
            name,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog="\n  ".join(["examples:", *examples]),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        verb.set_defaults(run=run)
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


def given(args: argparse.Namespace, *names: str) -> str:
    """Return those of the named arguments that the command line has: `--env, --traffic`."""
    values = {name: getattr(args, name.removeprefix("--").replace("-", "_")) for name in names}
    return ", ".join(name for name, value in values.items() if value not in (None, "", []) and value is not False)
