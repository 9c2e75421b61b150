"""Step 5: POST."""

from urllib.parse import urlencode

from labcheck.suite import FORM, Draw, Server, given, requirement
from labcheck.suites.lab1.markup import tags_with
from labcheck.suites.lab1.material import Material

NO_FORMS = "an ordinary form is not shown either"


def shows_forms(server: Server, material: Material) -> bool:
    """Return whether the server shows the value of an ordinary form; if not, it may not have POST at all."""
    return server.serves(material.page, material.field[1], method="POST", form=urlencode([material.field]))


def given_pages(server: Server, material: Material) -> None:
    """A refusal proves nothing if the server does not answer an ordinary form with a page."""
    is_page = server.serves(material.page, method="POST", form=urlencode([material.field]))
    given(is_page, f"POST of a form to {material.page} does not get a page")


@requirement(
    "5.1",
    needs=["2.1", "2.2"],
    hints=[
        "Where in the request is the form, and how does your program know its length?",
        "The body has Content-Length bytes and looks like name=Ann&color=red. urllib.parse has functions to split it.",
        "Read exactly that number of bytes, split them into pairs (keep empty values), and show a line for each.",
    ],
)
def test_form_is_shown(server: Server, draw: Draw) -> None:
    """A form posted to a .zzz path gets a page that shows the name and value of each field."""
    # A Content-Length in characters cuts off the end of a page with this one; 5.2 checks how it is shown.
    beyond_ascii = (draw.word(), "日本" * 6)
    twice, mixed = draw.word(), draw.word(4).title() + draw.word(4).upper()
    small = {
        "an ordinary field": (mixed, f"{draw.randrange(10**6)}{mixed}{draw.word()}"),
        "the field with an empty value": (draw.word(), ""),
        "the first of two fields with the same name": (twice, draw.word()),
        "the second of two fields with the same name": (twice, draw.word()),
    }
    first, last = (draw.word(), draw.word(200)), (draw.word(), draw.word())
    missing = 256 * 1024 - len(urlencode([beyond_ascii, first, ("namename", ""), last]))
    large = {
        "the first field of a form of 256 KiB": first,
        "the long field of a form of 256 KiB": (draw.word(), (draw.word(1000) * 256)[:missing].ljust(missing, "x")),
        "the last field of a form of 256 KiB": last,
    }
    target = f"/{draw.word()}/{draw.word()}.zzz"
    page = server.get(target)
    for form in (small, large):
        ordinary, *others = form.values()
        answer = server.post(target, urlencode([ordinary, beyond_ascii, *others])).as_announced()
        # What goes wrong with GET in the same way is reported in step 2.
        given(answer.status == 200 or answer.status != page.status, f"GET and POST both get {answer}")
        assert answer.status == 200
        given(answer.body or page.body, "GET and POST both get an answer without a body")
        for field, (name, value) in form.items():
            assert name in answer.shown, f"this is the name of {field}"
            assert value in answer.shown, f"this is the value of {field}"
        given(
            answer.media_type == "text/html" or answer.media_type != page.media_type, f"GET and POST both get {answer}"
        )
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
    mark, first, last = draw.word(), (draw.word(), draw.word()), (draw.word(), draw.word())
    marked = {
        "beyond ASCII": (f"né {mark}", f"日本 {mark}"),
        "with characters that are encoded": (f"% & = + {mark}", f"50%25 + 1 = {mark}"),
        "with tags": (f"<b>{mark}", f"<i>{mark}"),
        "with quotes": (f"'{mark}' \"{mark}\"", f"\" {mark}=\"' {mark}='"),
        "with an entity": (f"&lt;{mark}", f"&amp;{mark}"),
    }
    answer = server.post(f"/{draw.word()}.zzz", urlencode([first, *marked.values(), last])).as_announced()
    given(answer.status == 200, f"the POST got {answer}")
    given(all(text in answer.shown for text in first + last), f"the page does not show ordinary fields: {answer}")
    source = answer.source.folded
    for markup in (f"<b>{mark}", f"<i>{mark}", *tags_with(mark, source)):
        assert markup not in source
    for what, (name, value) in marked.items():
        assert name in answer.shown, f"this is a name {what}"
        assert value in answer.shown, f"this is a value {what}"


@requirement(
    "5.3",
    needs=["3.1", "5.1"],
    hints=[
        "What could a server do with a form that is posted to a picture?",
        "405 means that the URL exists but does not allow this method.",
        "In do_POST, look at the path first. If it names a file in site/, refuse the request.",
    ],
)
def test_post_to_a_file_is_405(server: Server, material: Material, draw: Draw) -> None:
    """A POST to the URL of a file gets 405."""
    form, shown = urlencode([(draw.word(), draw.word())]), shows_forms(server, material)
    for file in (material.top, material.in_folder):
        given(server.serves(file.url), f"GET {file.url} does not get the file")
        answer = server.post(file.url, form)
        given(shown or answer.status == 405, NO_FORMS)
        assert answer.status == 405
        assert not answer.second, f"after this answer, the same request gets a second one: {answer.second}"


@requirement(
    "5.4",
    needs=["5.1"],
    hints=[
        "What does rfile.read(-1) wait for? And what does int('abc') do?",
        "self.headers['Content-Length'] is a string, or None if the request has no such field.",
        "Check the length before you read. If it is missing, negative or not a number, answer 400.",
    ],
)
def test_invalid_length_is_refused(server: Server, material: Material, draw: Draw) -> None:
    """A POST without a valid Content-Length is answered at once."""
    target, shown = f"/{draw.word()}.zzz", shows_forms(server, material)
    given_pages(server, material)
    for length in ("-1", f"-{draw.randrange(2, 100)}", draw.word()):
        answer = server.announce(target, {"Content-Type": FORM, "Content-Length": length})
        given(shown or answer.status in (400, 411), NO_FORMS)
        assert answer.status in (400, 411)
    answer = server.announce(target, {"Content-Type": FORM})
    assert answer.status in (400, 411, 200)


@requirement(
    "5.5",
    needs=["5.1"],
    hints=[
        "What happens if a client sends 10 GB to your guest book? Where would your program put them?",
        "The client announces the length in the header, before it sends the first byte of the body.",
        "Compare the length with the limit before you read anything. 413 means that the body is too large.",
    ],
)
def test_too_much_is_refused(server: Server, material: Material, draw: Draw) -> None:
    """A POST that announces more than 1 MiB gets 413 at once."""
    shown = shows_forms(server, material)
    given_pages(server, material)
    for length in (1024 * 1024 + 1, draw.randrange(10**7, 10**15)):
        fields = {"Content-Type": FORM, "Content-Length": str(length)}
        answer = server.announce(f"/{draw.word()}.zzz", fields)
        given(shown or answer.status == 413, NO_FORMS)
        assert answer.status == 413
