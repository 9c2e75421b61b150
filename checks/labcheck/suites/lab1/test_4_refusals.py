"""Step 4: refusals."""

from labcheck.suite import CLIENT_ERROR, Draw, Server, requirement
from labcheck.suites.lab1.material import Material

AFTERWARDS = "the server must keep serving after the refusal"


@requirement(
    "4.1",
    hints=[
        "Which status does your server send for /no/such/file.html, and which for a folder without an index.html?",
        "404 means that nothing was found. BaseHTTPRequestHandler has the method send_error().",
        "If there is no such file, send the error. For a folder, do not send a list of its files instead.",
    ],
)
def test_missing_file_is_404(server: Server, material: Material, draw: Draw) -> None:
    """A missing file gets 404, and so does a folder without an index.html."""
    for url in (f"/{draw.word()}.html", f"/{draw.word()}/{draw.word()}.css", material.empty_folder):
        assert server.get(url).status == 404
    assert server.answers(), AFTERWARDS


@requirement(
    "4.2",
    hints=[
        "What does `curl --path-as-is http://localhost:8001/../webserver.py` print?",
        "Do not search for dots. Find out where the file really is: Path.resolve() follows .. and links.",
        "Serve a file only if its resolved path is inside the resolved site/ (Path.is_relative_to()).",
    ],
)
def test_nothing_outside_is_served(server: Server, material: Material) -> None:
    """Nothing outside site/ is ever served, no matter what the path is."""
    for target in material.secrets:
        answer = server.follow(server.get(target))
        assert material.marker not in answer.source, f"the request was for {target}"
        assert answer.status in CLIENT_ERROR, f"the request was for {target}"
    assert server.answers(), AFTERWARDS


@requirement(
    "4.3",
    hints=[
        "Which exception does Python raise for a file name with a NUL, or for one of 5,000 characters?",
        "ValueError or OSError. With errors='strict', unquote() raises UnicodeDecodeError, which is a ValueError.",
        "Catch these exceptions where you look for the file, and refuse the request as you do for a missing file.",
    ],
)
def test_impossible_names_are_refused(server: Server, material: Material, draw: Draw) -> None:
    """A path with a NUL, one that is not UTF-8, and one of 5,000 characters are refused."""
    long, short = draw.word(4999), "/".join(draw.word(9) for _ in range(500))
    # A program that drops the bad part of some of these is left with the name of an existing file.
    start, end = material.plain[0].url[:5], material.plain[0].url[5:]
    for target in (f"{start}%00{end}", f"{start}{end}%00.jpg", f"{start}%ff{end}", f"/{long}", f"/{short[:4999]}"):
        assert server.get(target).status in CLIENT_ERROR
    assert server.answers(), AFTERWARDS


@requirement(
    "4.4",
    hints=[
        "How many words are there in the first line of a request?",
        "Method, target, version. A line without these parts is not HTTP and gets status 400.",
        "Check the number of words before you use them. http.server does this for you.",
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
        "What does `curl -i -X BREW http://localhost:8001/` print?",
        "The method is the first word of the request. Answer only the methods that you implement.",
        "501 means that the server does not know the method, 405 that this URL does not allow it.",
    ],
)
def test_unknown_method_is_refused(server: Server) -> None:
    """An unknown method gets 501, 405 or 400."""
    assert server.request("BREW", "/").status in (501, 405, 400)
    assert server.answers(), AFTERWARDS
