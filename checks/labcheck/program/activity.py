"""Whether a program is busy or waits for input, as far as the system reports it (Linux, proc(5)).

`Watch` says in words what a program did while labcheck waited for it.
"""

from __future__ import annotations

import contextlib
import math
import time
from typing import TYPE_CHECKING

from labcheck.program import clock, waits
from labcheck.record.text import shorten
from labcheck.sandbox import processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from labcheck.program.output import Output

POLL = 0.005  # seconds between two samples
SURE = 0.3  # seconds without work; longer than what goes on in TCP unseen by the program, such as delayed ACKs
SLEEPS = 4  # times the length of a sleep to look for one
STANDSTILL = 0.05  # seconds; a gap between two samples is longer than this only if the whole machine was stopped

BUSY = 0.1  # of the time: a program that used the processor for longer was busy
AT_REST = 0.01  # of the time: one that used it for less was at rest
CHILDREN = ("children_user", "children_system")
LOOKS = 10  # in a row at a program that seems to be busy
REPEATS = 5  # lines in a row that are the same, until a program is said to print it again and again

Threads = list[tuple[str, bytes]]  # for each thread: its state, and its run time in nanoseconds


class Activity:
    """The activity of a process and its descendants.

    They count as idle only if `is_drained` says that all their output has been read. `streams` hold that output.
    `until` is a time of the clock, after which this waits for nothing: hundreds of processes make each look slow.
    """

    def __init__(
        self,
        pid: Callable[[], int],
        is_drained: Callable[[], bool],
        streams: Sequence[Output] = (),
        until: float = math.inf,
    ) -> None:
        self._pid = pid
        self._is_drained = is_drained
        self._streams = streams
        self._until = until
        self._last_seen: Threads | None = None
        self._looked_at = 0.0
        self._rested = 0.0  # seconds

    def wait_until_idle(self, seconds: float) -> None:
        """Wait until the process is idle, for up to `seconds`.

        An idle process has finished its work and printed its output. It is also safe to interrupt: Python drops a
        KeyboardInterrupt that is raised inside a weak reference's callback, for instance while a finished thread is
        cleaned up. A user never hits that millisecond, so labcheck must not hit it either.

        Time in which the process is ready to run but gets no processor does not count. The total wait is limited to
        four times `seconds`. If the system reports no activity, the process is idle once its output has been read.
        """
        left, at_most = seconds, min(clock.now() + 4 * seconds, self._until)
        before, looked_at = None, clock.now()
        while left > 0 and looked_at < at_most:
            now = self.threads()
            if now == before and not _is_busy(now) and self._is_drained():
                return
            time.sleep(POLL)
            since, looked_at = looked_at, clock.now()
            if now != before or not _is_busy(now):
                left -= min(looked_at - since, STANDSTILL)
            before = now

    def begin_rest(self) -> None:
        """Start measuring idle time from now on; earlier idle time does not count."""
        self._last_seen, self._looked_at, self._rested = None, clock.now(), 0.0

    def has_rested(self, seconds: float) -> bool:
        """Return whether the process has been idle for more than `seconds`; False if unknown. Call this often."""
        self._note_rest()
        return self._rested > seconds

    def waits_for_input(self) -> bool:
        """Return whether the process stays idle until something arrives for it; False if unknown. Call this often.

        It has been idle for SURE, and none of its threads waits for a time: nothing that is missing will come.
        """
        self._note_rest()
        if self._rested <= SURE or any(map(waits.wakes_by_itself, processes.tree(self._pid()))):
            return False
        self._note_rest()  # between the two looks, it may have woken up, printed something, and begun to wait again
        return self._rested > SURE

    def _note_rest(self) -> None:
        now, looked_at = self.threads(), clock.now()
        if now is None or now != self._last_seen or _is_busy(now) or not self._is_drained():
            self._rested = 0.0
        else:
            # If the machine stood still between two samples, that time is not idle time.
            self._rested += min(looked_at - self._looked_at, STANDSTILL)
        self._last_seen, self._looked_at = now, looked_at

    def samples(self) -> Iterator[Threads | None]:
        """Yield the threads again and again, LOOKS times if there is time for it, and at least once."""
        for _ in range(LOOKS):
            yield self.threads()
            if clock.now() > self._until:
                return
            time.sleep(POLL)

    def is_busy(self) -> bool:
        """Return whether the program has work to do now; False if the system does not report it."""
        return _is_busy(self.threads())

    def doing(self) -> str:
        """Return in words what the program does all the time; empty if it is neither busy nor asleep."""
        looks = set()
        for threads in self.samples():
            if _is_busy(threads):
                looks.add("busy")
            elif threads is not None and len(threads) == 1 and waits.sleeps(self._pid()):
                looks.add("asleep, as in time.sleep(): it serves nobody until it wakes up")
            else:
                return ""
        return f"the program is {looks.pop()}" if len(looks) == 1 else ""

    def sleeps_for(self, seconds: float) -> bool:
        """Return whether the only thread of the program sleeps for `seconds` without a break, while it has work to do.

        Sleeping is what time.sleep() does: the program does not wake up if data arrives for it. Looks for a few times
        `seconds`, but returns False as soon as the program waits for data.
        """
        before, since, limit = None, 0.0, min(clock.now() + SLEEPS * seconds, self._until)
        while clock.now() < limit:
            threads, sleeps = self.threads(), waits.sleeps(self._pid())
            if threads is None or len(threads) != 1 or not (sleeps or _is_busy(threads)):
                return False
            if threads != before or not sleeps:
                before, since = threads, clock.now()
            elif clock.now() - since >= seconds:
                return True
            time.sleep(POLL)
        return False

    def watch(self) -> Watch:
        """Begin to note what the program does."""
        return Watch(self, self._streams)

    def processor_time(self) -> float | None:
        """Return how many seconds of processor time the program has used so far; None if it has ended."""
        import psutil

        try:
            times = [psutil.Process(pid).cpu_times() for pid in processes.tree(self._pid())]
        except psutil.Error:
            return None
        # Children that have ended are counted with their parent; Windows does not report them.
        return sum(sum(each[:2]) + sum(getattr(each, name, 0.0) for name in CHILDREN) for each in times)

    def has_threads(self) -> bool:
        """Return whether there is more than one thread; True if the system does not report it."""
        threads = self.threads()
        return threads is None or len(threads) > 1

    def threads(self) -> Threads | None:
        """Return the state and run time of each thread (stat, schedstat); None if the system does not report them."""
        pid = self._pid()
        try:
            found = _threads_of(pid)
        except (OSError, IndexError):
            return None
        for child in processes.descendants(pid):
            with contextlib.suppress(OSError, IndexError):  # it has ended
                found += _threads_of(child)
        return found


class Watch:
    """What a program has done since this was made: `str()` says it in words, or is empty if it is not known."""

    def __init__(self, activity: Activity, streams: Sequence[Output]) -> None:
        self._activity = activity
        self._began = clock.now()
        self._used = activity.processor_time()
        self._streams = [(stream, stream.total) for stream in streams]

    def __str__(self) -> str:
        for stream, before in self._streams:
            lines = stream.text(before).split("\n")[-REPEATS - 1 : -1]  # without the last, which is not complete
            if len(lines) == REPEATS and len({*lines}) == 1 and lines[0].strip():
                return f"the program prints this line again and again: {shorten(lines[0].strip())}"
        waited, used = clock.now() - self._began, self._activity.processor_time()
        if used is None or self._used is None:
            return ""
        used -= self._used
        if used >= BUSY * waited:
            return f"the program was busy: it used {used:.0f} s of processor time in {waited:.0f} s"
        if used <= AT_REST * waited and not self._gets_no_processor():
            return "the program was at rest"
        return f"the program used {used:.1f} s of processor time in {waited:.1f} s"

    def _gets_no_processor(self) -> bool:
        """Return whether the program is ready to run all the time, on a machine that has no time for it."""
        return all(map(_is_busy, self._activity.samples()))  # one at rest may be caught while it wakes up for a moment


def _threads_of(pid: int) -> Threads:
    threads = sorted(processes.threads_of(pid))
    return [(processes.state_of(each), processes.read(f"{each}/schedstat").split()[0]) for each in threads]


def _is_busy(threads: Threads | None) -> bool:
    """Return whether a thread runs, is ready to run (R) or waits for the disk (D): none of them needs input."""
    return any(state in "RD" for state, _ in threads or ())
