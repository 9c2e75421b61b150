"""What is said besides the last line of a traceback."""

from __future__ import annotations

import pytest

from labcheck.program.advice import advice

OWN = [("echo_server.py", 12)]
LIBRARY = [*OWN, ("/usr/lib/python3/site-packages/websockets/asyncio/server.py", 300)]


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ("AttributeError: module 'asyncio' has no attribute 'coroutine'. Did you mean: 'coroutines'?", "`async def`"),
        ("SyntaxError: 'yield from' inside async function", "`await` instead"),
        ("SyntaxError: 'await' outside function", "`async def`"),
        ("SyntaxError: 'async with' outside async function", "`async def`"),
        ("RuntimeError: no running event loop", "asyncio.run()"),
        ("RuntimeError: There is no current event loop in thread 'MainThread'.", "asyncio.run()"),
        ("TypeError: Queue.__init__() got an unexpected keyword argument 'loop'", "leave out `loop`"),
        ("AttributeError: 'ServerConnection' object has no attribute 'path'", "`request.path`"),
        (
            "AttributeError: 'ClientConnection' object has no attribute 'open'",
            "ConnectionClosed",
        ),
    ],
)
def test_old_tutorials_are_recognized(last: str, said: str) -> None:
    """The advice says what to write today, for servers and for clients."""
    assert said in advice(last, OWN, is_client=False)
    assert said in advice(last, OWN, is_client=True)


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ("TypeError: echo() missing 1 required positional argument: 'path'", "one argument"),
        ("TypeError: object NoneType can't be used in 'await' expression", "`async def`"),
        ("TypeError: 'NoneType' object can't be awaited", "`async def`"),
    ],
)
def test_handler_that_does_not_fit_is_recognized(last: str, said: str) -> None:
    """The advice is only given where the library calls the handler: the student's own calls fail in the same words."""
    assert said in advice(last, LIBRARY, is_client=False)
    assert advice(last, [*LIBRARY, ("echo_server.py", 20)], is_client=False) == ""
    assert advice(last, LIBRARY, is_client=True) == ""


def test_input_in_a_server_gets_advice() -> None:
    """A client has a user who types; a server has none."""
    last = "EOFError: EOF when reading a line"
    assert "no keyboard" in advice(last, OWN, is_client=False)
    assert advice(last, OWN, is_client=True) == ""


def test_other_exceptions_speak_for_themselves() -> None:
    """No advice is better than one that may be wrong."""
    assert advice("ValueError: a coroutine was expected, got <function main>", LIBRARY, is_client=False) == ""
