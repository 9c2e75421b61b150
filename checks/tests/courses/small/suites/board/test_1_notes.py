"""Step 1: notes."""

from labcheck.suite import Draw, MixedServer, given, requirement


@requirement("1.1", hints=["What does GET /notes get?", "json.dumps()"])
def test_shows_the_notes(server: MixedServer) -> None:
    """GET /notes answers with the notes as JSON."""
    answer = server.http.get("/notes")
    assert answer.status == 200
    assert answer.media_type == "application/json"
    assert isinstance(answer.json.get("notes"), list), f"there is no list of notes in {answer}"


@requirement("1.2", needs=["1.1"], hints=["Who keeps the notes?", "A list."])
def test_adds_a_note(new_server: MixedServer, draw: Draw) -> None:
    """A message on /add is answered by its number, and GET /notes shows the note."""
    text = f"{draw.word()} é"
    with_one = add(new_server, text)
    assert with_one == {"number": 1}
    assert new_server.http.get("/notes").json == {"notes": [text]}


@requirement("1.3", needs=["1.2"], hints=["What does a request wait for?", "asyncio.Condition"])
def test_waits_for_the_next_note(server: MixedServer, draw: Draw) -> None:
    """GET /next waits for the next note, and answers with it."""
    text = draw.word()
    with server.http.ask("/next", "/next") as waiting:
        given(server.http.get("/notes").status == 200, "GET /notes does not work")
        assert waiting[0].so_far() == ""
        add(server, text)
        for each in waiting:
            assert each.read_answer().json == {"note": text}


@requirement("1.4", needs=["1.1"], hints=["What does a client hear that asks for another path?", "404"])
def test_refuses_other_paths(server: MixedServer, draw: Draw) -> None:
    """A WebSocket on any other path is refused with status 404."""
    assert server.ask_to_join(f"/{draw.word()}").status == 404


def add(server: MixedServer, text: str) -> object:
    """Add a note, and return the answer."""
    import json

    client = server.join("/add", who="an author")
    client.send(json.dumps({"note": text}))
    answer = client.receive().json
    client.leave()
    return answer
