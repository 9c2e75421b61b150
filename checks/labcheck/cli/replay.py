"""After a replay: leave the program to its user.

A check draws its values by the seed and adds its own files to a copy of the submission. So the same requests get other
answers in a terminal: here the program runs in such a copy, on the lab's usual port.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from labcheck.errors import NotReadyError
from labcheck.judging.run import running

if TYPE_CHECKING:
    from pathlib import Path

    from labcheck.judging.options import Options
    from labcheck.program.output import Output
    from labcheck.program.program import Program
    from labcheck.workbook.labs import Lab

LOOK = 0.1  # seconds between two looks at what the program prints


def stay(lab: Lab, folder: Path, options: Options, id: str, by_hand: str) -> None:
    """Start the server of a requirement as its check does, and end it when the user presses Enter.

    `options` are those of the check, with its seed; `by_hand` is the command to try. Prints what the server prints, and
    why if it cannot be started. A client needs a server, so it is not started.
    """
    spec = lab.program_of(id)
    if spec.is_client:
        return
    with running(lab, folder, options) as run:
        try:
            program = run.fleet.usual_server(spec).program
        except OSError:
            print(f"{spec.file} does not keep running: your own server, or another program, uses port {lab.port}.")
            return
        except NotReadyError as error:
            print(f"{spec.file} does not keep running: {error}")
            return
        print(f"{spec.file} now runs on port {program.port}, in a copy of your folder with the files of this check.")
        if by_hand:
            print(f"In another terminal:\n\n    {by_hand}\n")
        print("Press Enter here to end it.", flush=True)
        _show_output_until_enter(program)


def _show_output_until_enter(program: Program) -> None:
    pressed = threading.Event()

    def read() -> None:
        sys.stdin.readline()
        pressed.set()

    threading.Thread(target=read, daemon=True).start()
    streams = {program.stdout: program.stdout.total, program.stderr: program.stderr.total}
    while not pressed.wait(LOOK):
        has_exited = program.has_exited
        for stream in streams:
            streams[stream] = _show(stream, streams[stream])
        if has_exited:
            print(f"{program.spec.file} has ended, with exit status {program.exit_status}.")
            return


def _show(stream: Output, since: int) -> int:
    """Print what a program has printed since a place; return the new place."""
    total = stream.total
    if total > since:
        print(stream.text(since), end="", flush=True)
    return total
