"""Step 4: the chat client."""

from collections.abc import Callable

from labcheck.suite import ClientProgram, Draw, requirement

NAME, MESSAGE = "Enter Your Name: ", "Your Message: "


def introduce(client: ClientProgram, name: str) -> None:
    """Type the name, unless it was typed before, and wait for the prompt for a message."""
    if client.typed == 0:
        client.asks(NAME)
        client.type(name)
    client.target()
    client.asks(MESSAGE, times=client.typed)  # the first line was the name


@requirement(
    "4.1",
    hints=[
        "What must the server know about each message, besides its text?",
        "Ask for the name once, before the loop. Ask for a message in each turn of the loop.",
        "Join the two with one comma, without a space.",
    ],
)
def test_sends_name_and_text(client: ClientProgram, draw: Draw) -> None:
    """It prompts once for the name, then for each message, and sends `NAME,TEXT`."""
    name = f" né {draw.word().title()} "
    assert NAME in client.asks(NAME)
    introduce(client, name)
    assert client.target() == "/"
    for number, text in enumerate((draw.word(), f" yes, but {draw.word()}? ", "日本"), start=1):
        assert MESSAGE in client.asks(MESSAGE, number)
        client.type(text)
        assert client.receive() == f"{name},{text}"
    assert MESSAGE in client.asks(MESSAGE, 4)
    assert client.prompts(NAME) == 1, f"it prompted for the name {client.prompts(NAME):,} times"


@requirement(
    "4.2",
    hints=[
        "Where in your program does a message from the server arrive?",
        "An `async for` loop over the connection gets one message after another, until the connection is closed.",
        "Put this loop into a coroutine of its own, and run it as a task next to the one that asks the user.",
    ],
)
def test_prints_what_arrives(client: ClientProgram, draw: Draw) -> None:
    """For each message that arrives it prints the line `From server: MESSAGE`."""
    introduce(client, draw.word())
    texts = [f"{draw.word()} says: {draw.word()}", f"Né says: 日本,  {draw.word().title()}"]
    lines = [f"From server: {text}" for text in texts]
    client.expect_lines(*lines)
    for text in texts:
        client.says(text)
        client.type(draw.word())  # a program that prints only after a line was typed fails 4.3, not 4.2
        client.receive()
    if not all(line in client.prints(line, within=1) for line in lines):
        client.end_input()  # a program that prints only when the input ends fails 4.3, not 4.2
    for line in lines:
        assert line in client.prints(line)


@requirement(
    "4.3",
    explained_by=["4.2"],
    hints=[
        "What does the rest of your program do while input() waits for the user?",
        "A blocking call stops the event loop and every task that it runs.",
        "asyncio.to_thread() runs a function in a separate thread, and you can await the result.",
    ],
)
def test_prints_while_the_user_thinks(client: ClientProgram, draw: Draw) -> None:
    """It prints each message at once, even while it waits for the user to type."""
    introduce(client, draw.word())
    for _ in range(2):
        line = f"From server: {draw.word()} says: {draw.word()}"
        client.expect_lines(line)
        client.says(line.removeprefix("From server: "))
        assert line in client.prints(line)


@requirement(
    "4.4",
    hints=[
        "How does a program learn that the user has finished?",
        "At the end of the input (Ctrl+D), input() raises EOFError.",
        "When the task that asks the user ends, leave the `async with connect(...)` block: this closes with code 1000.",
    ],
)
def test_closes_at_the_end_of_input(client: ClientProgram, draw: Draw) -> None:
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
        "What does your program print if you forget to start the server?",
        "If no server listens, connect() raises an OSError.",
        "Catch it, print a message with the port on standard error, and exit with a status other than 0.",
    ],
)
def test_no_server_listens(client_alone: ClientProgram, draw: Draw) -> None:
    """If no server listens, it names the port on standard error and exits with a status other than 0."""
    client_alone.type(draw.word())
    client_alone.type(draw.word())
    assert client_alone.ends() != 0
    assert client_alone.traceback() == ""
    assert str(client_alone.port) in client_alone.stderr


@requirement(
    "4.6",
    explained_by=["4.3"],
    hints=[
        "Stop the server while the client waits for your input. What do you see, and when?",
        "At that moment, the `async for` loop ends or raises ConnectionClosedError.",
        "Wait for the task that ends first (asyncio.wait, FIRST_COMPLETED). Which one ended tells you what happened.",
    ],
)
def test_server_goes_away(new_clients: Callable[[int], list[ClientProgram]], draw: Draw) -> None:
    """When the server goes away, it says so on standard error at once and exits with a status other than 0."""
    clients = new_clients(3)
    for client in clients:
        introduce(client, draw.word())
    for client, code in zip(clients, (1000, 1001, None), strict=True):
        assert client.server_goes(code) != ""
        client.type(draw.word())
        assert client.ends() != 0
        assert client.traceback() == ""
