"""The conditions of a grading: what decides a grade in addition to the submission and the checks.

A result is kept as long as the conditions stay the same; with another Python, for example, everything is graded again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labcheck.sandbox.interpreter import ask

if TYPE_CHECKING:
    from labcheck.judging.options import Options

ANSWERS_WITHIN = 60.0  # seconds; listing a hundred packages on a network drive takes a while
# Without labcheck: its files are part of what identifies a result.
ASK = """
import hashlib, platform
from importlib.metadata import distributions
names = {f"{each.name} {each.version}".lower() for each in distributions()}
names = sorted(name for name in names if not name.startswith("labcheck "))
digest = hashlib.sha256("\\n".join(names).encode("utf-8", "backslashreplace")).hexdigest()
print(f"{platform.python_implementation()} {platform.python_version()}, {len(names)} packages ({digest[:12]})")
"""


def conditions(options: Options, protection: str) -> dict[str, str]:
    """Return the conditions in words, by name. `protection` is the one that is used; `auto` if that is not known yet.

    Raises UsageError if the interpreter of the programs does not work.
    """
    return {
        "python": python(options.interpreter),
        "protection": protection,
        "budget": f"{options.budget:g}",
        "slow": f"{options.slow:g}",
    }


def python(interpreter: str) -> str:
    """Return the version of an interpreter and of its packages. Raises UsageError if it does not work."""
    return ask(interpreter, ASK, within=ANSWERS_WITHIN)
