"""Step 1: start and stop."""

from labcheck.suite import Server, given, requirement

STARTED = "Started HTTP server"
SHUTTING_DOWN = "shutting down"


@requirement(
    "1.1",
    hints=[
        "On which port does your server listen when it is started as `python webserver.py 9000`?",
        "The port is the first command-line argument: sys.argv[1], a text.",
        "The server is made with a pair of a host and a port, and the port is a number.",
    ],
)
def test_listens_on_the_port(server: Server) -> None:
    """It accepts connections on the port that it was given."""
    assert server.host in ("127.0.0.1", "::1")


@requirement(
    "1.2",
    hints=[
        "What does your program print once it waits for clients, and on which stream?",
        "print() writes to standard output; the line goes before the call that serves for ever.",
        "The line contains `Started HTTP server`; what else stands in it is up to you.",
    ],
)
def test_says_that_it_has_started(server: Server) -> None:
    """It prints a line with `Started HTTP server` once it listens."""
    # No client has come yet: the line must not wait for one.
    assert STARTED in server.output(until=STARTED, seconds=5)


@requirement(
    "1.3",
    hints=[
        "What does Python do in the middle of serve_forever() when you press Ctrl+C?",
        "Ctrl+C raises KeyboardInterrupt, an exception like others.",
        "Around the call that serves for ever: try it, and catch the exception with a line on the screen.",
    ],
)
def test_ends_politely(own_server: Server) -> None:
    """On Ctrl+C it says that it is shutting down, and exits with status 0."""
    own_server.answers()
    end = own_server.interrupt(seconds=3)
    assert not end.traceback, f"Ctrl+C left a traceback; {end.output.last()}"
    assert end.status == 0
    assert SHUTTING_DOWN in end.output
    assert not end.still_listening, "it has exited, but something of it still listens on its port"


@requirement(
    "1.4",
    hints=[
        "Start your server, visit a page, press Ctrl+C, and start it again at once. What does Python say?",
        "The port of a connection that was closed is kept for a minute (TIME_WAIT); SO_REUSEADDR allows to listen.",
        "The classes of http.server set it (allow_reuse_address); on a socket of your own it is setsockopt().",
    ],
)
def test_starts_again_on_the_same_port(own_server: Server) -> None:
    """Started again at once on the same port, it listens."""
    if not own_server.was_interrupted:  # it was, where 1.3 has been checked
        own_server.answers()
        own_server.interrupt(seconds=3)
    given(own_server.has_answered, "it has not answered a request before it was stopped")
    own_server.restart()
