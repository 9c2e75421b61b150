"""Check a folder in a new Python process: on systems without `fork`, where there are no fork servers."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.errors import RefusedError, UsageError
from labcheck.isolated.task import Reply, Task, broken_by, line_of, reply_from
from labcheck.judging.judge import judge
from labcheck.record.result import GRADED, REFUSED
from labcheck.sandbox import processes
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from labcheck.judging.judge import Listener
    from labcheck.record.record import Outcome


class Fresh:
    """A grading in a new process; its interface is that of `graders.Asked`."""

    def __init__(self, task: Task) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-X", "utf8", "-P", "-c", "from labcheck.isolated.fresh import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            **processes.own_session(),
        )
        assert self._process.stdin is not None
        with self._process.stdin as pipe:
            pickle.dump(task, pipe)

    def reply(self, listener: Listener | None = None) -> Reply:
        """Return the reply; see `graders.Asked.reply`."""
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            reply = reply_from(stream, listener)
        self._process.wait()
        return reply

    def cancel(self) -> None:
        """End the grading."""
        if self._process.poll() is None:
            processes.end_tree(self._process.pid)


def main() -> None:
    """Do the grading: the task comes on standard input, the reply goes to standard output."""
    task: Task = pickle.load(sys.stdin.buffer)
    out = sys.stdout.buffer

    def tell(id: str, outcome: Outcome | None) -> None:
        out.write(line_of(id, outcome))
        out.flush()

    out.write(grade_here(task, tell).to_json())
    out.flush()


def grade_here(task: Task, listener: Listener | None = None) -> Reply:
    """Check a folder in this process, which must do nothing else at the time; any exception becomes a reply."""
    try:
        judgement = judge(load_lab(task.lab), Path(task.folder), task.options, listener=listener)
        found, mistakes = judgement.record.to_table(), list(judgement.mistakes)
        return Reply(GRADED, record=found, faults=judgement.faults, mistakes=mistakes)
    except (UsageError, RefusedError) as error:
        return Reply(REFUSED, str(error))
    except Exception as error:
        return broken_by(error)
