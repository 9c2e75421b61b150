"""The extras of labcheck (`book`, `certificate`, ...): how to add one to the labcheck that is running.

labcheck is on no public package index, so a command with its name alone would find nothing, or a stranger's package.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from importlib.metadata import Distribution

from labcheck.workbook.places import root
from labcheck.workbook.wheel import info, project


def command(extra: str) -> str:
    """Return the command that installs what an extra needs, for this Python, no matter where labcheck came from."""
    what = ["-e", f"{root()}[{extra}]"] if project() else _required(extra)
    words = [sys.executable or "python", "-m", "pip", "install", *what]
    if os.name == "nt":  # cmd knows only this kind of quotes
        return " ".join(f'"{word}"' if re.search(r"[^\w:\\/.-]", word) else word for word in words)
    return shlex.join(words)


def _required(extra: str) -> list[str]:
    """Return the packages that an extra of the installed labcheck requires."""
    pattern = re.compile(rf"([^;]+); extra == ['\"]{extra}['\"]")
    found = (pattern.fullmatch(each) for each in Distribution.at(info()).requires or [])
    return sorted(match[1] for match in found if match)
