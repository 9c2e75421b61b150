"""Completion of words in the shell: `labcheck completion SHELL` prints the script; the shell then asks labcheck."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labcheck.cli.options import AUTO, PASSED, REQUIRED, Command, Parser
from labcheck.errors import UsageError
from labcheck.workbook.labs import lab_names, load_lab

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

SHELLS = ("bash", "zsh", "fish")
ASKED = "_ARGCOMPLETE"  # set in the environment by the shell's script


def complete(check: Command, commands: Iterable[Command]) -> None:
    """Answer the shell that has set ASKED, and exit. `check` is the command whose name is that of a lab."""
    import argcomplete

    parser = Parser(prog="labcheck", allow_abbrev=False)
    known = parser.add_subparsers(dest="command")
    everything = ["--help"]  # all report formats, not only those already typed
    labs = dict.fromkeys(lab_names(), check)
    for name, command in (labs | {each.name: each for each in commands}).items():
        own = known.add_parser(name, help=command.summary)
        command.arguments(own, everything)
        if command is check:
            own.set_defaults(lab=name)
        _add_completers(own)
    argcomplete.autocomplete(parser, always_complete_options="long")


def _add_completers(parser: argparse.ArgumentParser) -> None:
    """Set what each argument can be; all others are files."""
    completers: dict[str, Any] = {
        "lab": _labs,
        "id": _ids,
        "only": _ids,
        "step": _steps,
        "sandbox": _protections,
        "results": _results,
    }
    for action in parser._actions:
        if completer := completers.get(action.dest):
            action.completer = completer  # type: ignore[attr-defined]


def _labs(**_: Any) -> Iterable[str]:
    return lab_names()


def _ids(parsed_args: argparse.Namespace, **_: Any) -> Iterable[str]:
    return load_lab(parsed_args.lab).requirements if parsed_args.lab in lab_names() else ()


def _steps(parsed_args: argparse.Namespace, **_: Any) -> Iterable[str]:
    return [str(step.number) for step in load_lab(parsed_args.lab).steps] if parsed_args.lab in lab_names() else ()


def _results(prefix: str, parsed_args: argparse.Namespace, **_: Any) -> Iterable[str]:
    from argcomplete.completers import FilesCompleter

    from labcheck.cli.certificate import ACTIONS

    return [*(() if parsed_args.results else ACTIONS), *FilesCompleter()(prefix)]


def _protections(**_: Any) -> Iterable[str]:
    from labcheck.sandbox.protections import protections

    return [AUTO, REQUIRED, *protections()]


def _arguments(parser: Parser, words: list[str]) -> None:
    del words
    parser.add_argument("shell", metavar="SHELL", help=f"{', '.join(SHELLS[:-1])} or {SHELLS[-1]}")


def _print(given: argparse.Namespace) -> int:
    from argcomplete.shell_integration import shellcode

    if given.shell not in SHELLS:
        raise UsageError(f"unknown shell {given.shell!r}; known: {', '.join(SHELLS)}")
    print(shellcode(["labcheck"], shell=given.shell))
    return PASSED


COMMAND = Command("completion", "print a script with which the shell completes words of labcheck", _arguments, _print)
