"""The executors that grade a class: threads of this machine, or a dask cluster."""

from __future__ import annotations

import contextlib
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from labcheck.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
from labcheck.isolated.graders import TRIES, close_graders


@contextlib.contextmanager
def executor_for(jobs: int, cluster: str | None) -> Iterator[tuple[Executor, int]]:
    """Yield an executor, of this machine or of a dask cluster, and the number of gradings it runs at the same time.

    Raises UsageError if the cluster cannot be reached.
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
        from labcheck.workbook import extras

        raise UsageError(f"--cluster needs dask; run: {extras.command('cluster')}") from None
    try:
        client: Any = Client(cluster, timeout=10, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TimeoutError) as error:
        raise UsageError(
            f"cannot connect to a dask scheduler at {cluster}: {error or type(error).__name__}; "
            "give the address of a running scheduler"
        ) from error
    with client, client.get_executor(pure=False, retries=TRIES) as pool:
        yield pool, max(1, sum(client.nthreads().values()))
