"""A small lab for tests of what authors read: `mini`, with two steps, four requirements and twelve wrong variants."""

from __future__ import annotations

LAB = """\
title = "Mini"
minutes = 10
port = 8009

[programs.greeter]
file = "greeter.py"

[[steps]]
title = "Hello"
requirements = ["1.1", "1.2"]

[[steps]]
title = "Names"
requirements = ["2.1", "2.2"]
"""

SHEET = """\
# Mini

## Step 1: hello

| | requirement |
|---|---|
| 1.1 | It accepts connections on the port that is its argument. |
| 1.2 | The front page shows Hello. |

## Step 2: names

| | requirement |
|---|---|
| 2.1 | GET of /greet/NAME answers 200 with a page that shows Hello, NAME. |
| 2.2 | Any other path answers 404. |
"""

SOLUTION = '''\
"""A server that greets."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Greeter(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/":
            self.send_text(200, "Hello!")
        elif self.path.startswith("/greet/"):
            self.send_text(200, "Hello, " + self.path.removeprefix("/greet/") + "!")
        else:
            self.send_text(404, "There is no such page.")

    def send_text(self, status, text):
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Greeter).serve_forever()
'''

STARTER = '''\
"""A server that will greet."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Greeter(BaseHTTPRequestHandler):
    def do_GET(self):
        # TODO 1.2: the front page shows Hello.
        # TODO 2.1: /greet/NAME greets NAME.
        # TODO 2.2: any other path answers 404.
        self.send_text(200, "?")

    def send_text(self, status, text):
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Greeter).serve_forever()
'''

HELLO = '''\
"""Step 1: hello."""

from labcheck.suite import Draw, Server, given, requirement


@requirement("1.1", hints=["Which port is it?", "It is the first argument."])
def test_listens(server: Server) -> None:
    """It accepts connections on the port that is its argument."""
    assert server.host == "127.0.0.1"


@requirement("1.2", hints=["What is the front page?", "Its path is /."])
def test_front_page(server: Server) -> None:
    """The front page shows Hello."""
    assert "Hello" in server.get("/").shown
'''

NAMES = '''\
"""Step 2: names."""

from labcheck.suite import Draw, Server, given, requirement


@requirement("2.1", needs=["1.2"], hints=["Where is the name?", "It is the end of the path."])
def test_name(server: Server, draw: Draw) -> None:
    """GET of /greet/NAME answers 200 with a page that shows Hello, NAME."""
    name = draw.word()
    answer = server.get(f"/greet/{name}")
    assert answer.status == 200
    assert f"Hello, {name}" in answer.shown


@requirement("2.2", hints=["What is the status code for a page that is missing?", "It is 404."])
def test_nowhere(server: Server, draw: Draw) -> None:
    """Any other path answers 404."""
    answer = server.get(f"/{draw.word()}")
    assert answer.status == 404
'''

NULLS = """\
[null_programs]
silent = ["1.1"]
hangs_up = ["1.1"]
ok_to_all = ["1.1", "1.2"]
"""

WRONG = """\
[[wrong]]
fails = "1.1"
also = ["1.2", "2.1", "2.2"]
why = "uses its usual port"
edits = [["int(sys.argv[1])", "8009"]]

[[wrong]]
fails = "1.1"
also = ["1.2", "2.1", "2.2"]
why = "passes the port as a text"
edits = [["int(sys.argv[1])", "sys.argv[1]"]]

[[wrong]]
fails = "1.1"
also = ["1.2", "2.1", "2.2"]
why = "compares the name with main"
edits = [['"__main__"', '"main"']]

[[wrong]]
fails = "1.2"
why = "other words"
edits = [['"Hello!"', '"Hallo!"']]

[[wrong]]
fails = "1.2"
why = "404 for the front page"
edits = [['self.path == "/"', 'self.path == "/index"']]

[[wrong]]
fails = "1.2"
why = "empty"
edits = [['"Hello!"', '""']]

[[wrong]]
fails = "2.1"
why = "other words"
edits = [['"Hello, "', '"Hallo, "']]

[[wrong]]
fails = "2.1"
why = "another path"
edits = [['startswith("/greet/")', 'startswith("/great/")']]

[[wrong]]
fails = "2.1"
why = "201"
edits = [['self.send_text(200, "Hello, "', 'self.send_text(201, "Hello, "']]

[[wrong]]
fails = "2.2"
why = "200"
edits = [["404", "200"]]

[[wrong]]
fails = "2.2"
why = "500"
edits = [["404", "500"]]

[[wrong]]
fails = "2.2"
why = "410"
edits = [["404", "410"]]
"""

TOML = "labs/mini/lab.toml"
README = "labs/mini/README.md"
START = "labs/mini/greeter.py"
DONE = "solutions/mini/greeter.py"
SUITE = "suites/mini"
FILES = {
    TOML: LAB,
    README: SHEET,
    START: STARTER,
    DONE: SOLUTION,
    f"{SUITE}/test_1_hello.py": HELLO,
    f"{SUITE}/test_2_names.py": NAMES,
    f"{SUITE}/wrong.toml": f"{WRONG}\n{NULLS}",
}
