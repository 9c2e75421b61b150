"""The executors that grade a class: threads of this machine, or a dask cluster."""

from __future__ import annotations

import contextlib
import logging
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labcheck.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
from labcheck.isolated.graders import TRIES, close_graders
from labcheck.isolated.width import Width

CLOSED_WITHIN = 5  # seconds in which the connection to a cluster is closed
AHEAD = 1  # submissions in memory in addition to those that are graded
PER_THREAD = 2  # submissions sent to each thread of a cluster: one is graded, and one is there when that is done


@dataclass(frozen=True)
class Workers:
    """An executor of gradings.

    `room` returns for how many it has room, of which a given number is running; `lost` why it cannot go on, or "".
    """

    executor: Executor
    room: Callable[[int], int]
    lost: Callable[[], str] = lambda: ""


@contextlib.contextmanager
def workers_for(jobs: int | None, cluster: str | None = None) -> Iterator[Workers]:
    """Yield the workers of this machine or of a dask cluster. Raises UsageError if the cluster cannot be reached.

    `jobs` is the number of gradings at the same time; None: as many as keep the processors busy.
    """
    if cluster is None:
        width = Width()
        with ThreadPoolExecutor(jobs or width.most) as pool:
            try:
                yield Workers(pool, width.now if jobs is None else lambda running: jobs + AHEAD)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
                close_graders()
        return
    try:
        from distributed import Client
    except ImportError:
        from labcheck.workbook import extras

        raise UsageError(f"--cluster needs dask; run: {extras.command('cluster')}") from None
    for name in ("distributed", "distributed.client"):  # what goes wrong is reported by us, in one line
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        client: Any = Client(cluster, timeout=10, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TimeoutError) as error:
        raise UsageError(
            f"cannot connect to a dask scheduler at {cluster}: {error or type(error).__name__}; "
            "give the address of a running scheduler"
        ) from error

    def lost() -> str:
        if client.status == "running":
            return ""
        return (
            f"lost the connection to the dask scheduler at {cluster}; what is graded is kept, so run this again later"
        )

    try:
        pool = client.get_executor(pure=False, retries=TRIES)
        number = max(1, sum(client.nthreads().values()))
        yield Workers(pool, lambda running: number * PER_THREAD, lost)
    finally:
        # A scheduler that has ended answers nothing: nothing may wait for it.
        with contextlib.suppress(Exception):
            client.close(timeout=CLOSED_WITHIN)
