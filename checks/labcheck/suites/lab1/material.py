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

    `page` is the URL of a page made on the fly, without a file, and `field` an ordinary field of a form.
    `plain` are files with ASCII names: one at the top of site/, one with .zzz in its name, one in a folder,
    one in many folders, and an empty one. `typed` are files with the media types that fit them. `large` and
    the file at the URL `huge_text` are larger than what the kernel buffers for a client that does not read.
    `site` is the absolute path of site/, encoded.
    `indexes` are the index.html of folders. `secrets` are targets that lead out of site/, `links` those of
    them that are links. Each file that they lead to begins with `marker` and has `secret_size` bytes.
    """

    site: str
    page: str
    field: tuple[str, str]
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
    links: list[str]
    marker: str
    secret_size: int

    @property
    def probe(self) -> str:
        """What a server serves unless it is broken."""
        return self.top.url

    @property
    def top(self) -> File:
        """The most ordinary file: text, with an ASCII name, at the top of site/."""
        return self.plain[0]

    @property
    def in_folder(self) -> File:
        """A file in a folder; its name has capital letters and punctuation."""
        return self.plain[2]

    @property
    def empty(self) -> File:
        """A file without a single byte."""
        return self.plain[4]


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
    add(f"{empty}/{w()}.html", text())
    marker, size = f"secret {w(16)}", draw.randrange(2_000, 20_000)
    secrets, links = _hide_secrets(work, folder, draw, marker.ljust(size, "."))
    return Material(
        site=quote(site.as_posix()),
        page=f"/{w()}.zzz",
        field=(w(), w()),
        plain=[
            add(f"{w()}.html", text()),
            add(f"{w()}.zzz.html", text()),
            add(f"{w()}/{w().title()}_{w()}-{draw.randrange(1000)}~.css", text()),
            add("/".join(w() for _ in range(8)), text()),
            add(f"{w()}.html", b""),
        ],
        typed=[(add(f"{w()}.{w()}{ending}", text()), types) for ending, types in TYPES.items()]
        + [(add(f"{w()}.{w(9)}", text()), UNKNOWN)],
        binary=add(f"{w()}.png", bytes(range(256)) + b"\r\n\n\r" + draw.randbytes(2000)),
        large=add(f"{w()}.jpg", draw.randbytes(1 << 16) * 96),
        long_text=add(f"{w()}.html", text() * 2_000),
        huge_text=add(f"{w()}.html", text() * 400, times=100).url,
        accents=add(f"{w()}.html", f"{w()} é {w()} 日本\n".encode()),
        encoded=[add(f"{w()}{special}{w()}.html", text()) for special in (" é", "é/", " 日本", " +#&", " %41")],
        indexes=[
            File("/index.html", (site / "index.html").read_bytes()),
            add(f"{folder}/{deep}/index.html", text()),
        ],
        clients=[add(f"{w()}.html", text()) for _ in range(16)],
        empty_folder=f"/{empty}/",
        secrets=secrets + links,
        links=links,
        marker=marker,
        secret_size=size,
    )


def _hide_secrets(work: Path, folder: str, draw: Draw, secret: str) -> tuple[list[str], list[str]]:
    """Put files outside site/, and return targets that lead there: by their names, and by links in site/."""
    name, sibling = f"{draw.word()}.html", f"site-{draw.word()}"
    for place in (work / name, work.parent / name, work / sibling / name, work / sibling / "index.html"):
        place.parent.mkdir(exist_ok=True)
        place.write_text(secret)
    absolute = quote((work / name).as_posix())
    targets = [
        f"/../{name}",
        f"/%2e%2e/{name}",
        f"/..%2f{name}",
        f"/.%2E%2F{name}",
        f"/%252e%252e%252f{name}",
        f"/../../{name}",
        f"/{folder}/../../{name}",
        f"//..//{name}",
        f"/....//{name}",
        f"/../{sibling}/{name}",
        f"/..%2f{sibling}%2f{name}",
        f"/..\\{name}",
        f"/..%5c{name}",
        f"/{name}",
        f"//{name}",
        f"/{absolute.lstrip('/')}",
        f"//{absolute.lstrip('/')}",
        f"/{absolute.replace('/', '%2f')}",
    ]
    site, links = work / "site", []
    with contextlib.suppress(OSError):  # on Windows only some users may make links
        for path, target in ((f"{draw.word()}.html", name), (f"{draw.word()}/index.html", name)):
            (site / path).parent.mkdir(exist_ok=True)
            (site / path).symlink_to(work / target)
            links.append(f"/{path.removesuffix('index.html')}")
        (site / (link := draw.word())).symlink_to(work / sibling, target_is_directory=True)
        links += [f"/{link}/{name}", f"/{link}/"]
    return targets, links
