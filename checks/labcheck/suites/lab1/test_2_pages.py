"""Step 2: pages made on the fly."""

from urllib.parse import unquote

from labcheck.suite import Answer, Draw, Server, given, numbers, requirement


def page(server: Server, target: str) -> Answer:
    """Return the page for a target; a check that needs the page does not run without it."""
    answer = server.get(target)
    given(answer.status == 200, f"GET {target} got {answer}")
    return answer


@requirement(
    "2.1",
    hints=[
        "Which status code and which Content-Type does your server send for /hello.zzz?",
        "Look at the ending of the path (str.endswith()). It does not matter whether such a file exists.",
        "Send the page with status 200 and the Content-Type of HTML.",
    ],
)
def test_any_zzz_path_is_a_page(server: Server, draw: Draw) -> None:
    """A GET of any path that ends in .zzz gets status 200 and an HTML page."""
    for path in (f"/{draw.word()}.zzz", f"/{draw.word()}/{draw.word()}/{draw.word()}.html.zzz"):
        answer = server.get(path)
        assert answer.status == 200
        assert answer.media_type == "text/html"


@requirement(
    "2.2",
    needs=["2.1"],
    hints=[
        "What does your page show if the path has folders in it, such as /a/b/c.zzz?",
        "The handler has the whole target of the request in self.path.",
        "Put the whole path into the page. You may decode it with unquote() or leave it as it was sent.",
    ],
)
def test_page_names_the_path(server: Server, draw: Draw) -> None:
    """The page shows the requested path, with its folders."""
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
        "Which function of the time module gives the day of the year?",
        "The result of time.localtime() has the fields tm_yday and tm_year.",
        "Separate both numbers from other letters and digits, with a space or a tag on each side.",
    ],
)
def test_page_names_the_date(server: Server, draw: Draw) -> None:
    """The page shows the day of the year and the year."""
    before = server.today()
    found = numbers(page(server, f"/{draw.word()}.zzz"))
    assert found >= before or found >= server.today(), server.clock


@requirement(
    "2.4",
    needs=["2.1"],
    hints=[
        "What does the browser show if you ask for /<b>bold</b>.zzz?",
        "In HTML, the character < is written as &lt;. The module html has a function for this.",
        "First decode the path. Escape it last, when you put it into the page.",
    ],
)
def test_path_is_shown_as_text(server: Server, draw: Draw) -> None:
    """Everything in the path is shown as text, never as markup."""
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
        "What are the last characters of self.path if the URL is /a/b.zzz?x=1?",
        "The path ends at the first question mark. str.partition() splits a string there.",
        "Cut off the query before you look at the ending of the path.",
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
