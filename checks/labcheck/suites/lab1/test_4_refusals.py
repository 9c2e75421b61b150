"""Step 4: refusals."""

from labcheck.suite import CLIENT_ERROR, Draw, Server, requirement
from labcheck.suites.lab1.material import Material

AFTERWARDS = "after the refusal it has to go on serving"


@requirement(
    "4.1",
    hints=[
        "Which status does your server send for /no/such/file.html, and which for a folder without index.html?",
        "Nothing is there: that is status 404. BaseHTTPRequestHandler has send_error().",
        "A list of the files in a folder is not what a client asked for.",
    ],
)
def test_missing_file_is_404(server: Server, material: Material, draw: Draw) -> None:
    """A file that does not exist, or a folder without index.html, answers 404."""
    for url in (f"/{draw.word()}.html", f"/{draw.word()}/{draw.word()}.css", material.empty_folder):
        assert server.get(url).status == 404
    assert server.answers(), AFTERWARDS


@requirement(
    "4.2",
    hints=[
        "What does `curl --path-as-is http://localhost:8001/../webserver.py` get?",
        "Do not search for dots: ask where the file really is. Path.resolve() follows .. and links.",
        "Serve a file only where its resolved path lies inside the resolved site/ (Path.is_relative_to()).",
    ],
)
def test_nothing_outside_is_served(server: Server, material: Material) -> None:
    """Nothing outside site/ is ever served, whatever the path."""
    for target in material.secrets:
        answer = server.follow(server.get(target))
        assert material.marker not in answer.source, f"asked for {target}"
        assert answer.status in CLIENT_ERROR, f"asked for {target}"
    assert server.answers(), AFTERWARDS


@requirement(
    "4.3",
    hints=[
        "Which exception does Python raise for a file name with a NUL, or with 5,000 characters?",
        "ValueError and OSError; unquote() raises UnicodeDecodeError, a ValueError, where errors='strict'.",
        "Who cannot have such a file can say so: the same refusal as for a file that does not exist.",
    ],
)
def test_impossible_names_are_refused(server: Server, material: Material, draw: Draw) -> None:
    """A path with a NUL, one that is not UTF-8, and one of 5,000 characters are refused."""
    long, short = draw.word(4999), "/".join(draw.word(9) for _ in range(500))
    # What is left of some of these is the name of a file, where a part is dropped.
    start, end = material.plain[0].url[:5], material.plain[0].url[5:]
    for target in (f"{start}%00{end}", f"{start}{end}%00.jpg", f"{start}%ff{end}", f"/{long}", f"/{short[:4999]}"):
        assert server.get(target).status in CLIENT_ERROR
    assert server.answers(), AFTERWARDS


@requirement(
    "4.4",
    hints=[
        "How many words has the first line of a request?",
        "Method, target, version. A line that is not made like this is no HTTP: status 400.",
        "Check the line before you take it apart; http.server does so by itself.",
    ],
)
def test_what_is_not_http_is_refused(server: Server, draw: Draw) -> None:
    """A first line that is not HTTP gets 400, or the connection is closed."""
    with server.connect() as client:
        client.send(f"{draw.word()}\r\n\r\n".encode())
        assert client.read_refusal() in (400, None)
    assert server.answers(), AFTERWARDS


@requirement(
    "4.5",
    hints=[
        "What does `curl -i -X BREW http://localhost:8001/` get?",
        "The method is the first word of the request; answer only those that you know.",
        "501 says that nobody here knows the method, 405 that this URL does not allow it.",
    ],
)
def test_unknown_method_is_refused(server: Server) -> None:
    """A method that nobody implements gets 501, 405 or 400."""
    assert server.request("BREW", "/").status in (501, 405, 400)
    assert server.answers(), AFTERWARDS
