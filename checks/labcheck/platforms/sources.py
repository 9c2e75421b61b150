"""Where a machine of a course installs labcheck from.

labcheck is on no public package index, so anyone can register its name there. With the name alone, `pip install` would
find nothing or run a stranger's code. A source is therefore a file or an address that the instructor names, with a hash
or a commit, so that its content is fixed as well; only an index of the instructor's own has just a version. No text
becomes part of a script unless all of it matches a pattern.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.errors import UsageError
from labcheck.version import __version__
from labcheck.workbook import wheel

if TYPE_CHECKING:
    from labcheck.workbook.wheel import Wheel

HOST = r"(?P<host>[\w-]+(\.[\w-]+)*)(:\d+)?"
PATH = r"(/[\w.~%+-]+)+"
PLACE = re.compile(rf"https://{HOST}{PATH}/?", re.ASCII)
COMMIT = re.compile(r"[0-9a-f]{40}")
DIGEST = re.compile(r"sha256=[0-9a-f]{64}")
NOT_OURS = re.compile(r"(.+\.)?pypi\.(python\.)?org", re.IGNORECASE)  # the public index
FORMS = (
    f"a wheel file ({wheel.NAME}), git+https://HOST/PROJECT@COMMIT, https://HOST/.../{wheel.NAME}#sha256=HASH, "
    "or an index https://HOST/.../simple"
)


@dataclass(frozen=True)
class Source:
    """Where labcheck comes from: a wheel that the files bring along, or words for `pip install`, quoted for a shell."""

    wheel: Wheel | None = None
    words: str = ""
    needs_git: bool = False

    @property
    def name(self) -> str:
        """The file name of the wheel."""
        return wheel.NAME

    def files(self, folder: str) -> dict[str, bytes]:
        """Return what the files of a platform bring along: the wheel in the folder, or nothing."""
        return {f"{folder}/{self.name}": self.wheel.data} if self.wheel else {}


def find(text: str | None) -> Source:
    """Return the source that a text names; None is the labcheck that is running, as a wheel.

    Raises UsageError if the text has none of FORMS, or if its meaning can change later.
    """
    if text is None:
        return Source(wheel.assemble())
    if text.startswith("git+"):
        return _git(text)
    if re.match("https?:", text):
        return _file(text) if re.search(r"\.whl(#|$)", text) else _index(text)
    if text.endswith(".whl"):
        return Source(wheel.read(Path(text)))
    raise _unknown(text)


def _git(text: str) -> Source:
    place, _, commit = text.removeprefix("git+").partition("@")
    _check(place, text)
    if not COMMIT.fullmatch(commit):
        named = f"{commit!r} is not a commit" if commit else "it names no commit"
        raise UsageError(
            f"{text!r}: {named}. A branch or a tag can be moved later, and with it what checks your students; give all "
            "40 digits of a commit after an @ (git rev-parse HEAD prints them)"
        )
    return Source(words=shlex.quote(f"labcheck @ {text}"), needs_git=True)


def _file(text: str) -> Source:
    place, _, digest = text.partition("#")
    _check(place, text)
    if not place.endswith(f"/{wheel.NAME}"):
        raise UsageError(f"{text!r} is not a wheel of labcheck {__version__}; its name would be {wheel.NAME}")
    if not DIGEST.fullmatch(digest):
        raise UsageError(
            f"{text!r}: the file at this address can be replaced later; add #sha256= and the 64 digits of its hash "
            f"(sha256sum {wheel.NAME} prints them)"
        )
    return Source(words=shlex.quote(f"labcheck @ {text}"))


def _index(text: str) -> Source:
    host = _check(text, text)
    if not re.search("/simple/?$", text):
        raise _unknown(text)
    if NOT_OURS.fullmatch(host):
        raise UsageError(f"labcheck is not on {host}, where anyone may register its name; give {FORMS}")
    # Not --extra-index-url: pip would take labcheck from any of the indexes, even a stranger's package.
    return Source(words=f"--index-url {shlex.quote(text)} labcheck=={__version__}")


def _check(place: str, text: str) -> str:
    """Return the host of an address. Raises UsageError if the address is not valid, or contains a password."""
    if re.match(r"[\w+]+://[^/]*@", text):
        raise UsageError("the address contains a user name or a password, which all students could read; leave it out")
    if not (found := PLACE.fullmatch(place)):
        raise _unknown(text)
    return found["host"]


def _unknown(text: str) -> UsageError:
    return UsageError(f"labcheck cannot be installed from {text!r}; give {FORMS}")
