"""Step 1: questions and answers."""

from labcheck.suite import Draw, LinesServer, given, requirement
from suites.clock.times import is_time


@requirement("1.1", hints=["What does a client send first?", "Read a line before you answer."])
def test_tells_the_time(server: LinesServer) -> None:
    """The line TIME is answered by the time of day."""
    with server.connect() as client:
        answer = client.ask("TIME")
        assert is_time(answer), f"the line {answer!r} is no time such as 14:05:09"


@requirement(
    "1.2", needs=["1.1"], hints=["What does a client want to know that has made a mistake?", "Send the line back."]
)
def test_says_what_it_does_not_know(server: LinesServer, draw: Draw) -> None:
    """Any other line is answered by `? ` and that line."""
    word = draw.word()
    with server.connect() as client:
        assert client.ask(word) == f"? {word}"


@requirement("1.3", needs=["1.1"], hints=["Who is served while a client thinks?", "A thread for each client."])
def test_serves_everybody(server: LinesServer) -> None:
    """A client may ask several times, and 5 clients may do so at once."""
    with server.connect_many(5) as clients:
        given(is_time(clients[0].ask("TIME")), "it does not tell the time")
        for client in reversed(clients):
            assert is_time(client.ask("TIME")), "a client was not answered while others are connected"
