"""What a class is graded with: the graders of a machine, and the executors that make use of them."""

from __future__ import annotations

import contextlib
import functools
import sys
import threading
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from labcheck.errors import UsageError
from labcheck.grader import Nursery, Probe, Reply, Task
from labcheck.results import BROKEN, GRADED

if TYPE_CHECKING:
    from collections.abc import Iterator

TRIES = 2
PROTECTIONS = ("namespaces", "landlock")


class Graders:
    """What a machine grades with: one nursery a lab for all threads, and a new one where it has died."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._nurseries: dict[str, Nursery] = {}
        self._offered: dict[str, str] = {}
        self._closed = False

    def ask(self, request: Task | Probe) -> Reply:
        """Have a submission graded."""
        with self._lock:
            if self._closed:
                return Reply(BROKEN, "interrupted")
            nursery = self._nurseries.get(request.lab)
            if nursery is None or not nursery.is_alive():
                nursery = self._nurseries[request.lab] = Nursery(request.lab)
        return nursery.ask(request)

    def protection(self, lab: str, python: str) -> str:
        """Return the best protection that this machine offers. Raises UsageError where there is none."""
        if python not in self._offered:
            reasons = {}
            for name in PROTECTIONS:
                reply = self.ask(Probe(lab, name, python))
                if reply.kind == GRADED:
                    self._offered[python] = name
                    break
                reasons[name] = reply.text
            else:
                raise UsageError(
                    "no protection from the programs that are graded is to be had here "
                    f"({'; '.join(f'{name}: {why}' for name, why in reasons.items())}); on Linux install bubblewrap "
                    "and let it make namespaces, or say --sandbox none to go without"
                )
        return self._offered[python]

    def close(self) -> None:
        """End all gradings that go on, and begin none."""
        with self._lock:
            self._closed = True
            for nursery in self._nurseries.values():
                nursery.close()


@functools.cache
def graders() -> Graders:
    """Return this process's graders."""
    return Graders()


def close_graders() -> None:
    """End what this process's graders do; who asks for a grading then gets new ones."""
    graders().close()
    graders.cache_clear()


def grade_task(task: Task) -> Reply:
    """Grade a submission, here; what was broken on the way gets a second try. To be run by an executor."""
    mine, reply = graders(), Reply(BROKEN)
    task = replace(task, python=task.python or sys.executable)
    if task.sandbox == "auto":
        try:
            task = replace(task, sandbox=mine.protection(task.lab, task.python))
        except UsageError as error:
            return Reply(BROKEN, str(error))
    for _ in range(TRIES):
        reply = mine.ask(task)
        if reply.kind != BROKEN and not reply.faults:
            break
    return reply


@contextlib.contextmanager
def executor_for(jobs: int, cluster: str | None) -> Iterator[tuple[Executor, int]]:
    """Make an executor, of this machine or of a dask cluster, and say how many gradings it does at a time.

    Raises UsageError where there is no such cluster.
    """
    if cluster is None:
        with ThreadPoolExecutor(jobs) as pool:
            try:
                yield pool, jobs
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
                close_graders()
        return
    try:
        from distributed import Client
    except ImportError:
        raise UsageError("--cluster needs dask: pip install 'labcheck[cluster]'") from None
    try:
        client: Any = Client(cluster, timeout=10, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TimeoutError) as error:
        raise UsageError(f"there is no dask scheduler at {cluster}: {error or type(error).__name__}") from error
    with client, client.get_executor(pure=False, retries=TRIES) as pool:
        yield pool, max(1, sum(client.nthreads().values()))
