"""Step 1: the echo server."""

from labcheck.suite import CLIENT_ERROR, Draw, Message, Messages, WebSocketClient, WebSocketServer, given, requirement

GONE = (1001, 1000)  # RFC 6455, section 7.4.1: going away, or a normal end


def echo(client: WebSocketClient, message: str) -> Message:
    """Send a message and return the answer: the server serves this client."""
    client.skip()
    client.send(message)
    return client.receive()


@requirement(
    "1.1",
    hints=[
        "On which port does your program listen, and where does that number come from?",
        "sys.argv[1] is the first command-line argument. It is a string.",
        "Use serve(handler, host, port) in an `async with`, inside a coroutine that you pass to asyncio.run().",
    ],
)
def test_accepts_connections(server: WebSocketServer) -> None:
    """It accepts WebSocket connections at / on the port given as its argument."""
    server.join().leave()


echoes = requirement(
    "1.2",
    hints=[
        "What does your handler do with a message? And with an empty message?",
        "A message is a str. An empty str is a message, too.",
        "For each message, call send() once, with a str that starts with ECHO! and one space.",
    ],
)


@echoes
def test_echoes_each_message(server: WebSocketServer, draw: Draw) -> None:
    """It answers each text message M with one text message, `ECHO! ` followed by M."""
    talk(server.join(), draw)


@echoes
def test_echoes_to_a_browser(server: WebSocketServer, draw: Draw) -> None:
    """It does the same for a browser, which offers compression."""
    talk(server.join(who="a browser", compression=True), draw)


def talk(client: WebSocketClient, draw: Draw) -> None:
    """Send messages, and compare the answers."""
    unicode = f"Né 日本 🎲 {draw.word().title()} <&>"
    texts = [draw.word(), "", unicode, " ", f"ECHO!  {draw.word()} ", draw.word(20_000), draw.word().upper()]
    answers = []
    for text in texts:
        client.send(text)
        answers.append(client.receive())
        assert not answers[-1].binary, f"an answer is a binary message, not a text message: {answers[-1].words}"
    assert Messages(answers + client.leave()) == [f"ECHO! {text}" for text in texts]


@requirement(
    "1.3",
    explained_by=["1.2"],
    exchanges=100,
    hints=[
        "Does each message get an answer, even if messages arrive faster than you answer them?",
        "The order is kept if each connection has one coroutine, which handles one message after another.",
        "Write a loop over the connection: receive a message, answer it, and only then receive the next one.",
    ],
)
def test_100_messages_in_order(server: WebSocketServer, draw: Draw) -> None:
    """A client that sends 100 messages without waiting gets 100 answers, in order."""
    marks = [f"{number}-{draw.word(12)}-" for number in range(100)]
    client = server.join()
    client.send(marks[0])
    client.hear(marks[0])
    server.come_to_rest()
    client.skip()
    # Long messages must not be overtaken by short ones.
    client.send(*[mark + draw.choice(("", "x" * 20_000)) for mark in marks])
    assert client.collect(marks) == marks
    assert Messages(client.leave()) == []


@requirement(
    "1.4",
    needs=["1.2"],
    hints=[
        "What does your server print for each message?",
        "print() writes a line to standard output.",
        "Print one line when a message has arrived and one when the answer is sent. Match the wording exactly.",
    ],
)
def test_prints_each_message(server: WebSocketServer, draw: Draw) -> None:
    """For each message it prints the lines `From client: M` and `To client: ECHO! M`."""
    client = server.join()
    for text in (f"  {draw.word()}, {draw.word()}", f"Né 日本 {draw.word().title()}"):
        lines = [f"From client: {text}", f"To client: ECHO! {text}"]

        def send(message: str = text) -> None:
            client.send(message)
            given(client.hear(message).text == f"ECHO! {message}", "the answer to the message is wrong")

        server.expect_lines(*lines)
        send()
        for line in lines:
            assert line in server.prints(line, again=send)
    client.leave()


@requirement(
    "1.5",
    needs=["1.2"],
    hints=[
        "Does a second client get an answer while the first one is still connected?",
        "serve() runs your handler once for each connection, all at the same time. Which variables do they share?",
        "Keep the data of a connection in local variables. Wait only with await, never in a blocking call.",
    ],
)
def test_50_clients_at_once(server: WebSocketServer, draw: Draw) -> None:
    """50 clients at once, with interleaved messages, each get only their own answers."""
    clients = {f"{place}-{draw.word(12)}-": client for place, client in enumerate(server.join_many(50))}
    turns = ["one", "two", "three"]
    first = draw.word(12)
    for client in list(clients.values())[:2]:
        given(echo(client, first).since(first) == first, "the answer to a message is wrong")
        server.come_to_rest()
        client.listen()
        given(not client.inbox, "a message gets more than one answer")
    for turn in turns:
        for mark, client in clients.items():
            client.send(mark + turn)
    assert not server.is_asleep(), "while it answers one client, it sleeps, as in time.sleep(), and the others wait"
    for mark, client in clients.items():
        answers = [client.hear(mark), *(client.receive() for _ in turns[1:])]
        assert Messages(sorted(answer.since(mark) for answer in answers)) == sorted(mark + turn for turn in turns)
    assert server.part(*clients.values()) == []


@requirement(
    "1.6",
    needs=["1.2"],
    hints=[
        "What happens in your handler when the client closes the connection?",
        "After a normal close, an `async for` loop ends, but recv() raises ConnectionClosedOK.",
        "Loop with `async for`, or catch the exception and return from the handler.",
    ],
)
def test_normal_close_leaves_no_traceback(own_server: WebSocketServer, draw: Draw) -> None:
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
    needs=["1.2", "1.5", "1.6"],
    hints=[
        "What does your program do if a client's computer is switched off?",
        "If a connection is lost, reading from it or writing to it raises ConnectionClosedError.",
        "Catch ConnectionClosed around the loop in the handler, and let the handler return.",
    ],
)
def test_client_that_vanishes(own_server: WebSocketServer, draw: Draw) -> None:
    """A client that vanishes without closing neither disturbs another client nor stops the server."""
    other = own_server.join(who="the other client")
    echo(other, draw.word(12))
    for messages in (0, 1, 50):
        client = own_server.join(who="the first client")
        client.send(*[draw.word(1000) for _ in range(messages)])
        client.vanish()
        echo(other, draw.word(12))
    other.leave()
    echo(own_server.join(who="a new client"), draw.word(12))


@requirement(
    "1.8",
    needs=["1.2", "1.7"],
    hints=[
        "How much memory can one client make your server use, and what limits it?",
        "serve() has a parameter for the largest message. The library refuses a larger one by itself (code 1009).",
        "The parameter is max_size. Look up its default value, and compare it with what your program passes.",
    ],
)
def test_large_messages(server: WebSocketServer, draw: Draw) -> None:
    """It echoes 512 KiB; more than 1 MiB ends only the connection of its sender, with code 1009."""
    large = (draw.word(1024) * 512)[: 512 * 1024 - 12] + draw.word(12)
    client, other = server.join(who="the first client"), server.join(who="the other client")
    client.send(large)
    assert large in client.hear(large[-12:])
    end = client.send_too_much(large + large + "x")
    if end == 1006:  # a server that closes before it has read everything may lose its close frame (TCP reset)
        end = server.join(who="the first client").send_too_much(large + large + "x")
    assert end == 1009
    server.come_to_rest()
    echo(other, draw.word(12))
    other.leave()
    newcomer = server.join(who="a new client")
    echo(newcomer, draw.word(12))
    newcomer.leave()


@requirement(
    "1.9",
    needs=["1.2"],
    hints=[
        "What does a browser show for http://localhost:8002/?",
        "A request without `Upgrade: websocket` is not an opening handshake (RFC 6455, section 4.2.1).",
        "The library answers 426 by itself, unless your own code answers the request first.",
    ],
)
def test_plain_get_is_refused(server: WebSocketServer, draw: Draw) -> None:
    """A plain GET without an upgrade gets a 4xx answer, and the server keeps serving."""
    assert server.http.get("/").status in CLIENT_ERROR
    client = server.join()
    echo(client, draw.word(12))
    client.leave()


@requirement(
    "1.10",
    needs=["1.2", "1.6"],
    hints=[
        "What does a client see when you stop your server, and what does the terminal show?",
        "On Ctrl+C, `async with serve(...)` closes the connections; then asyncio.run() raises KeyboardInterrupt.",
        "Catch it around asyncio.run(), outside all coroutines: by then the connections are closed.",
    ],
)
def test_closes_connections_on_ctrl_c(own_server: WebSocketServer, draw: Draw) -> None:
    """On Ctrl+C, clients get close code 1001 (or 1000), and it exits with status 0 without a traceback."""
    echo(own_server.join(who="client 1"), draw.word(12))
    own_server.join(who="client 2")
    ending, farewells = own_server.interrupt(seconds=3)
    for farewell in farewells:
        assert farewell in GONE
    assert ending.status == 0, ending.complaint
    given(not ending.traceback, ending.complaint)
