"""Replaces site/ with a link to / in the middle of the grading, and follows it."""

import os
from pathlib import Path

import attack
import solution


def swap():
    os.rename("site", "site.away")
    os.symlink("/", "site")
    solution.find_file = lambda path: file if (file := Path("site") / path.lstrip("/")).is_file() else None
    attack.say("SWAPPED")


attack.at_first_post(swap)
solution.main()
