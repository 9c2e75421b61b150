"""The solution of books.py is clean under tools that know RFC 9110, 9111 and 9112, and does what its OpenAPI file says.

The tools are httplint, REDbot and Schemathesis.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BOOK = json.dumps({"title": "Emma", "author": "Jane Austen", "year": 1815})
AS_JSON = ["Content-Type: application/json", f"Content-Length: {len(BOOK)}"]
# Requests, and the complaints that belong to the answer: it is an error, and httplint says so.
REQUESTS = {
    "list": ("GET /books", [], "", []),
    "packed list": ("GET /books", ["Accept-Encoding: gzip"], "", []),
    "book": ("GET /books/24", [], "", []),
    "known list": ("GET /books", ["If-None-Match: *"], "", []),
    "unknown": ("GET /books/999", [], "", []),
    "new book": ("POST /books", AS_JSON, BOOK, []),
    "no book": ("POST /books", AS_JSON, BOOK.replace("1815", "null"), ["The server didn't understand the request."]),
    # httplint does not see the method: answers to PUT are not stored by caches (RFC 9110, section 9.3.4).
    "changed book": (
        "PUT /books/24",
        AS_JSON,
        BOOK,
        ["This response allows caches to assign their own freshness lifetimes to it."],
    ),
    "other version": ("DELETE /books/24", ['If-Match: "x"'], "", []),
    "deleted book": ("DELETE /books/24", [], "", []),
    "other method": ("DELETE /books", [], "", []),
    "old address": ("GET /book/7?x=1", [], "", []),
    "slash": ("POST /books/", AS_JSON, BOOK, []),
    "latest": ("GET /latest", [], "", []),
    "go": ("GET /go?to=/books/7", [], "", []),
    "go elsewhere": ("GET /go?to=//x", [], "", ["The server didn't understand the request."]),
}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Run the solution, and yield its port."""
    folder: Path = tmp_path_factory.mktemp("books") / "lab4"
    shutil.copytree(CHECKOUT / "solutions" / "lab4", folder)
    with serving(folder, "books.py") as number:
        yield number


@pytest.mark.parametrize("name", REQUESTS)
def test_answer_is_clean(name: str, port: int) -> None:
    """httplint has no warning and no error, except that an error in the request is one."""
    pytest.importorskip("httplint")
    line, fields, body, allowed = REQUESTS[name]
    head = "\r\n".join([f"{line} HTTP/1.1", f"Host: localhost:{port}", "Connection: close", *fields, "", ""])
    with socket.create_connection(("127.0.0.1", port), 10) as sock, sock.makefile("rb") as stream:
        sock.sendall((head + body).encode())
        answer = stream.read()
    done = subprocess.run(
        [sys.executable, "-c", "from httplint.cli import main; main()", "--now"],
        input=answer, capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    said = done.stdout.decode()
    assert "[GOOD]" in said
    assert re.findall(r"\[(?:WARN|BAD)\] (.*)", said) == allowed


@pytest.mark.everything
@pytest.mark.parametrize("target", ["/books", "/books/24", "/books/999", "/book/7", "/latest", "/go?to=/books/7"])
def test_redbot_has_no_complaint(target: str, port: int) -> None:
    """REDbot, which also sends conditional requests and asks for gzip, has no warning and no error."""
    pytest.importorskip("redbot")
    command = "from redbot.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", command, "--output-format", "har", f"http://127.0.0.1:{port}{target}"],
        capture_output=True, check=True, timeout=120,
    )  # fmt: skip
    (entry,) = json.loads(done.stdout)["log"]["entries"]
    notes = {note["note_id"]: note["level"] for note in entry["_red_messages"]}
    assert set(notes.values()) <= {"GOOD", "INFO"}, notes
    assert notes["CL_CORRECT"] == "GOOD"
    if target == "/books":
        assert {"INM_304", "IMS_304", "CONNEG_GZIP_GOOD"} <= set(notes)


@pytest.mark.everything
def test_service_is_as_its_openapi_file_says(port: int, tmp_path: Path) -> None:
    """Schemathesis finds no answer that the file does not allow, to right and to wrong requests, one or several."""
    pytest.importorskip("schemathesis")
    config, file = CHECKOUT / "checks/tests/lab4/schemathesis.toml", CHECKOUT / "solutions/lab4/openapi.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", str(file)),
            *("--url", f"http://127.0.0.1:{port}", "--max-examples", "20", "--seed", "1"),
        ],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
