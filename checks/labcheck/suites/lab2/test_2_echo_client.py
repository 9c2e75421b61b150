"""Step 2: the echo client."""

from collections.abc import Callable

from labcheck.suite import ClientProgram, Draw, given, requirement

PROMPT = "Enter some data: "


@requirement(
    "2.1",
    hints=[
        "How does the client know where the server is?",
        "A WebSocket URL looks like a web address: ws://, a host, a port and a path.",
        "Pass the URL to connect(). The port is the first command-line argument.",
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
        "What does the user type by pressing only Enter?",
        "input(prompt) prints the prompt and returns the line without its line end.",
        "Write a loop: ask, send, wait for the answer. Do not skip a line, and do not strip anything.",
    ],
)
def test_sends_each_line(client: ClientProgram, draw: Draw) -> None:
    """It prompts `Enter some data: ` and sends each typed line as one text message."""
    for line in (draw.word(), "", f"  Né 日本 {draw.word().title()}, {draw.word()} ", draw.word(3000)):
        asked = client.asks(PROMPT)
        given(not client.has_ended, "it ended before a line was typed")
        assert PROMPT in asked
        before = client.prompts(PROMPT)
        assert client.exchange(line, answer=draw.word()) == line
        assert PROMPT in client.asks(PROMPT, before + 1)
    assert client.rest() == []


@requirement(
    "2.3",
    needs=["2.2"],
    hints=[
        "Does your program print what the server answered, or what you expect it to answer?",
        "recv() returns the next message that arrives.",
        "Print one line with what was sent, and one with the value that recv() returned. Match the wording exactly.",
    ],
)
def test_prints_both_sides(client: ClientProgram, draw: Draw) -> None:
    """For each line it prints `To server: X` and `From server: Y`, where Y is what the server really answered."""
    for line, answer in (
        (draw.word(), draw.word()),
        (f"Né {draw.word().title()}", f"ECHO!  日本, {draw.word().title()}"),
        (draw.word(), f"  {draw.word()}"),
    ):
        lines = [f"To server: {line}", f"From server: {answer}"]
        client.expect_lines(*lines)
        client.exchange(line, answer)
        for wanted in lines:
            assert wanted in client.prints(wanted)


@requirement(
    "2.4",
    needs=["2.2"],
    hints=[
        "How does a program learn that the user has finished?",
        "At the end of the input (Ctrl+D), input() raises EOFError.",
        "Catch it inside `async with connect(...)` and leave the block normally: this closes with code 1000.",
    ],
)
def test_closes_at_the_end_of_input(client: ClientProgram, draw: Draw) -> None:
    """At the end of input it closes the connection with code 1000 and exits with status 0."""
    client.exchange(draw.word(), answer=draw.word())
    client.end_input()
    status = client.ends()
    assert client.traceback() == ""
    assert client.farewell() == 1000
    assert status == 0


@requirement(
    "2.5",
    hints=[
        "What does your program print if you forget to start the server?",
        "If no server listens, connect() raises an OSError.",
        "Catch it and call sys.exit() with a text: the text goes to standard error, and the status is 1.",
    ],
)
def test_no_server_listens(client_alone: ClientProgram, draw: Draw) -> None:
    """If no server listens, it names the port on standard error and exits with a status other than 0."""
    client_alone.type(draw.word())
    assert client_alone.ends() != 0
    assert client_alone.traceback() == ""
    assert str(client_alone.port) in client_alone.stderr


@requirement(
    "2.6",
    needs=["2.2"],
    hints=[
        "Stop the server while the client waits at its prompt, and type another line. What do you see?",
        "A closed connection raises ConnectionClosed; after a normal close, this is the subclass ConnectionClosedOK.",
        "Catch it in the same place as the OSError of 2.5, and exit with one sentence that says what happened.",
    ],
)
def test_server_goes_away(new_clients: Callable[[int], list[ClientProgram]], draw: Draw) -> None:
    """If the server goes away instead of answering, it says so on standard error and does not exit with status 0."""
    clients = new_clients(3)
    for client, code in zip(clients, (1000, 1001, None), strict=True):
        client.leaves_instead_of_answering(code)
        client.type(draw.word())
    for client in clients:
        client.receive()
        assert client.ends() != 0
        assert client.traceback() == ""
        assert client.stderr != ""
