"""Step 3: files."""

import re

from labcheck.suite import Answer, Draw, Server, given, requirement
from labcheck.suites.lab1.material import File, Material


def fetch(server: Server, file: File) -> Answer:
    """Return the answer with a file; without one there is nothing to judge."""
    answer = server.get(file.url)
    given(answer.status == 200, f"GET {file.url} got {answer}")
    return answer


@requirement(
    "3.1",
    hints=[
        "Which file of site/ belongs to the URL /Snooker/style.css?",
        "Everything after the first slash is a path below site/, with its folders.",
        "pathlib joins two paths with /; a path that begins with a slash would replace the first one.",
    ],
)
def test_files_arrive(server: Server, material: Material) -> None:
    """A GET of a file's path answers 200 with the bytes of that file, in any folder."""
    for file in material.plain:
        answer = server.get(file.url)
        assert answer.status == 200
        assert answer.body == file.data


@requirement(
    "3.2",
    needs=["3.1"],
    hints=[
        "Which Content-Type does a style sheet need, so that a browser uses it?",
        "A dictionary from endings to types will do; Path.suffix gives the ending.",
        "dict.get() takes a second argument: what an ending gets that is not in the table.",
    ],
)
def test_types_fit(server: Server, material: Material) -> None:
    """The Content-Type fits the ending of the file."""
    for file, types in material.typed:
        assert fetch(server, file).media_type in types


@requirement(
    "3.3",
    needs=["3.1"],
    hints=[
        "Is a picture a text? What does read_text() do with bytes that are no UTF-8?",
        "Files can be opened as bytes: mode 'rb', or Path.read_bytes().",
        "Send the bytes of the file as they are, with nothing decoded in between.",
    ],
)
def test_any_bytes_arrive(server: Server, material: Material) -> None:
    """A file that is not text, and one of several MiB, arrive byte for byte."""
    for file in (material.binary, material.large):
        answer = server.get(file.url)
        assert answer.status == 200
        assert answer.body == file.data


@requirement(
    "3.4",
    needs=["3.1"],
    hints=[
        "How does a browser write a space and an é in the request line?",
        "Percent-encoding is undone by urllib.parse.unquote(). In a path, + is just a plus.",
        "Decode the path once, before you look for the file.",
    ],
)
def test_names_are_decoded(server: Server, material: Material) -> None:
    """Names are percent-decoded as UTF-8."""
    for file in material.encoded:
        for url in (file.url, re.sub("%..", lambda match: match[0].lower(), file.url)):  # %C3 and %c3 are the same
            answer = server.get(url)
            assert answer.status == 200
            assert answer.body == file.data


@requirement(
    "3.5",
    hints=[
        "Which file do you see when you open http://localhost:8001/?",
        "A path that ends in a slash names a folder, and stands for the index.html in it.",
        "Add the name to such a path before you look for the file; that goes for / as well.",
    ],
)
def test_folder_is_its_index(server: Server, material: Material) -> None:
    """The URL of a folder, with its closing slash, answers with the folder's index.html."""
    for file in material.indexes:
        answer = server.get(file.url)
        assert answer.status == 200
        assert answer.body == file.data


@requirement(
    "3.6",
    needs=["2.1", "3.1"],
    hints=[
        "How does a browser know where the body ends, when the connection stays open?",
        "Content-Length counts the bytes of the body: not its characters, and not the headers.",
        "Encode first, then take len() of the bytes; a file's size comes from the file itself.",
    ],
)
def test_length_is_announced(server: Server, material: Material, draw: Draw) -> None:
    """Every 200 answer says in Content-Length how many bytes its body has."""
    files = (*material.plain, material.accents, material.long_text)
    urls = [f"/%C3%A9{draw.word()}.zzz", *(file.url for file in files)]
    answers = [answer for url in urls if (answer := server.get(url)).status == 200]
    given(answers, "no URL of steps 2 and 3 answers 200")
    for answer in answers:
        assert answer.content_length == str(len(answer.body))


@requirement(
    "3.7",
    needs=["2.1", "3.1", "3.5"],
    hints=[
        "What does `curl -I http://localhost:8001/style.css` print?",
        "BaseHTTPRequestHandler calls do_HEAD for HEAD, as it calls do_GET for GET.",
        "The same code can serve both: all of the headers, and the body only for GET.",
    ],
)
def test_head_is_get_without_body(server: Server, material: Material, draw: Draw) -> None:
    """HEAD answers with the same status, Content-Type and Content-Length as GET, and no body."""
    for url in (f"/{draw.word()}.zzz", "/", *(file.url for file in material.plain)):
        usual, answer = server.get(url), server.head(url)
        assert answer.status == usual.status
        assert answer.media_type == usual.media_type
        assert answer.body == b""
        # A page may tell the time, so that its length changes from one request to the next.
        length = answer.content_length
        assert (
            usual.content_length.missing or length == usual.content_length or length == server.get(url).content_length
        )
