"""Check the programs of one submission at the same time, each group of them in a process of its own.

The programs of a lab do not need each other, and most of the time a check waits. The processes are forked when the
checks are collected, so each of them begins at once. For a class there is no need for this: it keeps all processors
busy anyway.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
import traceback
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from labcheck.errors import Fault, MachineError, RefusedError, SuiteError, UsageError
from labcheck.isolated.forked import end_after
from labcheck.judging.judge import Judgement, Listener, judge, with_checks
from labcheck.judging.run import seed_or_new
from labcheck.program.machine import lack
from labcheck.sandbox import isolation, processes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection
    from pathlib import Path

    import pytest

    from labcheck.judging.options import Options
    from labcheck.workbook.labs import Lab

EXPECTED = (UsageError, RefusedError, SuiteError, MachineError, Fault)  # what `judge` raises
LEAVE = 5.0  # seconds for a process to end its programs after an interrupt


def judge_side_by_side(lab: Lab, folder: Path, options: Options, listener: Listener | None = None) -> Judgement:
    """Check the programs in a folder against a lab, without protection; for `listener` and errors, see `judge`.

    The result is that of `judge`, except for the times in it.
    """
    selected = options.selected(lab)
    groups = groups_of(lab, selected, processors())
    if len(groups) < 2:
        return judge(lab, folder, options, listener=listener)
    clock = time.perf_counter()
    options = replace(options, seed=seed_or_new(options.seed))
    parts: list[Judgement] = []
    with_checks(lab, lambda session: parts.extend(_judge_all(lab, folder, options, groups, session, listener)))
    judgement = merged(groups, parts)
    judgement.record.selected = list(selected)
    judgement.record.seconds = round(time.perf_counter() - clock, 3)
    return judgement


def groups_of(lab: Lab, selected: Sequence[str], number: int) -> list[tuple[str, ...]]:
    """Divide requirements into up to `number` groups of about the same size; no program is in two of them."""
    share = len(selected) / number
    groups: dict[int, tuple[str, ...]] = {}
    done = 0
    for program in lab.programs:
        own = tuple(id for id in selected if lab.program_of(id) == program)
        place = int((done + len(own) / 2) / share)
        done += len(own)
        if own:
            groups[place] = (*groups.get(place, ()), *own)
    return list(groups.values())


def merged(groups: Sequence[Sequence[str]], parts: Sequence[Judgement]) -> Judgement:
    """Put the results of groups of requirements together."""
    first = parts[0].record
    found = {id: part.record.requirement(id) for ids, part in zip(groups, parts, strict=True) for id in ids}
    rows = [found.get(each.id, each) for each in first.requirements]
    programs = [program for part in parts for program in part.record.programs]
    record = replace(first, requirements=rows, programs=programs)
    faults = [fault for part in parts for fault in part.faults]
    return Judgement(record, faults, mistakes=tuple(mistake for part in parts for mistake in part.mistakes))


def processors() -> int:
    """Return the number of processors for this; 1 where forking a process that has run for a while is not safe."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1


def _judge_all(
    lab: Lab,
    folder: Path,
    options: Options,
    groups: Sequence[tuple[str, ...]],
    session: pytest.Session,
    listener: Listener | None,
) -> list[Judgement]:
    from multiprocessing import Pipe  # only now: this takes time, and a lab with one program does not need it

    processes.adopt_orphans()
    spare = processes.descendants(os.getpid())
    pipes: dict[int, Connection] = {}
    try:
        for group in groups:
            reading, writing = Pipe(duplex=False)
            pid = os.fork()
            if pid == 0:
                end_after(partial(_judge_group, lab, folder, replace(options, only=group), session, writing))
            writing.close()
            pipes[pid] = reading
        return _results(list(pipes.values()), listener)
    finally:
        _end(pipes, spare)


def _judge_group(lab: Lab, folder: Path, options: Options, session: pytest.Session, pipe: Connection) -> None:
    """Check a group of requirements in this forked process, and send what happens, then the result."""
    isolation.die_with_parent()
    with contextlib.suppress(KeyboardInterrupt, OSError):  # SIGTERM, or a closed pipe: nobody waits for the result
        result = _judgement_or_error(lab, folder, options, session, lambda *told: pipe.send(told))
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the parent may send it as soon as the result has arrived
        pipe.send(result)


def _judgement_or_error(
    lab: Lab, folder: Path, options: Options, session: pytest.Session, listener: Listener
) -> Judgement | Exception:
    try:
        return judge(lab, folder, options, session=session, listener=listener)
    except EXPECTED as error:
        return error
    except Exception as error:
        return lack(error) or Fault(traceback.format_exc())


def _results(pipes: list[Connection], listener: Listener | None) -> list[Judgement]:
    """Return the result from each pipe, and pass on what comes before it."""
    from multiprocessing.connection import Connection, wait

    found: dict[Connection, Judgement] = {}
    while len(found) < len(pipes):
        for pipe in wait([each for each in pipes if each not in found]):
            assert isinstance(pipe, Connection)
            try:
                told = pipe.recv()
            except (EOFError, OSError) as error:
                raise MachineError("the process that checked some of the programs was ended from outside") from error
            if isinstance(told, Exception):
                raise told
            if isinstance(told, Judgement):
                found[pipe] = told
            elif listener is not None:
                listener(*told)
    return [found[pipe] for pipe in pipes]


def _end(pipes: dict[int, Connection], spare: Sequence[int]) -> None:
    """Let the processes end their programs, if they still run; then end what is left."""
    for pid, reading in pipes.items():
        reading.close()
        if processes.is_alive(pid):
            os.kill(pid, signal.SIGTERM)
    limit = time.monotonic() + LEAVE
    while any(map(processes.is_alive, pipes)) and time.monotonic() < limit:
        time.sleep(0.001)
    processes.end_all(spare)
