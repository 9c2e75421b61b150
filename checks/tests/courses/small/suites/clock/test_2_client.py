"""Step 2: a client."""

from labcheck.suite import Draw, LinesClient, given, requirement

PROMPT = "Question: "


@requirement("2.1", hints=["What does a server need, to know where a question ends?", "A line feed."])
def test_asks_and_sends(client: LinesClient, draw: Draw) -> None:
    """It asks its user, and sends what was typed as one line."""
    assert PROMPT in client.asks(PROMPT)
    question = f"{draw.word()} é"
    assert client.exchange(question, draw.word()) == question


@requirement("2.2", needs=["2.1"], hints=["Which line comes next?", "readline()"])
def test_prints_the_answer(client: LinesClient, draw: Draw) -> None:
    """It prints `Answer: ` and the line that the server answers."""
    answer = draw.word()
    client.expect_lines(f"Answer: {answer}")
    client.exchange(draw.word(), answer)
    assert f"Answer: {answer}" in client.prints(f"Answer: {answer}")


@requirement("2.3", needs=["2.1"], hints=["What does input() do at the end?", "EOFError"])
def test_ends_with_its_input(new_clients, draw: Draw) -> None:
    """At the end of its input, it closes the connection and ends with exit status 0."""
    (client,) = new_clients(1)
    given(PROMPT in client.asks(PROMPT), "it does not ask")
    client.exchange(draw.word(), draw.word())
    client.end_input()
    assert client.ends() == 0
    assert not client.farewell().reset
