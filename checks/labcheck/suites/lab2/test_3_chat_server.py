"""Step 3: the chat server."""

from labcheck.suite import Draw, Messages, WebSocketServer, given, requirement

GONE = (1001, 1000)  # RFC 6455, section 7.4.1: going away, or a normal end
MIB = 1024 * 1024


@requirement(
    "3.1",
    hints=[
        "How does your server know who is there?",
        "A handler runs for each client; a set that all of them see holds the connections.",
        "Each handler adds its client at the beginning; a message is sent to all others in the set.",
    ],
)
def test_others_hear_it(server: WebSocketServer, draw: Draw) -> None:
    """`NAME,TEXT` reaches every other client as `NAME says: TEXT`."""
    members = server.room(3)
    dora = server.join("a browser", compression=True)
    server.greet(members[0], dora)
    names = draw.word(12), f"né {draw.word(12)}", draw.word(12)
    for speaker, name, text in zip(members, names, ("  two  words ", "日本 🎲", ""), strict=True):
        speaker.send(f"{name},{text}")
        for listener in (*members, dora):
            if listener is not speaker:
                assert listener.hear(name) == f"{name} says: {text}"


@requirement(
    "3.2",
    needs=["3.1"],
    hints=[
        "Who needs to be told what Ann says: Ann, too?",
        "The handler knows which client has sent the message: its own.",
        "All clients but this one: a difference of sets, or a comparison with `is`.",
    ],
)
def test_sender_does_not_hear_it(server: WebSocketServer, draw: Draw) -> None:
    """A message never comes back to the client that sent it, and nothing else does in its place."""
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
        "str.partition() cuts a text in two, at the first place.",
    ],
)
def test_commas_in_the_text(server: WebSocketServer, draw: Draw) -> None:
    """TEXT may hold commas."""
    ann, bob, _ = server.room(3)
    for text in ("yes, but why?", f",{draw.word()},,", ","):
        name, other = draw.word(12), draw.word(12)
        ann.send(f"{other},plain")
        given(bob.hear(other) == f"{other} says: plain", "the words around NAME and TEXT are others")
        ann.send(f"{name},{text}")
        assert bob.hear(name) == f"{name} says: {text}"


@requirement(
    "3.4",
    needs=["3.1"],
    hints=[
        "What does your server do with a message that is not of the form NAME,TEXT?",
        "partition() returns the separator that it has found: an empty one says that there is none.",
        "Send the sender one message that starts with ERROR, and go on with the next one.",
    ],
)
def test_message_without_a_comma(server: WebSocketServer, draw: Draw) -> None:
    """A message without a comma reaches nobody else; its sender gets one that starts with ERROR, and stays."""
    ann, bob, cid = server.room(3)
    ann.aside.clear()
    for wrong in (draw.word(), ""):
        ann.send(wrong)
        error = ann.hear("ERROR")
        assert error.text.startswith("ERROR"), f"it does not start with ERROR: {error.words}"
        assert server.say(ann, bob, cid) == []
    server.say(bob, ann)
    assert Messages(message for message in ann.aside if "ERROR" in message) == []


@requirement(
    "3.5",
    needs=["3.1"],
    hints=[
        "What should whoever runs the server see of the talk?",
        "print() writes a line on standard output.",
        "One line a message, with the name and the text that you have cut apart, to the letter.",
    ],
)
def test_prints_each_message(server: WebSocketServer, draw: Draw) -> None:
    """For each message it prints the line `From NAME: TEXT`."""
    ann, bob, _ = server.room(3)
    for name, text in (("Ann", draw.word(12)), ("né e", f"日本 {draw.word(12)}")):
        line = f"From {name}: {text}"
        server.expect_lines(line)
        ann.send(f"{name},{text}")
        bob.hear(text[-12:])
        assert line in server.prints(line)


@requirement(
    "3.6",
    needs=["3.1"],
    hints=[
        "Let three clients join, and one leave: what happens when another one speaks?",
        "A handler ends when its client has gone; what it does in `finally` is done however that happened.",
        "Take the client out of the set in `finally`, and catch ConnectionClosed where the loop is.",
    ],
)
def test_who_left_is_forgotten(own_server: WebSocketServer, draw: Draw) -> None:
    """A client that left, normally or not, is forgotten: the others go on, with no traceback on standard error."""
    ann, bob, cid, dora, eve = own_server.room(5)
    cid.leave()
    for speaker, listener in ((ann, bob), (bob, ann)):
        own_server.say(speaker, listener, dora, eve)
    dora.vanish()
    for speaker, listener in ((ann, bob), (bob, ann)) * 2:
        own_server.say(speaker, listener, eve)
    eve.send(f"{draw.word()},{draw.word()}")
    eve.vanish()
    # A library whose threads read and write at once may stumble over a message that is still being read then.
    own_server.come_to_rest()
    for speaker, listener in ((ann, bob), (bob, ann)):
        own_server.say(speaker, listener)
    assert own_server.traceback() == ""


@requirement(
    "3.7",
    needs=["3.1"],
    hints=[
        "What does a client get who comes late?",
        "Who is not in the set yet when a message comes is not sent it; and nobody keeps a message for later.",
        "Send nothing but what a client has said: no greeting, no history, no news of who has come.",
    ],
)
def test_newcomer_hears_nothing_old(server: WebSocketServer, draw: Draw) -> None:
    """A client gets only what is sent after it has joined."""
    ann, bob, cid = server.room(3)
    server.say(ann, bob, cid)
    newcomer = server.join("the newcomer")
    assert server.greet(ann, newcomer, bob, cid) == []


@requirement(
    "3.8",
    needs=["3.1"],
    hints=[
        "When two tasks send at the same time, which message comes first?",
        "One handler takes one message after the other; the order is lost where each is given to a task of its own.",
        "Pass a message on before you take the next one.",
    ],
)
def test_order_is_kept(server: WebSocketServer, draw: Draw) -> None:
    """What one client sends arrives in order at every other."""
    ann, *others = server.room(3)
    name = draw.word(12)
    marks = [f"{number}-{draw.word(8)}-" for number in range(100)]
    ann.send(*[f"{name},{mark}" for mark in marks])
    for listener in others:
        assert listener.collect(marks) == marks


@requirement(
    "3.9",
    needs=["3.1", "3.2"],
    hints=[
        "Does everybody hear it, and only once, when many are there?",
        "A set holds each connection once; it must not change while it is gone through.",
        "Go through a copy of the set, or let the library's broadcast() do it.",
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
    given(not any(mark in each for each in server.say(others[1], ann)), "the sender has got it, too")


@requirement(
    "3.10",
    needs=["3.1"],
    hints=[
        "What does `await send()` wait for when the client at the other end has stopped reading?",
        "Who sends to one after the other stands still at the slowest: the buffers between two programs are finite.",
        "Let nobody wait for anybody: broadcast(), or a queue and a task for each client, with a limit.",
    ],
)
def test_who_does_not_read_holds_nobody_up(new_server: WebSocketServer, draw: Draw) -> None:
    """A client that has stopped reading does not hold the others up, however much is sent."""
    ann, bob = new_server.room(2)
    new_server.join("one who does not read", receive_buffer=4096)
    name, text = draw.word(12), draw.word(1024) * 64
    for number in range(16 * MIB // len(text)):
        ann.send(f"{name},{number}-{text}")
        bob.hear(f"{number}-{text[:8]}")
    new_server.say(bob, ann)


@requirement(
    "3.11",
    hints=[
        "What does a client see when your server is stopped, and what does the terminal show?",
        "Ctrl+C raises KeyboardInterrupt out of asyncio.run(); `async with serve(...)` closes what is open on its way.",
        "Catch it around asyncio.run(), outside all coroutines, so that their cleaning up is done by then.",
    ],
)
def test_ends_politely(own_server: WebSocketServer, draw: Draw) -> None:
    """On Ctrl+C clients get close code 1001 (or 1000), and it exits with status 0, with no traceback."""
    own_server.room(3)
    ending, farewells = own_server.interrupt(seconds=3)
    assert not ending.traceback, f"Ctrl+C left a traceback; {ending.output.last()}"
    for farewell in farewells:
        assert farewell in GONE
    assert ending.status == 0
