"""What to do about an exception, if its text makes that certain: most of these come from old tutorials."""

from __future__ import annotations

import re

NO_KEYBOARD = "a server gets no keyboard: input() finds the end of its input at once"
ADVICE = (  # the last line of a traceback, and what to say besides it
    (
        r"AttributeError: module 'asyncio' has no attribute 'coroutine'",
        "write `async def` instead of `@asyncio.coroutine`, and `await` instead of `yield from`",
    ),
    (
        r"SyntaxError: 'yield from' inside async function|TypeError: cannot 'yield from' a coroutine object",
        "write `await` instead of `yield from`",
    ),
    (
        r"SyntaxError: '(await|async for|async with)' outside (async )?function",
        "only a function that begins with `async def` can wait with `await`, `async for` or `async with`",
    ),
    (
        r"RuntimeError: (no running event loop|[Tt]here is no current event loop)",
        "use serve() and connect() inside an `async def` function, and start that with `asyncio.run()`",
    ),
    (r"TypeError: .* unexpected keyword argument 'loop'", "leave out `loop`: asyncio knows the running event loop"),
    (
        r"AttributeError: '(Server|Client)Connection' object has no attribute 'path'",
        "since version 13 of websockets, the path is `request.path` of the connection",
    ),
    (
        r"AttributeError: '(Server|Client)Connection' object has no attribute '(open|closed)'",
        "since version 13 of websockets, a connection has no such attribute: send() and recv() raise ConnectionClosed",
    ),
)
HANDLER_ADVICE = (  # the same for exceptions that websockets raises where it calls the handler
    (
        r"TypeError: \S+\(\) missing 1 required positional argument: '\w+'",
        "websockets calls the handler with one argument, the connection, since version 13; "
        "the path is `request.path` of the connection",
    ),
    (r"TypeError: .*can't be (used in 'await' expression|awaited)", "the handler must be an `async def` function"),
)
LIBRARY = re.compile(r"/websockets/.*\.py$")


def advice(last: str, frames: list[tuple[str, int]], *, is_client: bool) -> str:
    """Return what to say besides the last line of a traceback; empty if that line says enough.

    `frames` are the file and the line of each frame, the innermost last.
    """
    if last.startswith("EOFError: EOF when reading a line") and not is_client:
        return NO_KEYBOARD
    in_library = bool(frames) and LIBRARY.search(frames[-1][0])
    table = (*ADVICE, *HANDLER_ADVICE) if in_library and not is_client else ADVICE
    return next((text for pattern, text in table if re.match(pattern, last)), "")
