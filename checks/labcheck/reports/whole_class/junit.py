"""JUnit XML of a class: a suite for each student."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement

from labcheck.record.text import printable
from labcheck.reports.formats import whole_class
from labcheck.reports.one.junit import add_property, counted, document, suite

if TYPE_CHECKING:
    from labcheck.record.gradebook import Entry, Gradebook

NOTHING = "nothing was submitted"
NO_GRADE = "there is no grade"


@whole_class("JUnit XML of a class: a suite for each student")
def render(gradebook: Gradebook) -> str:
    """Return the class as a document whose suites have the names of the students."""
    return document(f"{gradebook.lab} {gradebook.title}", [_suite(gradebook.lab, each) for each in gradebook.entries])


def _suite(lab: str, entry: Entry) -> Element:
    if entry.record is not None:
        found = suite(entry.record, entry.name)
        about = found.find("properties")
    else:
        about = Element("properties")
        found = counted("testsuite", entry.name, [about, _without_record(lab, entry)])
    assert about is not None
    for name, text in (("submission", entry.submission), ("remark", entry.about)):
        if text:
            add_property(about, name, text)
    return found


def _without_record(lab: str, entry: Entry) -> Element:
    """Return the one test case of a student without a record: an error for a submission, otherwise skipped."""
    case = Element("testcase", name="graded", classname=printable(lab), time="0.000")
    if entry.submission:
        SubElement(case, "error", message=printable(entry.remark or NO_GRADE), type="error")
    else:
        SubElement(case, "skipped", message=printable(entry.remark or NOTHING))
    return case
