"""Step 1: start and stop."""

from labcheck.suite import Server, given, requirement

STARTED = "Started HTTP server"
SHUTTING_DOWN = "shutting down"


@requirement(
    "1.1",
    hints=[
        "On which port does your server listen if you start it with `python webserver.py 9000`?",
        "The port is the first command-line argument, sys.argv[1]. It is a string.",
        "The server class takes a pair of host and port, and the port is a number.",
    ],
)
def test_listens_on_the_port(server: Server) -> None:
    """It accepts connections on the port given as its argument."""
    assert server.host in ("127.0.0.1", "::1")


@requirement(
    "1.2",
    hints=[
        "What does your program print when it is ready for clients, and on which stream?",
        "print() writes to standard output. Print the line before the call that serves clients, which does not return.",
        "The line contains `Started HTTP server`. The rest of the line is up to you.",
    ],
)
def test_says_that_it_has_started(server: Server) -> None:
    """It prints a line with `Started HTTP server` once it listens."""
    # No client has connected so far: the line must not wait for one.
    assert STARTED in server.output(until=STARTED, seconds=5)


@requirement(
    "1.3",
    hints=[
        "What does Python do if you press Ctrl+C while serve_forever() is running?",
        "Ctrl+C raises KeyboardInterrupt, which you can catch like any other exception.",
        "Put the call of serve_forever() in a try block. Catch the exception, print the line, and let main() end.",
    ],
)
def test_stops_cleanly(own_server: Server) -> None:
    """On Ctrl+C it prints `shutting down` and exits with status 0."""
    own_server.answers(until_closed=True)
    end = own_server.interrupt(seconds=3)
    assert not end.traceback, end.complaint
    assert end.status == 0
    assert SHUTTING_DOWN in end.output
    assert not end.still_listening, "it has exited, but a process that it started still listens on its port"


@requirement(
    "1.4",
    needs=["2.1"],
    hints=[
        "Start your server, open a page, press Ctrl+C and start it again at once. What does Python print?",
        "The port of a closed connection stays reserved for a while (TIME_WAIT). SO_REUSEADDR lets you listen anyway.",
        "The server classes of http.server set it (allow_reuse_address). On a socket of your own, use setsockopt().",
    ],
)
def test_starts_again_on_the_same_port(own_server: Server) -> None:
    """It can be started again at once on the same port."""
    if not own_server.was_interrupted:  # the check of 1.3 interrupts it
        own_server.answers(until_closed=True)
        own_server.interrupt(seconds=3)
    given(own_server.has_answered, "it did not answer a request before it was stopped")
    own_server.restart()
