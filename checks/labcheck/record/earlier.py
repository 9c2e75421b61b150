"""Converts records of earlier versions of labcheck to the present form.

Version 1 stored as text what is data now: the place in the student's file, which side closed the connection, and the
random words. Only this module knows what those texts looked like: they are in old records and never change. In version
2, an internal error earned the points of its requirement, and nothing said that the grade is open.
"""

from __future__ import annotations

import re
from typing import Any

from labcheck.record.text import is_own_file

PLACE = re.compile(r"\(([^()\n]+), line ([0-9]{1,6})\)")
DRAWN = re.compile(r"(?:[bdfgklmnprstvz][aeiou]){4,}[bdfgklmnprstvz]?")
HUNG_UP = ("the server hung up", "the client hung up")


def to_present(table: dict[str, Any]) -> dict[str, Any]:
    """Convert a record, as read from JSON, to the present form; return one of an unknown version unchanged."""
    if table["schema"] == 1:
        table = {**table, "schema": 2, "requirements": [_with_data(each) for each in table["requirements"]]}
    if table["schema"] == 2:
        open = [each["id"] for each in table["requirements"] if each["outcome"] == "error"]
        requirements = [{**each, "earned": 0} if each["id"] in open else each for each in table["requirements"]]
        score = sum(each["earned"] for each in requirements)
        table = {**table, "schema": 3, "score": score, "open": open, "requirements": requirements}
    return table


def _with_data(table: dict[str, Any]) -> dict[str, Any]:
    told = "\n".join((table["reason"], table["received"]))
    places = [{"file": file, "line": int(line)} for file, line in PLACE.findall(told) if is_own_file(file)]
    drawn = sorted(set(DRAWN.findall(f"{told}\n{table['expected']}")))
    transcript = [_event(each) for each in table["transcript"]]
    return {**table, "place": places[-1] if places else None, "drawn": drawn, "transcript": transcript}


def _event(table: dict[str, Any]) -> dict[str, Any]:
    is_end = table["kind"] == "note" and table["data"] in HUNG_UP
    return {**table, "kind": "hung_up"} if is_end else table
