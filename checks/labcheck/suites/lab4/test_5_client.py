"""Step 5: the client."""

from __future__ import annotations

import gzip
import time
from dataclasses import replace
from email.utils import formatdate
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from labcheck.suite import Draw, HttpClient, Page, Reply, given, requirement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labcheck.suite import Run

REDIRECTS = (301, 302, 303, 307, 308)
ERRORS = ((400,), (403, 404, 410, 418), (500, 501, 502, 503))  # the least, one of the client's, one of the server's
CONTROL = "Cache-Control"
STALE = {CONTROL: "max-age=0"}  # what the client has kept is not fresh, no matter what it takes for the default


def text(draw: Draw) -> bytes:
    """Return some random lines, not only in ASCII."""
    return f"{draw.word()} é\n{draw.word()}\n".encode()


def expect_message(run: Run, said: str = "") -> None:
    """Compare a run with one that has failed as it should: exit status 1, a message, no traceback."""
    assert run.traceback() == ""
    assert run.status == 1
    assert run.stderr != ""
    assert said in run.stderr


def fetched(client: HttpClient, page: Page) -> Run:
    """Run the client; a check does not go on without the body of the page."""
    run = client.run(page)
    given(run.status == 0 and run.output == page.reply.body, f"the first run of {page} did not print the body")
    return run


prints = requirement(
    "5.1",
    hints=[
        "What does print() do with bytes, and what comes after them?",
        "sys.stdout.buffer takes bytes; sys.exit() with a text prints it on standard error, and the status is 1.",
        "Compare the status code with 400 before you print anything.",
    ],
)


@prints
def test_prints_the_body(client: HttpClient, draw: Draw) -> None:
    """It prints the body of a 200 byte for byte; an error gets a message and exit status 1."""
    any_bytes = bytes(range(256)) + b"\r\n\r" + draw.randbytes(draw.randrange(2000, 4000))
    replies = [Reply(any_bytes), Reply(text(draw) * 50, chunked=True), Reply(b""), Reply(draw.randbytes(50_000) * 4)]
    targets = (f"/{draw.word()}/{draw.word()}%20{draw.word()}?{draw.word()}={draw.word()}", "", "", "")
    pages = [client.page(reply, target) for reply, target in zip(replies, targets, strict=True)]
    hosts = (client.hosts * 3)[: len(pages)]
    runs = client.run_all(*(page.at(host) for page, host in zip(pages, hosts, strict=True)))
    for run, page in zip(runs, pages, strict=True):
        assert run.traceback() == ""
        assert run.output == page.reply.body
        assert run.status == 0


@prints
def test_reports_an_error(client: HttpClient, draw: Draw) -> None:
    """For a status of 400 or more it prints only a message with the status, and exits with status 1."""
    codes = [draw.choice([code for code in some if str(code) not in str(client.port)] or some) for some in ERRORS]
    pages = [client.page(Reply(text(draw), code)) for code in codes]
    for run, code in zip(client.run_all(*pages), codes, strict=True):
        assert run.output == b""
        expect_message(run, str(code))


follows = requirement(
    "5.2",
    explained_by=["5.1"],
    hints=[
        "What does a browser do if it gets a 302 with Location: ../books?",
        "RFC 9110, section 10.2.2: Location may be relative to the URL that was asked; urllib.parse has urljoin().",
        "Write a loop: ask, and if the status is one of the five, ask again at the new URL.",
    ],
)


@follows
def test_follows_redirects(client: HttpClient, draw: Draw) -> None:
    """It follows 301, 302, 303, 307 and 308, with an absolute or a relative Location."""
    folder, name, query = draw.word(), draw.word(), f"?{draw.word()}={draw.word()}"
    last = [client.page(Reply(text(draw)), f"/{folder}/{name}{place}{query}") for place in range(len(REDIRECTS))]
    targets = [page.url.partition(f":{client.port}")[2] for page in last]
    ways = [  # a relative Location, and the path of the page that sends it
        (targets[0], f"/{draw.word()}/{draw.word()}"),
        (f"{name}1{query}", f"/{folder}/{draw.word()}"),
        (f"..{targets[2]}#{draw.word()}", f"/{draw.word()}/{draw.word()}"),
        (f"./{name}3{query}", f"/{folder}/{draw.word()}"),
        (f"//localhost:{client.port}{targets[4]}", f"/{draw.word()}/{draw.word()}"),
    ]
    first, codes = [], draw.sample(REDIRECTS, len(REDIRECTS))
    for (relative, at), code in zip(ways, codes, strict=True):
        second = client.page(Reply(text(draw), code, {"Location": relative}), at)
        first.append(client.page(Reply(text(draw), code, {"Location": second.at("localhost")})))
    for run, page, code, (relative, _) in zip(client.run_all(*first), last, codes, ways, strict=True):
        how = f"two redirects with status {code} lead there, the second with Location: {relative}"
        assert run.traceback() == "", how
        assert run.output == page.reply.body, how
        assert run.status == 0
        assert page.request.method == "GET", how


@follows
def test_goes_where_the_location_says(client: HttpClient, draw: Draw) -> None:
    """It follows an absolute Location to the host and port that it names."""
    first = client.page(Reply(text(draw), draw.choice(REDIRECTS)))
    with client.nowhere() as nowhere:
        first.reply = replace(first.reply, fields={"Location": nowhere})
        same_path = client.page(Reply(text(draw)), urlsplit(nowhere).path)
        client.run(first)
    assert same_path.requests.number == 0, f"{first} leads to another port: {nowhere}"


def chain(client: HttpClient, draw: Draw, length: int) -> list[Page]:
    """Return pages that lead from one to the next; `length` is the number of redirects up to the last.

    All but the first differ in their query only.
    """
    path = f"/{draw.word()}/{draw.word()}"
    pages = [client.page(Reply(text(draw)), f"{path}?{path[1:3]}={length}")]
    for place in reversed(range(length)):
        reply = Reply(text(draw), draw.choice((301, 302, 307, 308)), {"Location": pages[0].url})
        pages.insert(0, client.page(reply, f"{path}?{path[1:3]}={place}" if place else ""))
    return pages


@requirement(
    "5.3",
    explained_by=["5.1", "5.2"],
    hints=[
        "Two pages lead to each other. When does your program end?",
        "RFC 9110, section 15.4: a client should detect redirects without end, and step in.",
        "Keep the URLs that you have asked in a set, and count: give up at the eleventh redirect.",
    ],
)
def test_gives_up(client: HttpClient, draw: Draw) -> None:
    """It gives up after 10 redirects, or where one leads back to a URL that it has asked."""
    short, long = chain(client, draw, 8), chain(client, draw, 11)
    loop, itself = chain(client, draw, 3), chain(client, draw, 1)
    loop[-1].reply = Reply(b"", 302, {"Location": loop[draw.randrange(3)].url})
    itself[1].reply = Reply(b"", 301, {"Location": itself[1].url})
    runs = client.run_all(short[0], long[0], loop[0], itself[0])
    given(short[1].requests, "it does not follow a redirect")
    assert runs[0].output == short[-1].reply.body, "8 redirects lead there"
    assert runs[0].status == 0
    for run, pages in zip(runs[1:], (long, loop, itself), strict=True):
        expect_message(run)
        for page in pages:
            assert page.requests.number <= 1
    assert long[-1].requests.number == 0, "11 redirects lead there"


@requirement(
    "5.4",
    explained_by=["5.1", "5.2"],
    hints=[
        "A page leads to file:///etc/passwd. Who reads that file, and where?",
        "RFC 9110, section 4.2: http and https. urllib.parse.urlsplit() returns the scheme of a URL.",
        "Compare the scheme before each request, also before the first.",
    ],
)
def test_only_http(client: HttpClient, draw: Draw) -> None:
    """It asks and follows http and https only, and reads nothing of file:, ftp: or data:."""
    word = draw.word(16)
    (client.folder / f"{word}.txt").write_text(word)
    file = (client.folder / f"{word}.txt").as_uri()
    urls = [file, f"ftp://127.0.0.1:{client.port}/{draw.word()}", f"data:text/plain,{word}"]
    runs = client.run_all(*urls)
    assert client.requests.number == 0, "an ftp: URL names a server, but not one that speaks HTTP"
    there = client.page(Reply(word.encode()))
    urls[1] = there.url.replace("http:", "ftp:")
    pages = [client.page(Reply(text(draw), draw.choice(REDIRECTS), {"Location": url})) for url in urls]
    # The file is in the folder of the first.
    for run in (*runs, *client.run_all(*pages)):
        assert word.encode() not in run.output
        expect_message(run)
    for page in pages:
        assert page.requests.number == 1
    assert there.requests.number == 0, f"this is {urls[1]}"


@requirement(
    "5.5",
    explained_by=["5.1"],
    hints=[
        "How does the server know that your program can unpack?",
        "RFC 9110, sections 12.5.3 and 8.4.1.3; gzip.decompress() undoes it.",
        "Send Accept-Encoding: gzip, and look at Content-Encoding of the answer: only then unpack.",
    ],
)
def test_gzip(client: HttpClient, draw: Draw) -> None:
    """It asks for gzip and prints the unpacked body, or a body that comes unpacked as it is."""
    fields = {"ETag": f'"{draw.word()}"', **STALE}
    packed = [client.page(Reply(text(draw) * 100, fields=fields, gzip=True, chunked=each)) for each in (False, True)]
    archive = client.page(Reply(gzip.compress(text(draw)), fields={"Content-Type": "application/gzip"}))
    plain = client.page(Reply(text(draw)))
    pages = [*packed, archive, plain]
    runs = client.run_all(*pages)
    for run, page in [*zip(runs, pages, strict=True), (client.run(packed[0]), packed[0])]:
        assert page.requests.number >= 1
        assert "gzip" in page.request.codings
        assert run.output == page.reply.body
        assert run.status == 0


def stale(client: HttpClient, draw: Draw) -> Mapping[str, str]:
    """Return the field after which the client asks again: one that takes max-age=0 for fresh breaks 5.7 only."""
    for control in ("max-age=0", "no-cache", "public"):
        page = client.page(Reply(text(draw), fields={CONTROL: control}))
        for _ in range(2):
            client.run(page)
        if page.requests.number == 2:
            return {CONTROL: control}
    return STALE


def not_modified(page: Page, fields: Mapping[str, str]) -> Reply:
    """Make a page answer 304 from now on, and return what it answered before."""
    before, page.reply = page.reply, Reply(b"", 304, fields)
    return before


keeps = requirement(
    "5.6",
    needs=["5.5"],
    explained_by=["5.1"],
    hints=[
        "What does your program know about a page that it has fetched before?",
        "RFC 9110, sections 13.1.2 and 13.1.3: send the ETag back in If-None-Match, or the date in If-Modified-Since.",
        "Keep the body with both fields, in a file whose name is a hash of the URL. At a 304, print that body.",
    ],
)


@keeps
def test_asks_whether_it_has_changed(client: HttpClient, draw: Draw) -> None:
    """Run again, it sends the tag, or else the date, as it came, and prints the kept body at a 304."""
    again = stale(client, draw)
    date = formatdate(time.time() - draw.randrange(10**5, 10**8), usegmt=True)
    tags = [f'"{draw.word()}"', f'W/"{draw.word()}"', f'"{draw.word()}, {draw.word().upper()}"']
    fields = [*({"ETag": tag} for tag in tags), {"ETag": tags[0], "Last-Modified": date}, {"Last-Modified": date}]
    pages = [
        client.page(Reply(text(draw) * 50 + b"\xff\r\n", fields={**each, **again}, gzip=place == 1))
        for place, each in enumerate(fields)
    ]
    plain = client.page(Reply(text(draw), fields=again))
    for run, page in zip(client.run_all(*pages, plain), (*pages, plain), strict=True):
        given(run.status == 0 and run.output == page.reply.body, f"the first run of {page} did not print the body")
        assert page.request.field("If-None-Match") == "", "this is the first run"
    replies = [not_modified(page, page.reply.fields) for page in pages]
    runs = client.run_all(*pages, plain)
    for run, page, reply in zip(runs, pages, replies, strict=False):
        assert page.requests.number == 2
        if "ETag" in reply.fields:
            assert page.request.field("If-None-Match") == reply.fields["ETag"]
        else:
            assert page.request.field("If-Modified-Since") == date
        assert run.output == reply.body, "a 304 has no body: the kept one is printed"
        assert run.status == 0
    assert plain.request.field("If-None-Match") == "", "there was no ETag"
    assert runs[-1].output == plain.reply.body


@keeps
def test_new_body_takes_the_place(client: HttpClient, draw: Draw) -> None:
    """A 200 takes the place of the kept body, and its tag that of the old one."""
    again = stale(client, draw)
    page = client.page(Reply(text(draw), fields={"ETag": f'"{draw.word()}"', **again}))
    fetched(client, page)
    old, page.reply = page.reply, Reply(text(draw), fields={"ETag": f'"{draw.word()}"', **again})
    run = client.run(page)
    assert page.request.field("If-None-Match") == old.fields["ETag"]
    assert run.output == page.reply.body, "it has changed"
    new = not_modified(page, page.reply.fields)
    for _ in range(2):  # a 304 leaves it where it is
        run = client.run(page)
        assert page.request.field("If-None-Match") == new.fields["ETag"], "a 304 leaves the kept body where it is"
        assert run.output == new.body


@keeps
def test_keeps_it_in_its_folder(client: HttpClient, draw: Draw) -> None:
    """What it has got is kept in the folder `.fetch-cache` below the current one."""
    before = client.size(".fetch-cache")
    page = client.page(Reply(draw.randbytes(40_000), fields={"ETag": f'"{draw.word()}"', **STALE}))
    fetched(client, page)
    kept = client.growth(".fetch-cache", since=before)
    assert kept >= len(page.reply.body), "the body should be kept in the folder .fetch-cache"


@keeps
def test_urls_do_not_share(client: HttpClient, draw: Draw) -> None:
    """URLs that differ do not get each other's bodies."""
    a, b, long = draw.word(), draw.word(), draw.word(300)
    targets = [f"/{a}/{b}", f"/{a}_{b}", f"/{a}/{b}?{a}=1", f"/{a}/{b}?{a}=2", f"/{a}/{b.upper()}"]
    targets += [f"/{long}1", f"/{long}2", f"/{draw.word()}/{b}"]
    pages = [client.page(Reply(text(draw), fields={CONTROL: "max-age=1000"}), target) for target in targets]
    for page in pages:
        run = client.run(page)  # one after the other: they share a folder
        assert run.traceback() == ""
        assert run.output == page.reply.body
        assert run.status == 0
    pages[0].reply = Reply(text(draw))
    run = client.run(pages[0].at("localhost"))
    assert run.output == pages[0].reply.body, "until now the host has been 127.0.0.1, so it has to ask"


fresh = requirement(
    "5.7",
    needs=["5.2"],
    explained_by=["5.1", "5.6"],
    hints=[
        "The server has said max-age=1000. What can it tell you now that you do not know?",
        "RFC 9111, sections 4.2 and 5.2.2: max-age, no-cache, no-store.",
        "Keep the time of the request too. Before you ask, compare the time since then with max-age.",
    ],
)


@fresh
def test_fresh_or_not(client: HttpClient, draw: Draw) -> None:
    """While max-age says that the kept body is fresh, it sends no request; otherwise it asks again."""
    kept = ("max-age=1000", "public, max-age=1000, must-revalidate", "private, max-age=1000")
    asked = ("no-cache", "max-age=0", "max-age=1", "max-age=1000, no-cache", "public, s-maxage=1000")
    tag = {"ETag": f'"{draw.word()}"'}
    pages = [client.page(Reply(text(draw), fields={CONTROL: each, **tag})) for each in (*kept, *asked)]
    pages += [client.page(Reply(text(draw), fields=each)) for each in (tag, {})]
    for run, page in zip(client.run_all(*pages), pages, strict=True):
        given(run.status == 0 and run.output == page.reply.body, f"the first run of {page} did not print the body")
    replies = [page.reply for page in pages]
    for page in pages:
        if "ETag" in page.reply.fields:
            not_modified(page, page.reply.fields)
    over = time.time() + 2.2
    while time.time() < over:  # the second of max-age=1 has to be over, on a fast machine too
        time.sleep(0.01)
    for run, page, reply in zip(client.run_all(*pages), pages, replies, strict=True):
        control = reply.fields.get(CONTROL, "(nothing)")
        how = f"more than 2 s ago the answer had {CONTROL}: {control}"
        assert page.requests.number == (1 if control in kept else 2), how
        assert run.output == reply.body, how
        assert run.status == 0


@fresh
def test_no_store(client: HttpClient, draw: Draw) -> None:
    """With no-store it keeps nothing, and asks again without conditions."""
    before = client.size(".fetch-cache")
    body = draw.randbytes(40_000)
    page = client.page(Reply(body, fields={CONTROL: "no-store, max-age=1000", "ETag": f'"{draw.word()}"'}))
    for number in (1, 2):
        run = client.run(page)
        given(run.output == body, "it did not print the body")
        assert page.requests.number == number
        assert page.request.field("If-None-Match") == "", "nothing was to be kept"
        assert client.growth(".fetch-cache", since=before) < len(body)


@fresh
def test_only_200_is_kept(client: HttpClient, draw: Draw) -> None:
    """Only a 200 is kept, under the URL that answered it."""
    forever = {CONTROL: "max-age=1000"}
    last, other = (client.page(Reply(text(draw), fields=forever)) for _ in range(2))
    first = client.page(Reply(text(draw), 301, {"Location": last.url, **forever}))
    missing = client.page(Reply(text(draw), 404, forever))
    given(client.run(first).output == last.reply.body, f"{first} leads to {last}, whose body was not printed")
    client.run(missing)
    changed = client.page(Reply(text(draw), 203, forever))  # whether it prints this one is open
    for _ in range(2):
        client.run(changed)
    assert changed.requests.number == 2, "a 203 is not kept"
    first.reply = Reply(text(draw), 301, {"Location": other.url, **forever})
    missing.reply = Reply(text(draw))
    run = client.run(first)
    assert first.requests.number == 2, "a redirect is not kept"
    assert run.output == other.reply.body
    run = client.run(missing)
    assert missing.requests.number == 2, "a 404 is not kept"
    assert run.output == missing.reply.body
    run = client.run(last)
    assert last.requests.number == 1, "this answer is still fresh"
    assert run.output == last.reply.body


broken = requirement(
    "5.8",
    needs=["5.5", "5.6"],
    explained_by=["5.1"],
    hints=[
        "The server stops in the middle of a book. What should a script that called your program believe?",
        "RFC 9112, section 8: a message that ends too early is incomplete. RFC 9111, section 3.3: it is not kept.",
        "Read all of the body before you keep it; catch the errors of the socket, of HTTP and of gzip in one place.",
    ],
)


@broken
def test_no_server_or_no_http(client: HttpClient, draw: Draw) -> None:
    """A server that is not there, speaks no HTTP, or goes away gets a message and exit status 1."""
    raws = (b"", f"220 {draw.word()} ready\r\n".encode(), draw.randbytes(300) + b"\n")
    pages = [client.page(Reply(raw=raw)) for raw in raws]
    with client.nowhere() as nowhere:
        runs = client.run_all(nowhere, *pages)
    for run in runs:
        expect_message(run)


@broken
def test_body_that_breaks_off(client: HttpClient, draw: Draw) -> None:
    """A body that breaks off gets a message and exit status 1, and is not kept."""
    forever = {CONTROL: "max-age=1000", "ETag": f'"{draw.word()}"'}
    kinds = [(packed, chunked) for packed in (False, True) for chunked in (False, True)]
    pages = [
        client.page(Reply(draw.randbytes(5000), fields=forever, gzip=packed, chunked=chunked, cut=cut))
        for packed, chunked in kinds
        for cut in ((2500,) if packed or not chunked else (2500, 3000))
    ]
    for run in client.run_all(*pages):
        expect_message(run)
    for page in pages:
        page.reply = Reply(text(draw), fields=forever)
    for run, page in zip(client.run_all(*pages), pages, strict=True):
        assert page.requests.number == 2, "the first answer broke off, so it is not kept"
        assert page.request.field("If-None-Match") == "", "the first answer broke off, so it is not kept"
        assert run.output == page.reply.body
        assert run.status == 0


@broken
def test_body_that_breaks_off_later(client: HttpClient, draw: Draw) -> None:
    """A body that breaks off does not take the place of the kept one, which is not printed instead."""
    again = stale(client, draw)
    page = client.page(Reply(text(draw), fields={"ETag": f'"{draw.word()}"', **again}))
    fetched(client, page)
    kept, part = page.reply, text(draw) * 200
    cut = Reply(part * 2, fields={"ETag": f'"{draw.word()}"', **again}, cut=len(part))
    for number, page.reply in enumerate((Reply(raw=b""), cut), start=2):
        run = client.run(page)
        given(page.requests.number >= number, "it does not ask again")
        assert run.status == 1, "the server went away, so the kept body is no answer"
        expect_message(run)
    page.reply = Reply(b"", 304, kept.fields)
    assert part not in client.run(page).output, "this body broke off"


@broken
def test_packed_body_that_breaks_off(client: HttpClient, draw: Draw) -> None:
    """A packed body that breaks off leaves no traceback, also where nothing has announced its length."""
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Encoding: gzip\r\n\r\n"
    # Some libraries do not see that the end is missing, so whether there is a message is open.
    run = client.run(client.page(Reply(raw=head + gzip.compress(draw.randbytes(5000))[:2500])))
    assert run.traceback() == ""
