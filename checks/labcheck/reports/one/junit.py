"""JUnit XML, which most tools for continuous integration can read.

The format has no standard; this is the flat form, with `testsuite` elements inside `testsuites`. A failure is a mistake
in the student's program, an error is an internal error in labcheck, and skipped means not run. The format has no
points: they are properties.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from labcheck.record.record import Outcome
from labcheck.record.text import printable, within
from labcheck.reports.formats import one
from labcheck.reports.wording import block, explanation, heading, provisional, submitted_as

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labcheck.record.record import Record, RequirementResult

MESSAGE = 500  # characters of the short text of a failure
PRINTED = 20_000  # characters of what the programs printed on one stream
TAGS = {Outcome.FAILED: "failure", Outcome.ERROR: "error", Outcome.NOT_RUN: "skipped"}
COUNTED = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}


@one("JUnit XML, which most tools for continuous integration can read")
def render(record: Record) -> str:
    """Return the record as a document with one suite that has the name of the lab."""
    return document(f"{record.lab} {record.title}", [suite(record, record.lab)])


def document(name: str, suites: Sequence[Element]) -> str:
    """Return the text of a document with these suites."""
    root = counted("testsuites", name, suites)
    root.set("time", _seconds(sum(float(each.get("time", "0")) for each in suites)))
    indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def suite(record: Record, name: str) -> Element:
    """Return the `testsuite` element of one submission, with a test case for each requirement."""
    about = Element("properties")
    for key in ("lab", "title", "score", "max_score", "seed", "sandbox", "python", "platform", "labcheck"):
        add_property(about, key, str(getattr(record, key)))
    if named := submitted_as(record):
        add_property(about, "submitted as", named)
    if record.points_rule:
        add_property(about, "points", record.points_rule)
    if told := provisional(record):
        add_property(about, "provisional", told)
    printed = [_printed(record, tag, stream) for tag, stream in (("system-out", "stdout"), ("system-err", "stderr"))]
    found = counted("testsuite", name, [about, *(_case(record, each) for each in record.requirements), *printed])
    found.set("time", _seconds(record.seconds))
    found.set("timestamp", record.started)
    return found


def counted(tag: str, name: str, children: Sequence[Element]) -> Element:
    """Return an element with these children, and with attributes that count the tests, failures, errors and skips."""
    element = Element(tag, name=printable(name))
    for attribute, counts in COUNTED.items():
        element.set(attribute, str(sum(1 for child in children for _ in child.iter(counts))))
    element.extend(children)
    return element


def add_property(properties: Element, name: str, value: str) -> None:
    """Add a property to the `properties` element."""
    SubElement(properties, "property", name=name, value=printable(value))


def _case(record: Record, requirement: RequirementResult) -> Element:
    step = record.step_of(requirement)
    case = Element("testcase", name=heading(requirement))
    case.set("classname", printable(f"{record.lab}.{step.number} {step.title}"))
    case.set("time", _seconds(requirement.seconds))
    if requirement.outcome is Outcome.PASSED:
        return case
    told = SubElement(case, TAGS[requirement.outcome])
    if requirement.outcome is Outcome.NOT_RUN:
        reason = requirement.reason if requirement.id in record.selected else "not selected"
        told.set("message", printable(within(reason, MESSAGE)))
        return case
    in_short = requirement.reason
    if requirement.expected:
        in_short = f"expected {requirement.expected}, received {requirement.received}"
    told.set("message", _no_tags(printable(within(in_short or "failed", MESSAGE))))
    told.set("type", str(requirement.outcome))
    told.text = _no_tags(explanation(record, requirement))
    return case


def _printed(record: Record, tag: str, stream: str) -> Element:
    found = [
        f"{program.name} ({program.verdict}):\n{text}"
        for program in record.programs
        if (text := block(getattr(program, stream), PRINTED))
    ]
    element = Element(tag)
    element.text = _no_tags(within("\n\n".join(found), PRINTED))
    return element


def _no_tags(text: str) -> str:
    """Return the text without `[[`: some tools attach a file that a line `[[ATTACHMENT|path]]` names."""
    return re.sub(r"\[(?=\[)", "[ ", text)


def _seconds(number: float) -> str:
    return f"{number:.3f}"
