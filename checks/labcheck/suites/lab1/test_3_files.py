"""Step 3: files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from labcheck.suite import Answer, Draw, Server, given, requirement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labcheck.suites.lab1.material import File, Material


def fetch(server: Server, file: File) -> Answer:
    """Return the answer with a file; a check that needs the file does not run without it."""
    answer = server.get(file.url)
    given(answer.status == 200, f"GET {file.url} got {answer}")
    return answer


def given_that_it_arrives(server: Server, file: File) -> None:
    """A check of special files does not run if an ordinary one does not arrive either."""
    given(server.serves(file.url, file.data), f"GET {file.url} does not get the bytes of that file")


def where_it_looks(server: Server, material: Material, file: File) -> str:
    """Return where the server looks for files instead of in site/, if a request shows it; else an empty text."""
    if server.would_serve(f"/{material.site.lstrip('/')}{file.url}", file.data):
        return (
            f"a leading slash makes a path absolute: the program looks for {file.url} in the root folder of the disk, "
            "not in site/"
        )
    if server.would_serve(f"/site{file.url}", file.data):
        return f"GET /site{file.url} gets this file: look for files in site/, not in the folder above it"
    return ""


def served(server: Server, *urls: str) -> Iterator[tuple[str, Answer]]:
    """Yield the URLs that get status 200 and a body, with their answers; a check does not run without any."""
    found = False
    for url in urls:
        answer = server.get(url)
        if answer.status == 200 and answer.body:
            found = True
            yield url, answer
    given(found, "no URL of steps 2 and 3 gets status 200 and a body")


@requirement(
    "3.1",
    hints=[
        "Which file in site/ belongs to the URL /Snooker/style.css?",
        "Everything after the first slash is a path inside site/, with its folders.",
        "pathlib joins two paths with the operator /. A second path that starts with a slash replaces the first.",
    ],
)
def test_files_arrive(server: Server, material: Material) -> None:
    """A GET of a file's path gets status 200 and the bytes of that file, in any folder."""
    for file in material.plain:
        answer = server.get(file.url)
        assert answer.status == 200, where_it_looks(server, material, file)
        assert answer.body == file.data


@requirement(
    "3.2",
    needs=["3.1"],
    hints=[
        "Which Content-Type does a browser expect for a style sheet?",
        "Use a dictionary from endings to types. Path.suffix gives the ending.",
        "The second argument of dict.get() is the default: the type for an ending that is not in the dictionary.",
    ],
)
def test_types_fit(server: Server, material: Material) -> None:
    """The Content-Type fits the ending of the file's name."""
    for file, types in material.typed:
        assert fetch(server, file).media_type in types
    if server.serves("/"):  # the file is index.html, although the URL has no ending
        assert server.get("/").media_type == "text/html"


@requirement(
    "3.3",
    needs=["3.1"],
    hints=[
        "Is a picture text? What does read_text() do with bytes that are not UTF-8?",
        "You can read a file as bytes: open it in mode 'rb', or use Path.read_bytes().",
        "Send the bytes of the file as they are, without decoding them on the way.",
    ],
)
def test_any_bytes_arrive(server: Server, material: Material) -> None:
    """Binary files and files of several MiB arrive byte for byte."""
    given_that_it_arrives(server, material.top)
    answer = server.get(material.binary.url)
    assert answer.status == 200
    assert answer.body == material.binary.data
    # If the client waits, the kernel does not take a large file at once: a single send() sends only a part of it.
    with server.connect(receive_buffer=32 * 1024) as client:
        client.send(server.head_of("GET", material.large.url))
        client.read_some(1)
        server.come_to_rest()
        answer = client.read_answer()
    assert answer.status == 200
    assert answer.body == material.large.data


@requirement(
    "3.4",
    needs=["3.1"],
    hints=[
        "How does a browser write a space or an é in the request line?",
        "urllib.parse.unquote() undoes percent-encoding. In a path, + is just a plus.",
        "Decode the path exactly once, before you look for the file.",
    ],
)
def test_names_are_decoded(server: Server, material: Material) -> None:
    """File names are percent-decoded as UTF-8."""
    given_that_it_arrives(server, material.in_folder)
    for file in material.encoded:
        lower = re.sub("%..", lambda match: match[0].lower(), file.url)  # %C3 and %c3 are the same
        for url in sorted({file.url, lower}):
            answer = server.get(url)
            assert answer.status == 200
            assert answer.body == file.data


@requirement(
    "3.5",
    needs=["3.1"],
    hints=[
        "Which file do you expect to see at http://localhost:8001/?",
        "A path that ends in a slash is a folder. It stands for the index.html in that folder.",
        "Append the name index.html to such a path before you look for the file. This includes the path /.",
    ],
)
def test_folder_is_its_index(server: Server, material: Material) -> None:
    """A folder's URL, with its final slash, gets the index.html of that folder."""
    for file in material.indexes:
        given_that_it_arrives(server, file)
        answer = server.get(file.url.removesuffix("index.html"))
        assert answer.status == 200
        assert answer.body == file.data


@requirement(
    "3.6",
    needs=["2.1", "2.2", "3.1", "3.5"],
    hints=[
        "How does a browser know where the body ends if the connection stays open?",
        "Content-Length counts the bytes of the body, not its characters, and not the header fields.",
        "For a page, encode the text first, then take the length of the bytes. For a file, ask for the file's size.",
    ],
)
def test_length_is_announced(server: Server, material: Material, draw: Draw) -> None:
    """In every 200 answer, Content-Length is the number of bytes in the body."""
    files = (material.accents, material.long_text, material.binary)
    for _, answer in served(server, f"/%C3%A9{draw.word()}.zzz", "/", *(file.url for file in files)):
        assert answer.content_length == str(len(answer.sent))
    empty = server.get(material.empty.url)
    assert empty.status != 200 or empty.content_length == str(len(empty.sent))


@requirement(
    "3.7",
    needs=["2.1", "2.2", "3.1", "3.5"],
    hints=[
        "What does `curl -I http://localhost:8001/style.css` print? (It sends HEAD.)",
        "BaseHTTPRequestHandler calls do_HEAD for a HEAD request, just as it calls do_GET for GET.",
        "The same code can serve both methods: it sends all header fields, and the body only for GET.",
    ],
)
def test_head_is_get_without_body(server: Server, material: Material, draw: Draw) -> None:
    """HEAD gets the same status, Content-Type and Content-Length as GET, but no body."""
    files = (material.in_folder, material.binary)
    for url, usual in served(server, f"/%C3%A9{draw.word()}.zzz", "/", *(file.url for file in files)):
        answer = server.head(url)
        assert answer.status == 200
        assert answer.media_type == usual.media_type
        assert answer.sent == b""
        if not usual.content_length.missing and answer.content_length != usual.content_length:
            # The length of a page may change from one request to the next, for example if it shows the time.
            if any(server.get(url).content_length != usual.content_length for _ in range(5)):
                continue
            assert server.head(url).content_length == usual.content_length
