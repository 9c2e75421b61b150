"""The fixtures of a suite: the programs that its checks use, their material and random values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from labcheck.errors import SuiteError
from labcheck.judging.fleet import READY_WITHIN
from labcheck.judging.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from labcheck.protocols.draw import Draw
    from labcheck.protocols.view import ClientView, View


RUN = pytest.StashKey[Run]()
SERVERS = ("server", "own_server", "new_server", "new_server_with")
CLIENTS = ("client", "new_clients", "client_alone")
OTHERS = ("begun", "material", "draw")


@pytest.fixture
def server(request: pytest.FixtureRequest) -> View:
    """The server that most checks of its program share."""
    return request.config.stash[RUN].shared_server()


@pytest.fixture
def own_server(request: pytest.FixtureRequest) -> View:
    """A server for the checks that end it or may damage it; no other check has used it before the first of them."""
    return request.config.stash[RUN].own_server()


@pytest.fixture
def new_server(request: pytest.FixtureRequest) -> View:
    """A new server, for one check only."""
    return request.config.stash[RUN].new_server()


@pytest.fixture
def new_server_with(request: pytest.FixtureRequest) -> Callable[..., View]:
    """A function that starts a server with other files beside its program: `new_server_with({"access.log": data})`.

    No other check uses it. `within` is the number of seconds (times `--slow`) in which it must listen, by default 10.
    """
    run = request.config.stash[RUN]
    return lambda files, *, within=READY_WITHIN: run.new_server(files, within)


@pytest.fixture
def client(request: pytest.FixtureRequest) -> Any:
    """A client that waits for its user; an earlier check may have used it. Or what runs one that ends by itself."""
    return request.config.stash[RUN].client()


@pytest.fixture
def new_clients(request: pytest.FixtureRequest) -> Callable[[int], list[ClientView]]:
    """A function that starts the given number of new clients, for checks that end them."""
    run = request.config.stash[RUN]
    return lambda number: [run.client(f"client {place}", new=True) for place in range(1, number + 1)]


@pytest.fixture
def client_alone(request: pytest.FixtureRequest) -> View:
    """A client on whose port no server listens."""
    return request.config.stash[RUN].client_alone()


@pytest.fixture
def begun(request: pytest.FixtureRequest) -> Any:
    """What the check's own function has returned, which it gives as `begins` to `requirement`."""
    mark = request.node.get_closest_marker("requirement")
    if mark is None or mark.kwargs["begins"] is None:
        raise SuiteError("the fixture `begun` needs a function: @requirement(..., begins=FUNCTION)")
    return request.config.stash[RUN].begun(mark.kwargs["begins"])


@pytest.fixture
def material(request: pytest.FixtureRequest) -> Any:
    """The return value of `prepare()` in the suite's module `material`."""
    return request.config.stash[RUN].fleet.material


@pytest.fixture
def draw(request: pytest.FixtureRequest) -> Draw:
    """Random values; the same seed and check always give the same ones."""
    return request.config.stash[RUN].check.draw
