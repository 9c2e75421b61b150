"""Workflows, this repository's and those that `labcheck ci` writes, pass zizmor's audits for GitHub Actions."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import CHECKOUT, run_labcheck

OWN = sorted((CHECKOUT / ".github" / "workflows").glob("*.yml"))


def findings(*files: Path) -> list[tuple[str, str]]:
    """Return what zizmor finds in workflows: the audit, and the place as it is in the file."""
    # The tool is in the environment of the tests, which need not be on PATH.
    tool = shutil.which("zizmor", path=str(Path(sys.executable).parent)) or shutil.which("zizmor")
    if tool is None:
        pytest.skip("zizmor is not installed")
    command = [tool, "--offline", "--no-progress", "--no-exit-codes", "--format", "json", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [
        (each["ident"], each["locations"][0]["concrete"]["feature"].strip())
        for each in json.loads(done.stdout)
        if not each["ignored"]
    ]


def test_audit_finds_what_is_dangerous(tmp_path: Path) -> None:
    """A workflow that runs a pull request's title as a command is found, so the audit is at work."""
    file = tmp_path / "workflow.yml"
    file.write_text(
        "on: pull_request_target\n"
        "jobs:\n"
        "  greet:\n"
        "    runs-on: ubuntu-24.04\n"
        "    steps:\n"
        '      - run: echo "${{ github.event.pull_request.title }}"\n'
    )
    assert "template-injection" in {audit for audit, _ in findings(file)}


@pytest.mark.parametrize("file", OWN, ids=lambda file: file.stem)
def test_own_workflow_is_safe(file: Path) -> None:
    """No audit finds anything in a workflow of this repository."""
    assert findings(file) == []


def test_workflows_of_a_course_are_safe(tmp_path: Path) -> None:
    """No audit finds anything in a workflow that `labcheck ci` writes."""
    assert run_labcheck("ci", "github", "lab1", ".", cwd=tmp_path).status == 0
    files = sorted(tmp_path.rglob("*.yml"))
    assert len(files) == 2
    assert findings(*files) == []
