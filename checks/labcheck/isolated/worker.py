"""The worker: the process that checks one submission, under the chosen protection."""

from __future__ import annotations

import io
import os
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.errors import RefusedError, UsageError
from labcheck.isolated.task import PROBE_WITHIN, Probe, Reply, Task, broken_by, line_of
from labcheck.judging.catalogue import digest_of, with_more
from labcheck.judging.judge import judge
from labcheck.sandbox import isolation
from labcheck.sandbox.protections import find
from labcheck.submission.archive import Target, extract
from labcheck.submission.limits import SUBMISSION
from labcheck.submission.programs import Chosen
from labcheck.submission.sources import read_sources
from labcheck.submission.unpack import unpack
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    import pytest

    from labcheck.judging.judge import Listener
    from labcheck.record.record import Outcome
    from labcheck.sandbox.base import Sandbox
    from labcheck.sandbox.cgroup import Group


@dataclass
class Grading:
    """The work of one worker.

    - `scratch`: its own folder.
    - `programs`, `grader`: the control groups of the programs that it starts, and of itself.
    - `uid`: the user id reserved for the programs; None: they run as labcheck's user.
    """

    request: Task | Probe
    session: pytest.Session
    scratch: Path
    programs: Group
    grader: Group
    uid: int | None

    def answer(self, writing: int) -> None:
        """Handle the request, and write the reply. Any exception becomes a reply too."""
        isolation.die_with_parent()
        self.grader.enter()

        def tell(id: str, outcome: Outcome | None) -> None:
            os.write(writing, line_of(id, outcome))

        try:
            reply = self._work(tell if self.request.live else None)
        except UsageError as error:
            reply = Reply("broken", str(error))
        except Exception as error:
            reply = broken_by(error)
            if reply.faults and isinstance(self.request, Probe):
                reply = Reply("broken", str(getattr(error, "strerror", "") or error))
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(reply.to_json())

    def _work(self, listener: Listener | None) -> Reply:
        options = self.request.options
        protection = find(options.protection)
        self.scratch = protection.settle(self.scratch)
        tempfile.tempdir = str(self.scratch)
        sandbox = protection.make(options.interpreter, self.uid, self.scratch)
        if sandbox.is_limited:
            sandbox.group = self.programs
        return (
            self._grade(self.request, sandbox, listener) if isinstance(self.request, Task) else self._try_out(sandbox)
        )

    def _try_out(self, sandbox: Sandbox) -> Reply:
        """Start Python in the sandbox, as a student's program would be started."""
        if missing := sandbox.missing():
            return Reply("broken", missing)
        place = self.scratch / "1"
        place.mkdir()
        sandbox.make_room(place, 0)
        folder = place / "work"
        folder.mkdir()
        (folder / "probe.py").write_text("print('here')")
        sandbox.hand_over(place)
        done = subprocess.run(
            sandbox.command([self.request.options.interpreter, "probe.py", "20000"], folder),
            cwd=folder,
            env={"PATH": os.environ.get("PATH", os.defpath), **sandbox.environment(folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PROBE_WITHIN / 2,
            check=False,
        )
        if done.stdout.strip() == "here":
            return Reply("graded")
        return Reply("broken", (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1])

    def _grade(self, task: Task, sandbox: Sandbox, listener: Listener | None) -> Reply:
        lab = load_lab(task.lab)
        if task.suite and task.suite != digest_of(lab, task.extra, hidden=task.hidden):
            return Reply(
                "broken",
                f"the grading machine has another version of labcheck or of the suite of {task.lab}; "
                "install the same version there",
            )
        more, place = self.scratch / "more", self.scratch / "handed-in"
        more.mkdir(0o700)
        place.mkdir(0o700)
        if task.extra:
            extract(io.BytesIO(task.extra), Target(more, SUBMISSION))
            lab = with_more(lab, more, hidden=task.hidden)
        limits = SUBMISSION.times(task.options.limits)
        try:
            chosen = Chosen(Path(task.folder)) if task.folder else unpack(task.name, task.data, place, lab, limits)
            files = [program.file for program in lab.programs]
            sources = [] if task.folder else read_sources(chosen.folder, files)
            lab = lab.with_names(chosen.originals)
            judgement = judge(lab, chosen.folder, task.options, sandbox, None if lab.more else self.session, listener)
        except (RefusedError, UsageError) as error:
            return Reply("refused", str(error))
        judgement.record.submission = task.label
        tables = [asdict(each) for each in sources]
        mistakes = list(judgement.mistakes)
        return Reply("graded", chosen.note, judgement.record.to_table(), judgement.faults, mistakes, tables)
