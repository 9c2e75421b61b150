"""Results of earlier versions of labcheck can be read, and reported like new ones.

`earlier/` holds the results of a class of three, written with version 1 of the record: a solution, a program that
raises an exception in its fifth step, and one that is not Python.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import jsonschema

from conftest import TESTS
from labcheck.classes import report
from labcheck.classes.register import Register
from labcheck.classes.results import read
from labcheck.platforms import actions
from labcheck.record.record import SCHEMA_FILE, Outcome, Place
from labcheck.reports import wording
from labcheck.reports.clusters import signature, tallies

if TYPE_CHECKING:
    from pathlib import Path

EARLIER = TESTS / "record" / "earlier"


def test_results_of_version_1_are_read() -> None:
    """Each record has the points that it had, and fits the present schema."""
    results = {result.label: result for result in read(EARLIER)}
    records = {label: result.record for label, result in results.items() if result.record}
    assert {label: record.score for label, record in records.items()} == {"ada": 29, "grace": 23, "alan": 0}
    for record in records.values():
        jsonschema.validate(json.loads(record.to_json()), json.loads(SCHEMA_FILE.read_text()))


def test_what_was_text_is_data() -> None:
    """The place in the student's file and the closed connections, which were texts in version 1, are data."""
    records = {result.label: result.record for result in read(EARLIER)}
    grace, alan = records["grace"], records["alan"]
    assert grace
    assert alan
    failed = grace.of(Outcome.FAILED)
    assert {each.place for each in failed} == {Place("webserver.py", 87)}
    assert alan.of(Outcome.FAILED)[0].place == Place("webserver.py", 1)
    kinds = [event["kind"] for each in failed for event in each.transcript]
    assert "hung_up" in kinds
    assert dict(wording.facts(grace, failed[0]))["note"].startswith("your program raised ValueError")
    assert "file=lab1/webserver.py,line=87," in actions.annotations(grace, "lab1")[0]


def test_reports_of_version_1_are_written_again(tmp_path: Path) -> None:
    """`labcheck report` on results of version 1 writes the same table as version 1 did."""
    out = shutil.copytree(EARLIER, tmp_path / "out")
    (out / "grades.csv").unlink()
    gradebook, _ = report.write(out, Register.load(out).gradebook())
    assert (out / "grades.csv").read_text("utf-8-sig") == (EARLIER / "grades.csv").read_text("utf-8-sig")
    assert tallies(gradebook)["5.1"].clusters[0].entries[0].submission == "grace"
    assert "<word" not in signature(tallies(gradebook)["5.1"].clusters[0].first)
