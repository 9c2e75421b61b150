"""Step 2: pages made on the fly."""

from urllib.parse import unquote

from labcheck.suite import Answer, Draw, Server, given, numbers, requirement


def page(server: Server, target: str) -> Answer:
    """Return the page for a target; without one there is nothing to judge."""
    answer = server.get(target)
    given(answer.status == 200, f"there is no page for {target}: {answer}")
    return answer


@requirement(
    "2.1",
    hints=[
        "Which status and which Content-Type does your server send for /hello.zzz?",
        "The ending of the path decides, not whether there is a file; look at str.endswith().",
        "A page is sent with status 200 and the Content-Type of HTML.",
    ],
)
def test_any_zzz_path_is_a_page(server: Server, draw: Draw) -> None:
    """A GET of any path that ends in .zzz answers 200 with an HTML page."""
    for path in (f"/{draw.word()}.zzz", f"/{draw.word()}/{draw.word()}/{draw.word()}.html.zzz"):
        answer = server.get(path)
        assert answer.status == 200
        assert answer.media_type == "text/html"


@requirement(
    "2.2",
    needs=["2.1"],
    hints=[
        "What does your page say when the path has folders in it, as /a/b/c.zzz?",
        "The handler knows the whole path of the request: self.path.",
        "Put the whole path into the text; it may be decoded with unquote(), or stay as it was sent.",
    ],
)
def test_page_names_the_path(server: Server, draw: Draw) -> None:
    """The page names the path that was asked for, with its folders."""
    for path in (
        f"{draw.word()}.zzz",
        f"{draw.word()}/{draw.word()}/{draw.word()}.zzz",
        f"{draw.word()}/{draw.word()}%20%C3%A9+{draw.word()}.zzz",
    ):
        shown = page(server, f"/{path}").shown
        assert unquote(path) in shown or path in shown


@requirement(
    "2.3",
    needs=["2.1"],
    hints=[
        "Which function of the module time tells the day of the year?",
        "time.localtime() has the fields tm_yday and tm_year.",
        "Both numbers stand apart from other letters and digits: a space or a tag on either side.",
    ],
)
def test_page_names_the_date(server: Server, draw: Draw) -> None:
    """The page names the day of the year and the year."""
    before = server.today()
    found = numbers(page(server, f"/{draw.word()}.zzz"))
    assert found >= before or found >= server.today(), server.clock


@requirement(
    "2.4",
    needs=["2.1"],
    hints=[
        "What does the browser make of /<b>bold</b>.zzz on your page?",
        "A < in a text is written &lt; in HTML. The module html has a function for it.",
        "Decode the path first, and escape it last, when it goes into the page.",
    ],
)
def test_path_is_shown_as_text(server: Server, draw: Draw) -> None:
    """Whatever the path holds is shown as text, never as markup."""
    mark, tag = draw.word(), draw.choice(("i", "em", "script"))
    for sent in (f"%3Cb%3E{mark}%3C/b%3E", f"%3C{tag}%3E{mark}", f"%253Cb%253E{mark}"):
        source = page(server, f"/{sent}.zzz").source.folded
        assert f"<b>{mark}" not in source
        assert f"<{tag}>{mark}" not in source
    assert f"<b>{mark}" not in server.get(f"/<b>{mark}</b>.zzz").source.folded


@requirement(
    "2.5",
    needs=["2.1"],
    hints=[
        "With which characters does self.path end when the URL is /a/b.zzz?x=1?",
        "The path ends at the first question mark; str.partition() cuts there.",
        "Cut the query off before you look at the ending.",
    ],
)
def test_query_changes_nothing(server: Server, draw: Draw) -> None:
    """A query after the path changes nothing."""
    folder, name = draw.word(), f"{draw.word()}.zzz"
    plain = page(server, f"/{folder}/{name}").shown
    for query in (f"{draw.word()}={draw.randrange(1000)}", f"{draw.word()}?{draw.word()}/"):
        answer = server.get(f"/{folder}/{name}?{query}")
        assert answer.status == 200
        for part in (folder, name):
            assert part in answer.shown or part not in plain
