"""Who may come in: the browser that was opened with the token, and nobody else.

Other users of the machine can connect to a loopback address too, and so can any page that the user visits, through the
user's own browser. Against them:

- The address holds a token. The answer to it is a cookie and an empty page that leads to the real one, so the token is
  in no address that a page can see, and a browser that came from elsewhere sends the cookie too (SameSite=Strict keeps
  it back in a redirect).
- Host names this address: a name that somebody has made to lead here (DNS rebinding) is refused.
- A WebSocket is opened by a page of this very origin (RFC 6455, section 10.2): cookies are the same for all ports of a
  host, but a page of another port, such as one of the user's own server, has another origin.
- Content-Security-Policy: the page runs its own script only, loads nothing from elsewhere, and is shown in no frame.
"""

from __future__ import annotations

import secrets
import time
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from websockets.datastructures import Headers
from websockets.http11 import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from websockets.http11 import Request

HOST = "127.0.0.1"
TOP = "/labcheck/"  # the cookie is for paths below it: servers on other ports of this host rarely have such paths
ENTER = f"{TOP}enter"
LIVE = f"{TOP}live"  # the WebSocket
BROWSER_COMES_WITHIN = 60.0  # seconds: for so long, the address that a browser was started with lets somebody in
HTML, TEXT = "text/html; charset=utf-8", "text/plain; charset=utf-8"
ENTRY = f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>labcheck</title><meta http-equiv="refresh" content="0; url={TOP}">
"""

File = tuple[str, bytes]  # its media type, and its content


class Entrance:
    """Decides about each request to a port of 127.0.0.1; `files` are what there is, by path."""

    def __init__(self, port: int, files: Mapping[str, File]) -> None:
        self.origin = f"http://{HOST}:{port}"
        self._host = f"{HOST}:{port}"
        self._files = files
        self._token = secrets.token_urlsafe()
        self._secret = secrets.token_urlsafe()
        self._cookie = f"labcheck-{port}"  # another port is another labcheck, and cookies are the same for all ports
        self._once = ""  # a token that works once
        self._once_until = 0.0

    @property
    def address(self) -> str:
        """The address to type into a browser. It works as long as labcheck runs."""
        return f"{self.origin}{ENTER}?token={self._token}"

    def address_for_once(self) -> str:
        """Return an address that works once, and soon: all users of the machine can see a browser's command line."""
        self._once = secrets.token_urlsafe()
        self._once_until = time.monotonic() + BROWSER_COMES_WITHIN
        return f"{self.origin}{ENTER}?token={self._once}"

    def answer(self, request: Request) -> Response | None:
        """Return the answer to a request; None if it may open the WebSocket."""
        if request.headers.get_all("Host") != [self._host]:
            return self._refusal(f"This page is at {self.origin} only.")
        if request.method != "GET":
            return self._response(HTTPStatus.METHOD_NOT_ALLOWED, TEXT, b"Only GET is answered.\n", Allow="GET")
        path, _, query = request.path.partition("?")
        if path == ENTER:
            return self._enter(parse_qs(query).get("token", [""])[0])
        if not self._knows_cookie(request):
            return self._refusal("Open the address that labcheck has printed in the terminal: its token lets you in.")
        if path == LIVE:
            if request.headers.get_all("Origin") != [self.origin]:
                return self._refusal(f"Only a page of {self.origin} may connect.")
            return None
        if path not in self._files:
            return self._response(HTTPStatus.NOT_FOUND, TEXT, b"There is no such page.\n")
        return self._response(HTTPStatus.OK, *self._files[path])

    def _enter(self, token: str) -> Response:
        is_browser = self._is_same(token, self._once) and time.monotonic() < self._once_until
        if not is_browser and not self._is_same(token, self._token):
            return self._refusal("This address has been used, or is not complete: use the one in the terminal.")
        if is_browser:
            self._once = ""
        cookie = f"{self._cookie}={self._secret}; Path={TOP}; HttpOnly; SameSite=Strict"
        return self._response(HTTPStatus.OK, HTML, ENTRY.encode(), **{"Set-Cookie": cookie})

    def _knows_cookie(self, request: Request) -> bool:
        # All servers of this host share its cookies, and theirs may be malformed: one bad pair spoils no other.
        pairs = [pair.strip() for field in request.headers.get_all("Cookie") for pair in field.split(";")]
        return any(self._is_same(pair, f"{self._cookie}={self._secret}") for pair in pairs)

    @staticmethod
    def _is_same(given: str, known: str) -> bool:
        """Return whether it is what is known, in a time that does not tell how much of it is right."""
        return bool(known) and secrets.compare_digest(given.encode("utf-8", "surrogateescape"), known.encode())

    def _refusal(self, why: str) -> Response:
        return self._response(HTTPStatus.FORBIDDEN, TEXT, f"{why}\n".encode())

    def _response(self, status: HTTPStatus, kind: str, body: bytes, **fields: str) -> Response:
        headers = Headers(
            {
                "Content-Type": kind,
                "Content-Length": str(len(body)),
                "Cache-Control": "no-store",
                "Connection": "close",
                "Content-Security-Policy": self._policy,
                "Cross-Origin-Opener-Policy": "same-origin",
                "Cross-Origin-Resource-Policy": "same-origin",
                "Referrer-Policy": "no-referrer",
                "X-Content-Type-Options": "nosniff",
                "X-Frame-Options": "DENY",
                **fields,
            }
        )
        return Response(status, status.phrase, headers, body)

    @property
    def _policy(self) -> str:
        """The content security policy. The user's server is shown under another name of the machine, `localhost`."""
        return (
            f"default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
            f"connect-src ws://{self._host}{LIVE}; frame-src http://localhost:*; "
            f"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
