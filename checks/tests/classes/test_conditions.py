"""The conditions of a grading: what makes a class be graded again."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest

from labcheck.classes.conditions import conditions, python
from labcheck.errors import UsageError
from labcheck.judging.options import Options

if TYPE_CHECKING:
    from pathlib import Path


def test_conditions_are_in_words() -> None:
    """Each condition can be read in the file of results."""
    assert conditions(Options(budget=7.5, slow=2), "landlock") == {
        "python": python(sys.executable),
        "protection": "landlock",
        "budget": "7.5",
        "slow": "2",
    }


def test_packages_are_part_of_the_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another package, and another version of one, make another Python; labcheck itself does not."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = [python(sys.executable)]
    for name in ("labcheck-99.0", "a_new_one-1.0", "another-1.0", "another-2.0"):
        for old in tmp_path.glob("another-*"):
            old.rename(tmp_path / "METADATA")
        (tmp_path / f"{name}.dist-info").mkdir()
        package, version = name.split("-")
        (tmp_path / f"{name}.dist-info" / "METADATA").write_text(f"Name: {package}\nVersion: {version}\n")
        found.append(python(sys.executable))
    assert re.fullmatch(r"\w+ 3\.\d+\.\S+, \d+ packages \([0-9a-f]{12}\)", found[0])
    assert found[0] == found[1]
    assert len(set(found)) == 4


def test_interpreter_that_does_not_work_is_a_usage_error(tmp_path: Path) -> None:
    """The message names the interpreter."""
    with pytest.raises(UsageError, match=r"cannot use the Python interpreter '.*nowhere': No such file"):
        python(str(tmp_path / "nowhere"))
