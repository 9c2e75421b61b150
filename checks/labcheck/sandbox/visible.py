"""The files that a confined program can see: the system and its interpreter, but nothing of labcheck.

All of this is computed from real paths: a link must not show what is hidden elsewhere.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from labcheck.sandbox.interpreter import ask
from labcheck.workbook.places import FOLDERS, PACKAGE, course, root

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MOST_LINKS = 40  # path_resolution(7)
LIBRARIES = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
SYSTEM = {  # not /usr/src and /usr/local/src, nor what somebody has put beside these folders
    "/": LIBRARIES,
    "/usr": (*LIBRARIES, "libexec", "share", "etc"),
    "/usr/local": (*LIBRARIES, "libexec", "share", "etc", "ssl"),
}
# What a Python needs of the folder in which it is installed: conda keeps certificates in ssl/, and time zones and the
# descriptions of terminals in share/.
OF_PYTHON = (*LIBRARIES, "pyvenv.cfg", "ssl", "share/zoneinfo", "share/terminfo")
OF_VENV = ("bin", "lib/py*", "lib64/py*", "pyvenv.cfg")
LABCHECK = ("labcheck", "labcheck-*")  # the package; what an installer knows about it, and an egg, which may be a file
OF_CHECKOUT = (".git", "checks", "labs", "notebooks", "solutions")
OF_COURSE = (".git", *FOLDERS)
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
    """Yield the system paths that every program may read; no empty folders, because each path takes time."""
    for place, names in SYSTEM.items():
        yield from (path for name in names if any((path := Path(place) / name).glob("*")))
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
    """Return where an interpreter and its libraries are. Raises UsageError if it does not work."""
    if python == sys.executable:
        import site

        users = site.getuserbase(), site.getusersitepackages(), site.ENABLE_USER_SITE
        return Installation(sys.prefix, sys.base_prefix, *users)
    code = (
        "import json, site, sys; users = site.getuserbase(), site.getusersitepackages(), site.ENABLE_USER_SITE;"
        "print(json.dumps((sys.prefix, sys.base_prefix, *users)))"
    )
    return Installation(*json.loads(ask(python, code)))


def interpreters(python: str) -> list[Path]:
    """Return the paths that an interpreter needs in addition to those of the system: its own, and its libraries.

    Of the folder in which it is installed only these: `python3 -m venv .` makes the whole folder of a course a prefix.
    """
    known = installation(python)
    prefixes = {known.prefix: OF_VENV if known.prefix != known.base_prefix else OF_PYTHON, known.base_prefix: OF_PYTHON}
    found = {path for prefix, names in prefixes.items() for name in names for path in Path(prefix).glob(name)}
    if known.user_folder:
        found.add(known.user_folder)
    places = list(map(real, system()))
    return sorted(path for path in found if not any(real(path).is_relative_to(place) for place in places))


def files_of(path: Path) -> Iterator[Path]:
    """Yield the chain of links from a path to its file, then the file. Each may be in another folder."""
    for _ in range(MOST_LINKS):
        yield path
        if not path.is_symlink():
            return
        path = Path(os.path.normpath(path.parent / path.readlink()))


def hidden(python: str) -> list[Path]:
    """Return what no program may see: every installed labcheck, and the checkout that this one runs from.

    These are real paths: a file is hidden no matter which links lead to it.
    """
    known = installation(python)
    users = [known.user_folder] if known.user_folder else []
    places = [Path(known.prefix), Path(known.base_prefix), Path("/usr"), Path("/usr/local"), *users]
    libraries = [
        path for place in places for kind in ("site", "dist") for path in place.glob(f"lib*/py*/{kind}-packages")
    ]
    libraries += users
    found = {PACKAGE, *(path for place in libraries for name in LABCHECK for path in place.glob(name))}
    if not root().is_relative_to(PACKAGE):
        found.update(path for name in OF_CHECKOUT if (path := root() / name).exists())
    if (mine := course()) is not None:
        found.update(path for name in OF_COURSE if (path := mine.folder / name).exists())
    # A folder with an interpreter in it cannot be hidden as a whole. Of such a folder, only the interpreter is shown.
    prefixes = [real(Path(known.prefix)), real(Path(known.base_prefix))]
    return sorted(path for path in set(map(real, found)) if not any(each.is_relative_to(path) for each in prefixes))


def is_hidden(path: Path, hidden: Iterable[Path]) -> bool:
    """Return whether a real path is one of those that are hidden, or inside one."""
    return any(path.is_relative_to(each) for each in hidden)


def real(path: Path) -> Path:
    """Return a path without links."""
    return Path(os.path.realpath(path))


def parents(path: Path) -> Iterator[str]:
    """Yield bubblewrap options that create the parent folders of a path; by default only root could enter them."""
    for parent in reversed(path.parents[:-1]):
        yield from ("--perms", "0755", "--dir", str(parent))
