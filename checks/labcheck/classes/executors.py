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

CLOSED_WITHIN = 5  # seconds in which the connection to a cluster is closed


@dataclass(frozen=True)
class Workers:
    """An executor, the number of gradings it runs at the same time, and a function that says why it cannot go on."""

    executor: Executor
    width: int
    lost: Callable[[], str] = lambda: ""


@contextlib.contextmanager
def workers_for(jobs: int, cluster: str | None) -> Iterator[Workers]:
    """Yield the workers of this machine or of a dask cluster. Raises UsageError if the cluster cannot be reached."""
    if cluster is None:
        with ThreadPoolExecutor(jobs) as pool:
            try:
                yield Workers(pool, jobs)
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
        yield Workers(pool, max(1, sum(client.nthreads().values())), lost)
    finally:
        # A scheduler that has ended answers nothing: nothing may wait for it.
        with contextlib.suppress(Exception):
            client.close(timeout=CLOSED_WITHIN)
