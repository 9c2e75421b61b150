"""The files that a confined program can see: the system and its interpreter, but nothing of labcheck."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

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


class Installation(NamedTuple):
    """Where an interpreter and its libraries are; also those that its user has installed, if it uses any (PEP 370)."""

    prefix: str
    base_prefix: str
    user_base: str
    user_site: str
    has_user_site: bool | None

    @property
    def user_folder(self) -> Path | None:
        """The folder with the libraries that its user has installed, if it uses them and there are any."""
        return folder if self.has_user_site and (folder := Path(self.user_site)).is_dir() else None


@functools.cache
def installation(python: str) -> Installation:
    """Return where an interpreter and its libraries are."""
    if python == sys.executable:
        import site

        users = site.getuserbase(), site.getusersitepackages(), site.ENABLE_USER_SITE
        return Installation(sys.prefix, sys.base_prefix, *users)
    code = (
        "import json, site, sys; users = site.getuserbase(), site.getusersitepackages(), site.ENABLE_USER_SITE;"
        "print(json.dumps((sys.prefix, sys.base_prefix, *users)))"
    )
    done = subprocess.run([python, "-c", code], cwd="/", capture_output=True, text=True, check=True, timeout=20)
    return Installation(*json.loads(done.stdout))


def interpreters(python: str) -> list[Path]:
    """Return the folders of an interpreter and its libraries that are outside the system folders."""
    known = installation(python)
    found = {Path(known.prefix), Path(known.base_prefix), known.user_folder}
    return sorted(place for place in found if place and not place.is_relative_to("/usr"))


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
    if libraries := installation(python).user_folder:
        found.add(libraries / "labcheck")
    if not root().is_relative_to(PACKAGE):
        found.update(root() / name for name in ("labs", "solutions"))
    return sorted(path for path in found if path.is_dir())


def parents(path: Path) -> Iterator[str]:
    """Yield bubblewrap options that create the parent folders of a path; by default only root could enter them."""
    for parent in reversed(path.parents[:-1]):
        yield from ("--perms", "0755", "--dir", str(parent))
