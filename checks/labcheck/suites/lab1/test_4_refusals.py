"""Step 4: refusals."""

from labcheck.suite import CLIENT_ERROR, Answer, Draw, Server, given, requirement
from labcheck.suites.lab1.material import Material

AFTERWARDS = "the server must keep serving after the refusal"
NOTHING_SERVED = "neither a page nor a file is served"


def given_files(server: Server, material: Material) -> None:
    """A refusal proves nothing if the server does not serve a file that exists."""
    given(server.serves(material.top.url), f"GET {material.top.url} does not get the file")


def ask_for_missing_file(server: Server, draw: Draw) -> Answer:
    """Return the answer to a GET of an ordinary name that no file has; 4.1 checks its status."""
    return server.get(f"/{draw.word()}.html")


@requirement(
    "4.1",
    needs=["3.1", "3.5"],
    hints=[
        "Which status does your server send for /no/such/file.html, and which for a folder without an index.html?",
        "404 means that nothing was found. BaseHTTPRequestHandler has the method send_error().",
        "If there is no such file, send the error. For a folder, do not send a list of its files instead.",
    ],
)
def test_missing_file_is_404(server: Server, material: Material, draw: Draw) -> None:
    """A missing file gets 404, and so does a folder without an index.html."""
    given_files(server, material)
    for url in (f"/{draw.word()}.html", f"/{draw.word()}/{draw.word()}.css", f"/{draw.word()}"):
        assert server.get(url).status == 404
    index = material.indexes[-1]
    folder = index.url.removesuffix("index.html")
    given(server.serves(folder, index.data), f"GET {folder} does not get the index.html of that folder")
    assert server.get(material.empty_folder).status == 404
    assert server.answers(), AFTERWARDS


@requirement(
    "4.2",
    needs=["3.1", "4.1"],
    hints=[
        "What does `curl --path-as-is http://localhost:8001/../webserver.py` print?",
        "Do not search for dots. Find out where the file really is: Path.resolve() follows .. and links.",
        "Serve a file only if its resolved path is inside the resolved site/ (Path.is_relative_to()).",
    ],
)
def test_nothing_outside_is_served(server: Server, material: Material, draw: Draw) -> None:
    """Nothing outside site/ is ever served, no matter what the path is."""
    given_files(server, material)
    missing = ask_for_missing_file(server, draw)
    for target in material.secrets:
        answer = server.follow(server.get(target))
        assert material.marker not in answer.source, f"the request was for {target}"
        if missing.status in CLIENT_ERROR and not target.endswith("/"):
            assert answer.status in CLIENT_ERROR, f"the request was for {target}"
    if server.serves(material.top.url, method="HEAD"):
        for target in (*material.secrets[:2], *material.links[:1]):
            length = server.head(target).content_length
            assert length != str(material.secret_size), f"the request was HEAD {target}, and this is the file's size"
    given(missing.status in CLIENT_ERROR, f"a missing file gets {missing}")
    assert server.answers(), AFTERWARDS


@requirement(
    "4.3",
    needs=["3.1", "4.1"],
    hints=[
        "Which exception does Python raise for a file name with a NUL, or for one of 5,000 characters?",
        "ValueError or OSError. With errors='strict', unquote() raises UnicodeDecodeError, which is a ValueError.",
        "Catch these exceptions where you look for the file, and refuse the request as you do for a missing file.",
    ],
)
def test_impossible_names_are_refused(server: Server, material: Material, draw: Draw) -> None:
    """A path with a NUL, one that is not UTF-8, and one of 5,000 characters are refused."""
    given_files(server, material)
    missing = ask_for_missing_file(server, draw)
    given(missing.status in CLIENT_ERROR, f"a missing file gets {missing}")
    long, short = draw.word(4994), "/".join(draw.word(9) for _ in range(500))[:4994]
    # A program that drops the bad part of some of these is left with the name of an existing file.
    start, end = material.plain[0].url[:5], material.plain[0].url[5:]
    for target in (f"{start}%00{end}", f"{start}{end}%00.jpg", f"{start}%ff{end}", f"/{long}.html", f"/{short}.html"):
        assert server.get(target).status in CLIENT_ERROR
    assert server.answers(), AFTERWARDS


@requirement(
    "4.4",
    needs=["2.1", "3.1"],
    hints=[
        "How many words are there in the first line of a request?",
        "Method, target, version. A line without these parts is not HTTP and gets status 400.",
        "Check the number of words before you use them. http.server does this for you.",
    ],
)
def test_what_is_not_http_is_refused(server: Server, material: Material, draw: Draw) -> None:
    """A first line that is not HTTP gets 400, or the connection is closed."""
    given(server.serves(material.top.url) or server.serves(material.page), NOTHING_SERVED)
    with server.connect() as client:
        client.send(f"{draw.word()}\r\n\r\n".encode())
        assert client.read_refusal() in (400, None)
    assert server.answers(), AFTERWARDS


@requirement(
    "4.5",
    needs=["2.1", "3.1"],
    hints=[
        "What does `curl -i -X BREW http://localhost:8001/` print?",
        "The method is the first word of the request. Answer only the methods that you implement.",
        "501 means that the server does not know the method, 405 that this URL does not allow it.",
    ],
)
def test_unknown_method_is_refused(server: Server, material: Material) -> None:
    """An unknown method gets 501, 405 or 400."""
    urls = [url for url in (material.top.url, material.page) if server.serves(url)]
    given(urls, NOTHING_SERVED)
    for url in urls:
        assert server.request("BREW", url).status in (501, 405, 400)
    assert server.answers(), AFTERWARDS
