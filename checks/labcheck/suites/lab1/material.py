"""The files that the grader adds to a submission before its programs start.

This module is imported before pytest is, so that the programs start early: it needs nothing slow.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from pathlib import Path

    from labcheck.suite import Draw

TYPES = {
    ".html": ("text/html",),
    ".css": ("text/css",),
    ".js": ("text/javascript", "application/javascript"),
    ".png": ("image/png",),
    ".jpg": ("image/jpeg",),
    ".svg": ("image/svg+xml",),
    ".json": ("application/json",),
}
UNKNOWN = ("application/octet-stream",)


@dataclass(frozen=True)
class File:
    """A file that the server serves: the path of its URL, encoded, and its bytes."""

    url: str
    data: bytes


@dataclass(frozen=True)
class Material:
    """The files that a submission's folder has besides its own.

    `typed` are files with the media types that fit them. `huge_text` is the URL of a file that is
    larger than what the kernel buffers for a client that does not read. `secrets` are targets that
    lead out of site/, and `marker` is the content of each file that they lead to.
    """

    plain: list[File]
    typed: list[tuple[File, tuple[str, ...]]]
    binary: File
    large: File
    long_text: File
    huge_text: str
    accents: File
    encoded: list[File]
    indexes: list[File]
    clients: list[File]
    empty_folder: str
    secrets: list[str]
    marker: str


def prepare(work: Path, draw: Draw) -> Material:
    """Put random files under site/, and secrets beside it."""
    site = work / "site"

    def text() -> bytes:
        return "".join(f"{draw.word()} {draw.word()}\n" for _ in range(8)).encode()

    def add(path: str, data: bytes, times: int = 1) -> File:
        file = site / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as target:
            for _ in range(times):
                target.write(data)
        return File("/" + quote(path, safe="/+"), data)  # in a path, + is just a plus

    w = draw.word
    folder, deep, empty = w(), w(), w()
    marker = f"secret {w(16)}"
    add(f"{empty}/{w()}.html", text())
    return Material(
        plain=[
            add(f"{w()}.html", text()),
            add(f"{w()}.zzz.html", text()),
            add(f"{w()}/{w().title()}.css", text()),
            add(f"{w()}/{w()}/{w()}/{w()}", text()),
            add(f"{w()}.html", b""),
        ],
        typed=[(add(f"{w()}.{w()}{ending}", text()), types) for ending, types in TYPES.items()]
        + [(add(f"{w()}.{w(9)}", text()), UNKNOWN)],
        binary=add(f"{w()}.png", bytes(range(256)) + b"\r\n\n\r" + draw.randbytes(2000)),
        large=add(f"{w()}.jpg", draw.randbytes(1 << 16) * 48),
        long_text=add(f"{w()}.html", text() * 2_000),
        huge_text=add(f"{w()}.html", text() * 400, times=100).url,
        accents=add(f"{w()}.html", f"{w()} é {w()} 日本\n".encode()),
        encoded=[add(f"{w()} {char}{w()}.html", text()) for char in ("é", "ß", "日本", "+", "%41")],
        indexes=[
            File(f"/{folder}/", add(f"{folder}/index.html", text()).data),
            File(f"/{folder}/{deep}/", add(f"{folder}/{deep}/index.html", text()).data),
            File("/", (site / "index.html").read_bytes()),
            File("/Snooker/", (site / "Snooker" / "index.html").read_bytes()),
        ],
        clients=[add(f"{w()}.html", text()) for _ in range(16)],
        empty_folder=f"/{empty}/",
        secrets=_hide_secrets(work, folder, draw, marker),
        marker=marker,
    )


def _hide_secrets(work: Path, folder: str, draw: Draw, marker: str) -> list[str]:
    """Put files outside site/, and return targets that lead there."""
    name, sibling = f"{draw.word()}.html", f"site-{draw.word()}"
    for place in (work, work.parent, work / sibling):
        place.mkdir(exist_ok=True)
        (place / name).write_text(marker)
    targets = [
        f"/../{name}",
        f"/%2e%2e/{name}",
        f"/..%2f{name}",
        f"/%2E%2E%2F{name}",
        f"/%252e%252e%252f{name}",
        f"/../../{name}",
        f"/{folder}/../../{name}",
        f"/{folder}/%2e%2e/%2e%2e/{name}",
        f"//..//{name}",
        f"/....//{name}",
        f"/../{sibling}/{name}",
        f"/..%2f{sibling}%2f{name}",
        f"/..\\{name}",
        f"/..%5c{name}",
        f"/{name}",
        f"//{name}",
    ]
    absolute = quote((work / name).as_posix())
    targets += [f"/{absolute.lstrip('/')}", f"//{absolute.lstrip('/')}", f"/{absolute.replace('/', '%2f')}"]
    with contextlib.suppress(OSError):  # on Windows only some users may make links
        (work / "site" / (file_link := f"{draw.word()}.html")).symlink_to(work / name)
        (work / "site" / (folder_link := draw.word())).symlink_to(work / sibling, target_is_directory=True)
        targets += [f"/{file_link}", f"/{folder_link}/{name}"]
    return targets
