"""Step 4: the chat client."""

from collections.abc import Callable

from labcheck.suite import ClientProgram, Draw, requirement

NAME, MESSAGE = "Enter Your Name: ", "Your Message: "


def introduce(client: ClientProgram, name: str) -> None:
    """Type the name, unless it was typed before, and wait until a message may be typed."""
    if client.typed == 0:
        client.asks(NAME)
        client.type(name)
    client.target()
    client.asks(MESSAGE, times=client.typed)  # the first line was the name


@requirement(
    "4.1",
    hints=[
        "What must the server know of each message, besides its text?",
        "Ask for the name once, before the loop; ask for a text in each turn of it.",
        "The two are joined by one comma, without a blank.",
    ],
)
def test_sends_name_and_text(client: ClientProgram, draw: Draw) -> None:
    """It prompts for the name once, then for each message, and sends `NAME,TEXT`."""
    name = f"né {draw.word()}"
    assert NAME in client.asks(NAME)
    introduce(client, name)
    assert client.target() == "/"
    for number, text in enumerate((draw.word(), f"yes, but {draw.word()}?", "日本"), start=1):
        assert MESSAGE in client.asks(MESSAGE, number)
        client.type(text)
        assert client.receive() == f"{name},{text}"
    assert MESSAGE in client.asks(MESSAGE, 4)
    assert client.prompts(NAME) == 1, f"it has asked for the name {client.prompts(NAME):,} times"


@requirement(
    "4.2",
    hints=[
        "Where does a message of the others arrive in your program?",
        "`async for` over the connection gives one message after the other, until the connection is closed.",
        "A coroutine of its own does that, as a task beside the one that asks the user.",
    ],
)
def test_prints_what_arrives(client: ClientProgram, draw: Draw) -> None:
    """For each message that arrives it prints the line `From server: MESSAGE`."""
    introduce(client, draw.word())
    texts = [f"{draw.word()} says: {draw.word()}", f"né says: 日本, {draw.word()}"]
    lines = [f"From server: {text}" for text in texts]
    client.expect_lines(*lines)
    for text in texts:
        client.says(text)
        client.type(draw.word())  # that it waits for its user is 4.3's
        client.receive()
    if not all(line in client.prints(line, within=1) for line in lines):
        client.end_input()  # then it has nobody to wait for any more
    for line in lines:
        assert line in client.prints(line)


@requirement(
    "4.3",
    needs=["4.2"],
    hints=[
        "Who runs the rest of your program while input() waits for the user?",
        "A blocking call stops the event loop, and everything that it runs.",
        "asyncio.to_thread() runs a function in a thread of its own, and can be awaited.",
    ],
)
def test_prints_while_the_user_thinks(client: ClientProgram, draw: Draw) -> None:
    """It prints what arrives at once, also while it waits for the user to type a message."""
    introduce(client, draw.word())
    for _ in range(2):
        line = f"From server: {draw.word()} says: {draw.word()}"
        client.expect_lines(line)
        client.says(line.removeprefix("From server: "))
        assert line in client.prints(line)


@requirement(
    "4.4",
    hints=[
        "How does a program learn that its user has nothing more to say?",
        "At the end of input (Ctrl+D) input() raises EOFError.",
        "When the task that asks has ended, end the other one, and leave the block of `async with connect(...)`.",
    ],
)
def test_leaves_politely(client: ClientProgram, draw: Draw) -> None:
    """At the end of input, at the message prompt, it closes with code 1000 and exits with status 0."""
    introduce(client, draw.word())
    client.type(draw.word())
    client.receive()
    client.end_input()
    status = client.ends()
    assert client.traceback() == ""
    assert client.farewell() == 1000
    assert status == 0


@requirement(
    "4.5",
    hints=[
        "What does your program say when you have forgotten to start the server?",
        "Where nobody listens, connect() raises an OSError.",
        "Catch it, say which port it was on standard error, and exit with another status than 0.",
    ],
)
def test_nobody_listens(client_alone: ClientProgram, draw: Draw) -> None:
    """Where nothing listens, it names the port on standard error, and exits with a status other than 0."""
    client_alone.type(draw.word())
    client_alone.type(draw.word())
    assert client_alone.ends() != 0
    assert client_alone.traceback() == ""
    assert str(client_alone.port) in client_alone.stderr


@requirement(
    "4.6",
    hints=[
        "Stop the server while the client waits for you: what do you see, and when?",
        "`async for` ends, or raises ConnectionClosedError: that is the moment.",
        "Wait for whichever task ends first (asyncio.wait, FIRST_COMPLETED), and say what its end means.",
    ],
)
def test_server_goes_away(new_clients: Callable[[int], list[ClientProgram]], draw: Draw) -> None:
    """When the server goes away it says so on standard error at once, and exits with a status other than 0."""
    clients = new_clients(3)
    for client in clients:
        introduce(client, draw.word())
    for client, code in zip(clients, (1000, 1001, None), strict=True):
        assert client.server_goes(code) != ""
        client.type(draw.word())
        assert client.ends() != 0
        assert client.traceback() == ""
