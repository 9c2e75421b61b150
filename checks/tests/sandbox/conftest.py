"""For the tests of the protections: Python code that runs in a sandbox and reports what it has found."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from conftest import open_to_all

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from labcheck.sandbox.base import Sandbox


@pytest.fixture
def run_inside(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Run Python code in a sandbox that was made in the test's folder, and return the dictionary `found`.

    `owner` is the user to whom the copy belongs, if it is not the one that the sandbox gives it to; `as_owner` changes
    the command so that this user runs it, as if they had started labcheck.
    """

    def run(
        confining: Sandbox,
        python: str,
        code: str,
        *,
        port: int = 20_000,
        owner: int | None = None,
        as_owner: Callable[[list[str]], list[str]] = list,
    ) -> dict[str, Any]:
        open_to_all(tmp_path)
        place = tmp_path / "1"
        place.mkdir()
        if confining.name != "namespaces":  # there, it mounts a file system, which only a grader can
            confining.make_room(place, 0)
        folder = place / "work"
        folder.mkdir()
        program = f"import json, os, sys\nfound = {{}}\n{code}\nprint(json.dumps(found))\n"
        (folder / "program.py").write_text(program)
        confining.hand_over(place)
        tmp_path.chmod(0o711)
        if owner is not None:
            for each in (place, *place.rglob("*")):
                os.chown(each, owner, owner)
        done = subprocess.run(
            as_owner(confining.command([python, "-s", "program.py", str(port)], folder)),
            cwd=folder,
            env={"PATH": os.environ["PATH"], **confining.environment(folder)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert isinstance(found, dict)
        return found

    return run
