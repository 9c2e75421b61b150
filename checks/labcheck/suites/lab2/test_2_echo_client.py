"""Step 2: the echo client."""

from collections.abc import Callable

from labcheck.suite import ClientProgram, Draw, requirement

PROMPT = "Enter some data: "


@requirement(
    "2.1",
    hints=[
        "Where is the server, from the client's point of view?",
        "A WebSocket URL looks like a web address: ws://, a host, a port, a path.",
        "connect() takes it; the port is the first argument of the command line.",
    ],
)
def test_connects(client: ClientProgram, draw: Draw) -> None:
    """It connects to ws://localhost:PORT/, at the start or when the first line is typed."""
    client.answers(draw.word())
    client.type(draw.word())
    assert client.target() == "/"


@requirement(
    "2.2",
    hints=[
        "What has the user typed when he only presses Enter?",
        "input(prompt) prints the prompt, and returns the line without its end.",
        "A loop: ask, send, wait for the answer. Nothing is skipped, and nothing is stripped.",
    ],
)
def test_sends_each_line(client: ClientProgram, draw: Draw) -> None:
    """It prompts `Enter some data: `, and sends each line typed as one text message."""
    for line in (draw.word(), "", f"  né 日本 {draw.word()}, {draw.word()} ", draw.word(3000)):
        assert PROMPT in client.asks(PROMPT)
        before = client.prompts(PROMPT)
        assert client.exchange(line, answer=draw.word()) == line
        assert PROMPT in client.asks(PROMPT, before + 1)
    assert client.rest() == []


@requirement(
    "2.3",
    needs=["2.2"],
    hints=[
        "Do you print what the server has answered, or what you expect it to answer?",
        "recv() returns the next message that comes.",
        "A line when a message was sent, and a line with what recv() has returned, each to the letter.",
    ],
)
def test_prints_both_sides(client: ClientProgram, draw: Draw) -> None:
    """For each line it prints `To server: X` and `From server: Y`, with what the server really answered."""
    for line, answer in ((draw.word(), draw.word()), (f"né {draw.word()}", f"ECHO! 日本, {draw.word()}")):
        lines = [f"To server: {line}", f"From server: {answer}"]
        client.expect_lines(*lines)
        client.exchange(line, answer)
        for wanted in lines:
            assert wanted in client.prints(wanted)


@requirement(
    "2.4",
    hints=[
        "How does a program learn that its user has nothing more to say?",
        "At the end of input (Ctrl+D) input() raises EOFError.",
        "Catch it, and leave the block of `async with connect(...)`: it closes with code 1000.",
    ],
)
def test_leaves_politely(client: ClientProgram, draw: Draw) -> None:
    """At the end of input it closes the connection with code 1000, and exits with status 0."""
    client.exchange(draw.word(), answer=draw.word())
    client.end_input()
    status = client.ends()
    assert client.traceback() == ""
    assert client.farewell() == 1000
    assert status == 0


@requirement(
    "2.5",
    hints=[
        "What does your program say when you have forgotten to start the server?",
        "Where nobody listens, connect() raises an OSError.",
        "Catch it, and end with sys.exit(text): the text goes to standard error, and the status is 1.",
    ],
)
def test_nobody_listens(client_alone: ClientProgram, draw: Draw) -> None:
    """Where nothing listens, it names the port on standard error, and exits with a status other than 0."""
    client_alone.type(draw.word())
    assert client_alone.ends() != 0
    assert client_alone.traceback() == ""
    assert str(client_alone.port) in client_alone.stderr


@requirement(
    "2.6",
    needs=["2.2"],
    hints=[
        "Stop the server while the client is waiting, and type another line: what do you see?",
        "A connection that was closed raises ConnectionClosed, whether politely (ConnectionClosedOK) or not.",
        "Catch it where you catch that nobody listens, and say in a sentence what has happened.",
    ],
)
def test_server_goes_away(new_clients: Callable[[int], list[ClientProgram]], draw: Draw) -> None:
    """Where the server goes away instead of answering, it says so on standard error, and its status is not 0."""
    clients = new_clients(3)
    for client, code in zip(clients, (1000, 1001, None), strict=True):
        client.leaves_instead_of_answering(code)
        client.type(draw.word())
    for client in clients:
        client.receive()
        assert client.ends() != 0
        assert client.traceback() == ""
        assert client.stderr != ""
