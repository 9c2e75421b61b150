"""Step 1: the echo server."""

from labcheck.suite import CLIENT_ERROR, Draw, Messages, WebSocketClient, WebSocketServer, given, requirement

GONE = (1001, 1000)  # RFC 6455, section 7.4.1: going away, or a normal end


def echo(client: WebSocketClient, mark: str) -> None:
    """Send a message, and wait for its echo, whatever stands around it."""
    client.send(mark)
    client.hear(mark)


@requirement(
    "1.1",
    hints=[
        "Which port does your program listen on, and where does it take the number from?",
        "sys.argv[1] is the first argument of the command line, as a text.",
        "serve(handler, host, port), in an `async with`, inside a coroutine that asyncio.run() runs.",
    ],
)
def test_accepts_connections(server: WebSocketServer) -> None:
    """It accepts WebSocket connections at / on the port that it was given."""
    server.join().leave()


@requirement(
    "1.2",
    hints=[
        "What does the handler do with a message, and what with an empty one?",
        "A message is a str; a str may be empty, and still be a message.",
        "For each message: one send(), of one text that begins with ECHO! and a blank.",
    ],
)
def test_echoes_each_message(server: WebSocketServer, draw: Draw) -> None:
    """Each text message M is answered by one text message, `ECHO! ` followed by M."""
    for who, compression in (("", False), ("a browser", True)):
        client = server.join(who, compression=compression)
        unicode = f"né 日本 🎲 {draw.word()}"
        texts = [draw.word(), "", unicode, " ", f"ECHO!  {draw.word()} ", draw.word(20_000), draw.word()]
        answers = []
        for text in texts:
            client.send(text)
            answers.append(client.receive())
            assert not answers[-1].binary, f"an answer came as binary data, not as text: {answers[-1].words}"
        assert Messages(answers + client.leave()) == [f"ECHO! {text}" for text in texts]


@requirement(
    "1.3",
    needs=["1.2"],
    hints=[
        "Is there one answer for each message, also when they come faster than you answer?",
        "One coroutine for each connection, which takes one message after the other, keeps their order.",
        "A loop over the connection: take, answer, and only then take the next.",
    ],
)
def test_100_messages_in_order(server: WebSocketServer, draw: Draw) -> None:
    """A client that sends 100 messages without waiting gets 100 answers, in order."""
    marks = [f"{number}-{draw.word(12)}-" for number in range(100)]
    client = server.join()
    client.send(*marks)
    assert client.collect(marks) == marks
    assert Messages(client.leave()) == []


@requirement(
    "1.4",
    needs=["1.2"],
    hints=[
        "What should whoever runs the server see of a message?",
        "print() writes a line on standard output.",
        "A line when a message has come, and a line when the answer has gone, each to the letter.",
    ],
)
def test_prints_each_message(server: WebSocketServer, draw: Draw) -> None:
    """For each message it prints the lines `From client: M` and `To client: ECHO! M`."""
    client = server.join()
    for text in (f"{draw.word()}, {draw.word()}", f"né 日本 {draw.word()}"):
        lines = [f"From client: {text}", f"To client: ECHO! {text}"]
        server.expect_lines(*lines)
        client.send(text)
        given(client.hear(text).text == f"ECHO! {text}", "the answer is another one")
        for line in lines:
            assert line in server.prints(line)
    client.leave()


@requirement(
    "1.5",
    needs=["1.2"],
    hints=[
        "Does a second client get an answer while the first is still connected?",
        "serve() runs your handler once for each connection, all at the same time; what they share is the danger.",
        "Keep what belongs to one connection in local variables, and wait with await only, never with a blocking call.",
    ],
)
def test_50_clients_at_once(server: WebSocketServer, draw: Draw) -> None:
    """50 clients at once, with their messages interleaved, each get their own answers only."""
    clients = {f"{place}-{draw.word(12)}-": client for place, client in enumerate(server.join_many(50))}
    turns = ["one", "two", "three"]
    for turn in turns:
        for mark, client in clients.items():
            client.send(mark + turn)
    for mark, client in clients.items():
        answers = [client.hear(mark), *(client.receive() for _ in turns[1:])]
        assert Messages(sorted(answer.since(mark) for answer in answers)) == sorted(mark + turn for turn in turns)
    assert server.part(*clients.values()) == []


@requirement(
    "1.6",
    hints=[
        "What happens inside your handler when the client closes its connection?",
        "`async for` ends when a connection was closed normally; recv() raises ConnectionClosedOK.",
        "Either loop with `async for`, or catch the exception, and return from the handler.",
    ],
)
def test_no_traceback_at_a_normal_end(own_server: WebSocketServer, draw: Draw) -> None:
    """A client that closes normally leaves no traceback on standard error."""
    for words in (0, 1, 3):
        client = own_server.join()
        for _ in range(words):
            echo(client, draw.word(12))
        client.leave()
    echo(own_server.join(), draw.word(12))
    assert own_server.traceback() == ""


@requirement(
    "1.7",
    hints=[
        "What does your program do when a client's computer is switched off?",
        "A connection that breaks raises ConnectionClosedError in whoever reads from it or writes to it.",
        "Catch ConnectionClosed around the loop of the handler, so that nothing outside of it hears of that.",
    ],
)
def test_client_that_vanishes(own_server: WebSocketServer, draw: Draw) -> None:
    """A client that vanishes without closing does not disturb another client, nor stop the server."""
    other = own_server.join("the other")
    echo(other, draw.word(12))
    for messages in (0, 1, 50):
        client = own_server.join("the first")
        client.send(*[draw.word(1000) for _ in range(messages)])
        client.vanish()
        echo(other, draw.word(12))
    other.leave()
    echo(own_server.join("a newcomer"), draw.word(12))


@requirement(
    "1.8",
    needs=["1.2"],
    hints=[
        "How much memory may one client take, and who decides it?",
        "serve() has a parameter for the largest message; the library refuses larger ones by itself (code 1009).",
        "Look up max_size, its default, and what it takes to leave it as it is.",
    ],
)
def test_large_messages(server: WebSocketServer, draw: Draw) -> None:
    """512 KiB are echoed; more than 1 MiB end that client's connection with code 1009, and no other's."""
    large = (draw.word(1024) * 512)[: 512 * 1024 - 12] + draw.word(12)
    client, other = server.join("the first"), server.join("the other")
    client.send(large)
    assert large in client.hear(large[-12:])
    end = client.send_too_much(large + large + "x")
    if end == 1006:  # its last words may be lost where it had not read all of ours
        end = server.join("the first").send_too_much(large + large + "x")
    assert end == 1009
    server.come_to_rest()
    echo(other, draw.word(12))
    other.leave()
    newcomer = server.join("a newcomer")
    echo(newcomer, draw.word(12))
    newcomer.leave()


@requirement(
    "1.9",
    hints=[
        "What does http://localhost:8002/ show in a browser?",
        "A request without `Upgrade: websocket` is no opening handshake (RFC 6455, section 4.2.1).",
        "The library answers 426 by itself, as long as nothing of yours stands before it.",
    ],
)
def test_plain_get_is_refused(server: WebSocketServer, draw: Draw) -> None:
    """A plain GET without an upgrade gets an HTTP answer of 4xx, and the server goes on serving."""
    assert server.http.get("/").status in CLIENT_ERROR
    client = server.join()
    echo(client, draw.word(12))
    client.leave()


@requirement(
    "1.10",
    hints=[
        "What does a client see when your server is stopped, and what does the terminal show?",
        "Ctrl+C raises KeyboardInterrupt out of asyncio.run(); `async with serve(...)` closes what is open on its way.",
        "Catch it around asyncio.run(), outside all coroutines, so that their cleaning up is done by then.",
    ],
)
def test_ends_politely(own_server: WebSocketServer, draw: Draw) -> None:
    """On Ctrl+C clients get close code 1001 (or 1000), and it exits with status 0, with no traceback."""
    echo(own_server.join("client 1"), draw.word(12))
    own_server.join("client 2")
    ending, farewells = own_server.interrupt(seconds=3)
    assert not ending.traceback, f"Ctrl+C left a traceback; {ending.output.last()}"
    for farewell in farewells:
        assert farewell in GONE
    assert ending.status == 0
