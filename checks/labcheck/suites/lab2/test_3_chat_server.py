"""Step 3: the chat server."""

from labcheck.suite import Draw, Messages, WebSocketServer, given, requirement

GONE = (1001, 1000)  # RFC 6455, section 7.4.1: going away, or a normal end
MIB = 1024 * 1024


@requirement(
    "3.1",
    hints=[
        "How does your server know which clients are connected?",
        "Your handler runs once for each client. All of them can use one set that holds the connections.",
        "The handler adds its client to the set at the start, and sends each message to all others in the set.",
    ],
)
def test_message_reaches_the_others(server: WebSocketServer, draw: Draw) -> None:
    """`NAME,TEXT` reaches every other client as `NAME says: TEXT`."""
    members = server.room(3)
    dora = server.join(who="a browser", compression=True)
    server.greet(members[0], dora)
    names = draw.word(12), f"Né {draw.word(12)}", f" {draw.word(12)} "
    for speaker, name, text in zip(members, names, (f"Hello {draw.word()}!", "日本 🎲 Né", ""), strict=True):
        speaker.send(f"{name},{text}")
        for listener in (*members, dora):
            if listener is not speaker:
                assert listener.hear(name) == f"{name} says: {text}"


@requirement(
    "3.2",
    needs=["3.1"],
    hints=[
        "Does Ann need to receive what she has just said?",
        "The handler knows which client sent the message: its own.",
        "Send to all clients except this one: take a difference of sets, or compare with `is`.",
    ],
)
def test_message_does_not_come_back(server: WebSocketServer, draw: Draw) -> None:
    """A message never comes back to its sender, and nothing else comes in its place."""
    ann, bob, cid = server.room(3)
    for name in (draw.word(12), draw.word(12)):
        ann.send(f"{name},{draw.word()}")
        bob.hear(name)
        cid.hear(name)
    assert server.say(bob, ann) == []


@requirement(
    "3.3",
    needs=["3.1"],
    hints=[
        'What does "Ann,yes, but why?".split(",") return, and which part of it is the text?',
        "Only the first comma ends the name.",
        "str.partition() splits a string at the first place where it finds the separator.",
    ],
)
def test_commas_in_the_text(server: WebSocketServer, draw: Draw) -> None:
    """TEXT may contain commas."""
    ann, bob, _ = server.room(3)
    for text in ("yes, but why?", f",{draw.word()},,", ",", f"  two,  {draw.word()} "):
        name, other = draw.word(12), draw.word(12)
        ann.send(f"{other},plain")
        given(bob.hear(other) == f"{other} says: plain", "the text around NAME and TEXT is wrong")
        ann.send(f"{name},{text}")
        assert bob.hear(name) == f"{name} says: {text}"


@requirement(
    "3.4",
    needs=["3.1"],
    hints=[
        "What does your server do with a message that does not have the form NAME,TEXT?",
        "partition() also returns the separator that it found, or an empty string if it did not find one.",
        "Send one message that starts with ERROR to the sender, and continue with the next message.",
    ],
)
def test_message_without_a_comma(server: WebSocketServer, draw: Draw) -> None:
    """A message without a comma reaches no other client; its sender gets one `ERROR` message and stays connected."""
    ann, bob, cid = server.room(3)
    ann.aside.clear()
    for wrong in (draw.word(), ""):
        ann.send(wrong)
        error = ann.hear("ERROR")
        assert error.text.startswith("ERROR"), f"the message does not start with ERROR: {error.words}"
        assert server.say(ann, bob, cid) == []
    server.say(bob, ann)
    assert Messages(message for message in ann.aside if "ERROR" in message) == []


@requirement(
    "3.5",
    needs=["3.1", "3.3"],
    hints=[
        "What does your server print when a message arrives?",
        "print() writes a line to standard output.",
        "Print one line for each message, with the name and the text. Match the wording exactly.",
    ],
)
def test_prints_each_message(own_server: WebSocketServer, draw: Draw) -> None:
    """For each message it prints the line `From NAME: TEXT`."""
    lonely = own_server.join(who="the only client")
    line = f"From Ann: {draw.word(12)}"
    own_server.expect_lines(line)
    lonely.send(line.removeprefix("From ").replace(": ", ","))
    printed = own_server.prints(line)
    lonely.skip()
    given(lonely.is_open, "it closed the connection of its only client")
    assert line in printed
    ann, bob, _ = own_server.room(3)
    for name, text in (("Ann", f"yes, {draw.word(12)}"), ("Né e", f"  日本 {draw.word(12)}")):
        line = f"From {name}: {text}"

        def speak(message: str = f"{name},{text}") -> None:
            ann.send(message)
            bob.hear(message[-12:])

        own_server.expect_lines(line)
        speak()
        printed = own_server.prints(line, again=speak)
        given(line in printed, f"it did not print the line {line!r}, but {printed.last('From')}")


@requirement(
    "3.6",
    needs=["3.1"],
    hints=[
        "Connect three clients and let one of them leave. What happens when another one sends a message?",
        "The handler ends when its client has gone. Its `finally` block runs no matter how the client left.",
        "Remove the client from the set in `finally`, and catch ConnectionClosed around the loop.",
    ],
)
def test_client_that_left_is_forgotten(own_server: WebSocketServer, draw: Draw) -> None:
    """After a client has left, normally or not, the others can still chat, and there is no traceback."""
    ann, bob, cid, dora, eve = own_server.room(5)
    cid.leave()
    for speaker, listener in ((ann, bob), (bob, ann)):
        own_server.say(speaker, listener, dora, eve)
    dora.vanish()
    for speaker, listener in ((ann, bob), (bob, ann)) * 2:
        own_server.say(speaker, listener, eve)
    eve.send(f"{draw.word()},{draw.word()}")
    eve.vanish()
    # First let the server read eve's message. Some libraries use threads, and print a traceback of their own when one
    # writes to a client that has vanished while another still reads its last message.
    own_server.come_to_rest()
    for speaker, listener in ((ann, bob), (bob, ann)):
        own_server.say(speaker, listener)
    assert own_server.traceback() == ""


@requirement(
    "3.7",
    needs=["3.1"],
    hints=[
        "What does a client receive if it connects late?",
        "A client that is not in the set when a message arrives does not get it. Do not keep messages for later.",
        "Send only what a client has said: no welcome, no history, no message about a new client.",
    ],
)
def test_new_client_gets_no_old_messages(server: WebSocketServer, draw: Draw) -> None:
    """A client gets only what is sent after it has joined."""
    ann, bob, cid = server.room(3)
    mark = draw.word(12)
    ann.send(f"{mark},{draw.word()}")
    for listener in (bob, cid):
        listener.hear(mark)
    newcomer = server.join(who="the new client")
    assert server.greet(ann, newcomer, bob, cid) == []


@requirement(
    "3.8",
    exchanges=100,
    needs=["3.1"],
    hints=[
        "If two tasks send at the same time, which message arrives first?",
        "A handler takes one message after another. If each message gets its own task, the order is lost.",
        "Finish sending a message to the others before you receive the next one.",
    ],
)
def test_order_is_kept(server: WebSocketServer, draw: Draw) -> None:
    """Messages from one client arrive in order at every other client."""
    ann, *others = server.room(3)
    name = draw.word(12)
    marks = [f"{number}:{draw.randrange(10**9)}:" for number in range(100)]
    # Long messages must not be overtaken by short ones.
    ann.send(*[f"{name},{mark}{draw.choice(('', 'x' * 20_000))}" for mark in marks])
    for listener in others:
        assert listener.collect(marks) == marks


@requirement(
    "3.9",
    needs=["3.1", "3.2"],
    hints=[
        "If many clients are connected, does each of them get the message, and only once?",
        "A set holds each connection once. It must not change while a loop goes through it.",
        "Loop over a copy of the set, or use the library's broadcast().",
    ],
)
def test_50_clients(server: WebSocketServer, draw: Draw) -> None:
    """With 50 clients, one message reaches exactly the 49 others."""
    ann, *others = server.join_many(50)
    server.greet(ann, *others)
    mark = draw.word(12)
    ann.send(f"{mark},{draw.word()}")
    for listener in others:
        listener.hear(mark)
    assert [each for each in server.say(others[0], *others[1:]) if mark in each] == []
    given(not any(mark in each for each in server.say(others[1], ann)), "the sender got the message, too")


@requirement(
    "3.10",
    needs=["3.1"],
    hints=[
        "What does `await send()` wait for if the client at the other end has stopped reading?",
        "The buffers between two programs are finite, so a loop that sends to one client after another must wait.",
        "Use broadcast(), which does not wait, or give each client a queue with a limit and a task that sends.",
    ],
)
def test_client_that_stops_reading_delays_nobody(new_server: WebSocketServer, draw: Draw) -> None:
    """A client that has stopped reading does not delay the others, no matter how much is sent."""
    ann, bob = new_server.room(2)
    new_server.join(who="a client that does not read", receive_buffer=4096)
    name, text = draw.word(12), draw.word(1024) * 64
    for number in range(16 * MIB // len(text)):
        ann.send(f"{name},{number}-{text}")
        bob.hear(f"{number}-{text[:8]}")
        ann.skip()  # it reads, no matter what it gets
    new_server.say(bob, ann)


@requirement(
    "3.11",
    needs=["3.6"],
    hints=[
        "What does a client see when you stop your server, and what does the terminal show?",
        "On Ctrl+C, `async with serve(...)` closes the connections; then asyncio.run() raises KeyboardInterrupt.",
        "Catch it around asyncio.run(), outside all coroutines: by then the connections are closed.",
    ],
)
def test_closes_connections_on_ctrl_c(own_server: WebSocketServer, draw: Draw) -> None:
    """On Ctrl+C, clients get close code 1001 (or 1000), and it exits with status 0 without a traceback."""
    clients = [own_server.join(who=f"client {number}") for number in (1, 2, 3)]
    for client in clients:
        client.send(f"{draw.word()},{draw.word()}")
    own_server.come_to_rest()
    for client in clients:
        client.skip()
        given(client.is_open, "it closed a client's connection before Ctrl+C")
    ending, farewells = own_server.interrupt(seconds=3)
    for farewell in farewells:
        assert farewell in GONE
    assert ending.status == 0, ending.complaint
    given(not ending.traceback, ending.complaint)
