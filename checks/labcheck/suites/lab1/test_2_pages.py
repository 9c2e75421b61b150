"""Step 2: pages made on the fly."""

from urllib.parse import unquote

from labcheck.suite import Answer, Draw, Server, given, numbers, requirement
from labcheck.suites.lab1.markup import tags_with

DAYS, YEARS = range(1, 367), range(1950, 2101)


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
    folders = f"/{draw.word()}/{draw.word()}/{draw.word()}.html.zzz"
    other = f"/{draw.word()}%20%C3%A9%E6%97%A5/%26%22%27%3C{draw.word()}%3E.zzz"  # decoded: é日 and &"'<...>
    for path in (f"/{draw.word()}.zzz", folders, other):
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
    word = draw.word
    for path in (
        f"{word()}/{word().title()}/{word()}{word(2).upper()}.zzz",
        f"{word()}/{word()}%20%C3%A9+{word()}%E6%97%A5%E6%9C%AC.zzz",
        f"{word()}%20%26%20%22{word()}%22%20%27{word()}%27%3C{word()}%3E.zzz",
    ):
        shown = page(server, f"/{path}").shown
        assert unquote(path) in shown or path in shown


@requirement(
    "2.3",
    needs=["2.1", "2.2"],
    hints=[
        "Which function of the time module gives the day of the year?",
        "The result of time.localtime() has the fields tm_yday and tm_year.",
        "Separate both numbers from other letters and digits, with a space or a tag on each side.",
    ],
)
def test_page_names_the_date(server: Server, draw: Draw) -> None:
    """The page shows the day of the year and the year."""
    before, word = server.today(), draw.word()
    answer = page(server, f"/{word}.zzz")
    found = numbers(answer)
    given(found & before or word in answer.shown, f"the page shows neither the path nor a number of the date: {answer}")
    assert found >= before or found >= server.today(), server.clock
    for what, possible in (("day", DAYS), ("year", YEARS)):
        shown = len(found.intersection(possible))
        given(shown < len(possible) / 2, f"the page shows {shown} numbers that could be the {what}, so it names none")


@requirement(
    "2.4",
    needs=["2.1", "2.2"],
    hints=[
        "What does the browser show if you ask for /<b>bold</b>.zzz?",
        "In HTML, the character < is written as &lt;. The module html has a function for this.",
        "First decode the path. Escape it last, when you put it into the page.",
    ],
)
def test_path_is_shown_as_text(server: Server, draw: Draw) -> None:
    """Everything in the path is shown as text, never as markup."""
    mark, twice, tag = draw.word(), draw.word(), draw.choice(("i", "EM", "Script"))
    plain = page(server, f"/%3Cb%3E{mark}.zzz")
    given(mark in plain.shown, f"the page does not show {mark}, which is in the path: {plain}")
    assert f"<b>{mark}" not in plain.source.folded
    quotes = f"%22%20{mark}=%22'%20{mark}='"  # these end the value of an attribute, if the path is in one
    for sent in (f"%3C{tag}%3E{mark}{quotes}", f"%26lt%3Bb%26gt%3B{mark}%253Cb%253E{twice}"):
        source = page(server, f"/{sent}.zzz").source.folded
        for markup in (f"<{tag}>{mark}".lower(), f"&lt;b&gt;{mark}", f"<b>{twice}", *tags_with(mark, source)):
            assert markup not in source
    assert f"<b>{mark}" not in server.get(f"/<b>{mark}</b>.zzz").source.folded


@requirement(
    "2.5",
    needs=["2.1", "2.2"],
    hints=[
        "What are the last characters of self.path if the URL is /a/b.zzz?x=1?",
        "The path ends at the first question mark. str.partition() splits a string there.",
        "Cut off the query before you look at the ending of the path.",
    ],
)
def test_query_changes_nothing(server: Server, draw: Draw) -> None:
    """A query after the path changes nothing."""
    folder, name, before = draw.word(), f"{draw.word()}.zzz", server.today()
    path = f"/{folder}/{draw.word()}%20{name}"
    plain = page(server, path)
    given(plain.body, "the page is empty")
    for query in (f"{draw.word()}={draw.randrange(1000)}&{draw.word()}=", f"{draw.word()}?{draw.word()}/"):
        answer = server.get(f"{path}?{query}")
        assert answer.status == 200
        assert answer.media_type == plain.media_type
        for part in (folder, name):
            assert part in answer.shown or part not in plain.shown
        if numbers(plain) >= before:
            assert numbers(answer) >= before or numbers(answer) >= server.today(), "the page shows the date"
    assert server.get(path.replace("%20", "%3F")).status == 200, "%3F is a question mark in the path, not a query"
