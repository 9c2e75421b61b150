"""Step 5: POST."""

from urllib.parse import urlencode

from labcheck.suite import FORM, Answer, Draw, Server, given, requirement
from labcheck.suites.lab1.material import Material

Fields = list[tuple[str, str]]


def post(server: Server, draw: Draw, fields: Fields) -> Answer:
    """Post a form to a page, and return it as a browser shows it: it ends at its Content-Length."""
    return server.post(f"/{draw.word()}/{draw.word()}.zzz", urlencode(fields)).as_announced()


@requirement(
    "5.1",
    hints=[
        "Where in the request is the form, and how does your program know its length?",
        "The body has Content-Length bytes and looks like name=Ann&color=red. urllib.parse has functions to split it.",
        "Read exactly that number of bytes, split them into pairs (keep empty values), and show a line for each.",
    ],
)
def test_form_is_shown(server: Server, draw: Draw) -> None:
    """A form posted to a .zzz path gets a page that shows the name and value of each field."""
    twice = draw.word()
    small = [(draw.word(), draw.word()), (draw.word(), ""), (twice, draw.word()), (twice, draw.word())]
    large = [(draw.word(), draw.word(200)), (draw.word(), draw.word())]
    missing = 256 * 1024 - len(urlencode(large)) - len("&namename=")
    large.insert(1, (draw.word(), (draw.word(1000) * 256)[:missing].ljust(missing, "x")))
    for fields in (small, large):
        answer = post(server, draw, fields)
        assert answer.status == 200
        for name, value in fields:
            assert name in answer.shown
            assert value in answer.shown
        assert answer.media_type == "text/html"


@requirement(
    "5.2",
    needs=["5.1"],
    hints=[
        "What do you see if you enter é in the form? And if you enter <b>bold</b>?",
        "parse_qsl() decodes + and %XX as UTF-8. Text from a client is not HTML, so it has to be escaped.",
        "Escape both names and values, after decoding them.",
    ],
)
def test_fields_are_decoded_and_shown_as_text(server: Server, draw: Draw) -> None:
    """Names and values are decoded as UTF-8 and shown as text."""
    mark = draw.word()
    answer = post(server, draw, [(f"né {mark}", f"日本 & 50% {mark}"), (f"<b>{mark}", "x"), ("y", f"<i>{mark}")])
    given(answer.status == 200, f"the POST got {answer}")
    for markup in (f"<b>{mark}", f"<i>{mark}"):
        assert markup not in answer.source.folded
    for text in (f"né {mark}", f"日本 & 50% {mark}", f"<b>{mark}", f"<i>{mark}"):
        assert text in answer.shown


@requirement(
    "5.3",
    hints=[
        "What could a server do with a form that is posted to a picture?",
        "405 means that the URL exists but does not allow this method.",
        "In do_POST, look at the path first. If it names a file in site/, refuse the request.",
    ],
)
def test_post_to_a_file_is_405(server: Server, material: Material, draw: Draw) -> None:
    """A POST to the URL of a file gets 405."""
    for file in material.plain[:2]:
        assert server.post(file.url, urlencode([(draw.word(), draw.word())])).status == 405


@requirement(
    "5.4",
    hints=[
        "What does rfile.read(-1) wait for? And what does int('abc') do?",
        "self.headers['Content-Length'] is a string, or None if the request has no such field.",
        "Check the length before you read. If it is missing, negative or not a number, answer 400.",
    ],
)
def test_invalid_length_is_refused(server: Server, draw: Draw) -> None:
    """A POST without a valid Content-Length is answered at once."""
    target = f"/{draw.word()}.zzz"
    for length in ("-1", f"-{draw.randrange(2, 100)}", draw.word()):
        assert server.announce(target, {"Content-Type": FORM, "Content-Length": length}).status in (400, 411)
    answer = server.announce(target, {"Content-Type": FORM})
    assert answer.status in (400, 411, 200)


@requirement(
    "5.5",
    hints=[
        "What happens if a client sends 10 GB to your guest book? Where would your program put them?",
        "The client announces the length in the header, before it sends the first byte of the body.",
        "Compare the length with the limit before you read anything. 413 means that the body is too large.",
    ],
)
def test_too_much_is_refused(server: Server, draw: Draw) -> None:
    """A POST that announces more than 1 MiB gets 413 at once."""
    for length in (1024 * 1024 + 1, draw.randrange(10**7, 10**15)):
        fields = {"Content-Type": FORM, "Content-Length": str(length)}
        assert server.announce(f"/{draw.word()}.zzz", fields).status == 413
