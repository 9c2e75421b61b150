"""Who may come in to the live page: each way in that is not the right one is refused."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request

from labcheck.student.page.entrance import ENTER, LIVE, TOP, Entrance

if TYPE_CHECKING:
    from websockets.http11 import Response

PORT = 8700
HOST = f"127.0.0.1:{PORT}"
ORIGIN = f"http://{HOST}"
OK, FORBIDDEN = 200, 403


@pytest.fixture
def door() -> Entrance:
    """An entrance to a page."""
    return Entrance(PORT, {TOP: ("text/html", b"the page")})


def request(path: str, *more: tuple[str, str], host: str = HOST, method: str = "GET") -> Request:
    """Make a request with more header fields."""
    headers = Headers()
    for name, value in (("Host", host), *more):
        headers[name] = value
    return Request(path, headers, method)


def answer(door: Entrance, path: str, *more: tuple[str, str], host: str = HOST, method: str = "GET") -> Response:
    """Return the answer to a request that does not open a WebSocket."""
    found = door.answer(request(path, *more, host=host, method=method))
    assert found is not None
    return found


def path_of(address: str) -> str:
    """Return the path and the query of an address."""
    assert address.startswith(ORIGIN)
    return address.removeprefix(ORIGIN)


def cookie_of(door: Entrance) -> str:
    """Go in, and return the cookie."""
    return answer(door, path_of(door.address)).headers["Set-Cookie"].split(";")[0]


def test_token_is_exchanged_for_a_cookie(door: Entrance) -> None:
    """The answer to the token is a cookie for the paths of the page alone, and leads to an address without it."""
    found = answer(door, path_of(door.address))
    assert found.status_code == OK
    parts = found.headers["Set-Cookie"].split("; ")
    assert set(parts[1:]) == {f"Path={TOP}", "HttpOnly", "SameSite=Strict"}
    token = door.address.split("token=")[1]
    assert token not in found.body.decode()
    assert token not in parts[0]
    assert f"url={TOP}" in found.body.decode()
    page = answer(door, TOP, ("Cookie", parts[0]))
    assert (page.status_code, page.body) == (OK, b"the page")


def test_without_the_cookie_there_is_nothing(door: Entrance) -> None:
    """Without the cookie, with a wrong one, or with that of another port, there is no page and no WebSocket."""
    name, _, secret = cookie_of(door).partition("=")
    wrong = [
        [],
        [("Cookie", f"{name}=x")],
        [("Cookie", f"{name}=")],
        [("Cookie", f"labcheck-1={secret}")],
        [("Cookie", "")],
    ]
    for fields in wrong:
        for path in (TOP, LIVE, "/", "/labcheck/none"):
            found = answer(door, path, ("Origin", ORIGIN), *fields)
            assert found.status_code == FORBIDDEN
            assert "token" in found.body.decode()


def test_cookies_of_other_servers_do_no_harm(door: Entrance) -> None:
    """A browser sends the cookies of all servers of this host, well formed or not, before ours or after it."""
    mine = cookie_of(door)
    for field in (f"_xsrf=2|a; {mine}", f"{mine}; a b=c\x80", f'bad[]="; {mine}'):
        assert answer(door, TOP, ("Cookie", field)).status_code == OK
    assert answer(door, TOP, ("Cookie", "other=1"), ("Cookie", mine)).status_code == OK


@pytest.mark.parametrize("token", ["", "x", "token", "é", "%00", "%FF"])
def test_wrong_token(door: Entrance, token: str) -> None:
    """Without the token, or with a wrong one, there is no cookie; an entrance without a browser has no second token."""
    for path in (f"{ENTER}?token={token}", ENTER, f"{ENTER}?", f"{ENTER}?other={door.address.split('=')[1]}"):
        found = answer(door, path)
        assert found.status_code == FORBIDDEN
        assert "Set-Cookie" not in found.headers


def test_address_for_the_browser_works_once(door: Entrance, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody on the machine can read a browser's command line: its token works once, and for a minute."""
    once = path_of(door.address_for_once())
    assert once != path_of(door.address)
    assert answer(door, once).status_code == OK
    assert answer(door, once).status_code == FORBIDDEN
    late = path_of(door.address_for_once())
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 61)
    assert answer(door, late).status_code == FORBIDDEN
    assert answer(door, path_of(door.address)).status_code == OK


@pytest.mark.parametrize(
    "host",
    [
        f"localhost:{PORT}",
        f"evil.example:{PORT}",
        "127.0.0.1",
        "127.0.0.1:8701",
        f"[::1]:{PORT}",
        "",
        f"127.0.0.1:{PORT}.evil",
    ],
)
def test_another_name_for_this_host(door: Entrance, host: str) -> None:
    """A name that somebody has made to lead here (DNS rebinding) gets nothing, even with the token or the cookie."""
    cookie = ("Cookie", cookie_of(door))
    for path in (path_of(door.address), TOP, LIVE):
        found = answer(door, path, cookie, ("Origin", ORIGIN), host=host)
        assert found.status_code == FORBIDDEN
        assert "Set-Cookie" not in found.headers
        assert ORIGIN in found.body.decode()


def test_two_hosts_or_none(door: Entrance) -> None:
    """A request with two Host fields, or with none, is refused."""
    cookie = cookie_of(door)
    assert answer(door, TOP, ("Host", "evil.example"), ("Cookie", cookie)).status_code == FORBIDDEN
    without = door.answer(Request(TOP, Headers({"Cookie": cookie})))
    assert without is not None
    assert without.status_code == FORBIDDEN


def test_websocket_of_the_page_itself(door: Entrance) -> None:
    """Only a page of this very origin opens the WebSocket; the cookie alone is not enough."""
    cookie = ("Cookie", cookie_of(door))
    assert door.answer(request(LIVE, cookie, ("Origin", ORIGIN))) is None
    others = [
        "null",
        f"http://localhost:{PORT}",
        "http://127.0.0.1:8001",
        f"https://{HOST}",
        f"{ORIGIN}/",
        "http://evil.example",
    ]
    for fields in ([], *([("Origin", each)] for each in others), [("Origin", ORIGIN), ("Origin", "null")]):
        assert answer(door, LIVE, cookie, *fields).status_code == FORBIDDEN


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "OPTIONS"])
def test_only_get(door: Entrance, method: str) -> None:
    """There is nothing to do here with another method than GET, and the answer says so (RFC 9110, section 15.5.6)."""
    found = answer(door, TOP, ("Cookie", cookie_of(door)), method=method)
    assert (found.status_code, found.headers["Allow"]) == (405, "GET")


def test_every_answer_carries_the_policy(door: Entrance) -> None:
    """No answer may be framed, cached, sniffed, or tell another site where the user was."""
    cookie = ("Cookie", cookie_of(door))
    answers = [
        answer(door, path_of(door.address)),
        answer(door, TOP, cookie),
        answer(door, TOP),
        answer(door, "/none", cookie),
        answer(door, TOP, host="evil.example"),
    ]
    assert [each.status_code for each in answers] == [OK, OK, FORBIDDEN, 404, FORBIDDEN]
    for each in answers:
        policy = each.headers["Content-Security-Policy"].split("; ")
        assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(policy)
        assert not any("unsafe" in part or "*" in part for part in policy if not part.startswith("frame-src"))
        assert each.headers["Referrer-Policy"] == "no-referrer"
        assert each.headers["X-Content-Type-Options"] == "nosniff"
        assert each.headers["Cache-Control"] == "no-store"
        assert each.headers["X-Frame-Options"] == "DENY"
        assert each.headers["Content-Length"] == str(len(each.body))


def test_no_two_entrances_are_alike() -> None:
    """Each run has its own token and its own secret, long enough that nobody guesses them."""
    doors = [Entrance(PORT, {}) for _ in range(3)]
    assert len({each.address for each in doors}) == len({cookie_of(each) for each in doors}) == 3
    assert all(len(each.address.split("token=")[1]) >= 43 for each in doors)  # 32 bytes
