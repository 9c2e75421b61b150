"""The fixtures of a suite: the programs that its checks talk to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from labcheck.judging.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from labcheck.protocols.draw import Draw
    from labcheck.protocols.view import ClientView, View


RUN = pytest.StashKey[Run]()


@pytest.fixture
def server(request: pytest.FixtureRequest) -> View:
    """The server that most checks of its program share."""
    return request.config.stash[RUN].shared_server()


@pytest.fixture
def own_server(request: pytest.FixtureRequest) -> View:
    """A server for the checks that end it or may spoil it; the first of them gets it before anybody else."""
    return request.config.stash[RUN].own_server()


@pytest.fixture
def new_server(request: pytest.FixtureRequest) -> View:
    """A server for one check alone."""
    return request.config.stash[RUN].new_server()


@pytest.fixture
def client(request: pytest.FixtureRequest) -> ClientView:
    """A client that waits for its user; an earlier check may have used it."""
    return request.config.stash[RUN].client()


@pytest.fixture
def new_clients(request: pytest.FixtureRequest) -> Callable[[int], list[ClientView]]:
    """So many clients that nobody has used, for the checks that end them."""
    run = request.config.stash[RUN]
    return lambda number: [run.client(f"client {place}", new=True) for place in range(1, number + 1)]


@pytest.fixture
def client_alone(request: pytest.FixtureRequest) -> View:
    """A client whose port nobody listens on."""
    return request.config.stash[RUN].client_alone()


@pytest.fixture
def material(request: pytest.FixtureRequest) -> Any:
    """What the suite's material.prepare() has put in place."""
    return request.config.stash[RUN].fleet.material


@pytest.fixture
def draw(request: pytest.FixtureRequest) -> Draw:
    """Random values, the same for the same seed and check."""
    return request.config.stash[RUN].check.draw
