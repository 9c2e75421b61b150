"""`%labcheck`: the commands of the command line in a notebook cell."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.sandbox import processes
from labcheck.workbook.labs import lab_names

if TYPE_CHECKING:
    from labcheck.record.record import Record

ENDS_WITHIN = 15.0  # seconds after an interrupt for labcheck to stop the student's programs


def labcheck(line: str) -> None:
    """Run a labcheck command: `%labcheck lab1`, `%labcheck hint lab1 2.3`. `%labcheck` alone lists the commands."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        print(f"labcheck: {str(error).lower()} in: {line}", file=sys.stderr)
        return
    record_in = _add_defaults(words)
    done = _run(words)
    if done is None:
        print("labcheck: interrupted", file=sys.stderr)
        return
    record = _record(done, record_in)
    if record is None:
        print(done.stdout, end="")
    else:
        from IPython.display import display

        from labcheck.jupyter.report import Report

        display(Report(record))  # type: ignore[no-untyped-call]
    print(done.stderr, end="", file=sys.stderr)


def _add_defaults(words: list[str]) -> str | None:
    """Add options for this Python and for the record. Return the file with the record; `-` is standard output."""
    if not words or words[0] not in lab_names() or not {"-h", "--help"}.isdisjoint(words):
        return None
    given = {}
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        given[name] = value if equals else "".join(words[place + 1 : place + 2])
    if "--python" not in given:
        words += ["--python", sys.executable]
    if "-" in given.values():  # a report is to be printed as text
        return None
    if "--json" not in given:
        words += ["--json", "-"]
    return given.get("--json", "-")


def _run(words: list[str]) -> subprocess.CompletedProcess[str] | None:
    """Run labcheck to its end. Return None if the cell was interrupted."""
    # A notebook executed in a workflow must not write the summary of the workflow's step.
    environment = {name: value for name, value in os.environ.items() if name != "GITHUB_ACTIONS"}
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "labcheck", *words],
        env=environment | {"PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        **processes.own_session(),  # an interrupt of the cell reaches it only once, from here
    ) as process:
        try:
            out, err = process.communicate()
        except KeyboardInterrupt:
            with contextlib.suppress(OSError):
                processes.interrupt(process.pid)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=ENDS_WITHIN)
            processes.end_tree(process.pid)
            return None
        return subprocess.CompletedProcess(words, process.returncode, out, err)


def _record(done: subprocess.CompletedProcess[str], file: str | None) -> Record | None:
    """Return the record of a run, or None if there is no record."""
    if file is None or (file != "-" and done.returncode not in (0, 1)):  # the file may contain an older record
        return None
    from labcheck.record.record import Record

    with contextlib.suppress(OSError, ValueError):
        return Record.from_json(done.stdout if file == "-" else Path(file).read_text("utf-8"))
    return None
