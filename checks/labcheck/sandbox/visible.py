"""The files that a confined program can see: the system and its interpreter, but nothing of labcheck."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.workbook.labs import PACKAGE, root

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_LINKS = 40  # path_resolution(7)
SEEN = (  # in /etc: libraries, time zone, file types, certificates; nothing that identifies this machine
    *("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "mime.types", "ssl", "timezone"),
    *("ca-certificates", "crypto-policies", "pki"),
)
WRITTEN = {
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "passwd": "student:x:{uid}:{uid}:student:/tmp:/bin/sh\n",
    "group": "student:x:{uid}:\n",
}


def system() -> Iterator[Path]:
    """Yield the system paths that every program may read."""
    for name in ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        if (path := Path("/") / name).exists():
            yield path
    yield from (path for name in SEEN if (path := Path("/etc") / name).exists())


def interpreters(python: str) -> list[Path]:
    """Return the folders of an interpreter that are outside the system folders."""
    found = {Path(prefix) for prefix in prefixes(python)}
    return sorted(prefix for prefix in found if not prefix.is_relative_to("/usr"))


@functools.cache
def prefixes(python: str) -> tuple[str, ...]:
    if python == sys.executable:
        return sys.prefix, sys.base_prefix
    code = "import sys; print(sys.prefix); print(sys.base_prefix)"
    found = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=20)
    return tuple(found.stdout.splitlines())


def files_of(python: str) -> Iterator[Path]:
    """Yield the chain of links from an interpreter's path to its file, then the file. Each may be in another folder."""
    path = Path(python)
    for _ in range(MOST_LINKS):
        yield path
        if not path.is_symlink():
            return
        path = Path(os.path.normpath(path.parent / path.readlink()))


def hidden(python: str) -> list[Path]:
    """Return the folders that no program may see: the suites and solutions of every installed labcheck."""
    found = {PACKAGE}
    for place in (*interpreters(python), Path("/usr"), Path("/usr/local")):
        found.update(path for kind in ("site", "dist") for path in place.glob(f"lib/python3*/{kind}-packages/labcheck"))
    if not root().is_relative_to(PACKAGE):
        found.update(root() / name for name in ("labs", "solutions"))
    return sorted(path for path in found if path.is_dir())


def parents(path: Path) -> Iterator[str]:
    """Yield bubblewrap options that create the parent folders of a path; by default only root could enter them."""
    for parent in reversed(path.parents[:-1]):
        yield from ("--perms", "0755", "--dir", str(parent))
