#!/usr/bin/env python3
"""Run tests, then run the failed ones again, alone: `python twice.py FLAKY_FILE PYTHON OPTIONS -- COMMAND...`

COMMAND runs pytest in this folder. Failed tests are run again by PYTHON with OPTIONS, one at a time and with full
deadlines. A test that passes then is flaky: its name is added to FLAKY_FILE, and it counts as passed here. The exit
status is that of the first run, or 0 if every failed test was flaky.
"""

import json
import subprocess
import sys
from pathlib import Path

FAILED = Path(".pytest_cache/v/cache/lastfailed")
TESTS_FAILED = 1  # pytest's exit status
MANY = 20  # with more failures than this, nothing is run again


def main(flaky_file: Path, python: str, options: list[str], command: list[str]) -> int:
    FAILED.unlink(missing_ok=True)
    status = subprocess.run(command, check=False).returncode
    if status != TESTS_FAILED:
        return status
    first = failed()
    if not 0 < len(first) <= MANY:
        return status
    print(f"running {len(first)} failed tests again, alone", flush=True)
    again = [python, "-m", "pytest", "-q", "--numprocesses=0", "--hurry=1", *options, *first]
    status = subprocess.run(again, check=False).returncode
    if status not in (0, TESTS_FAILED):
        return status
    again_failed = failed()
    with flaky_file.open("a") as file:
        file.writelines(f"{name}\n" for name in first if name not in again_failed)
    return status


def failed() -> list[str]:
    """Return the names of the tests that failed in their last run."""
    return list(json.loads(FAILED.read_text())) if FAILED.exists() else []


if __name__ == "__main__":
    separator = sys.argv.index("--")
    flaky_file, python, *options = sys.argv[1:separator]
    sys.exit(main(Path(flaky_file), python, options, sys.argv[separator + 1 :]))
