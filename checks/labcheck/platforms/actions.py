"""Additional output under GitHub Actions: the summary, and annotations at lines of the student's files.

The output of a student's program must become neither markup in the summary nor a command to the runner.
"""

# No `from __future__ import annotations`, because a function here has that name.
import os
import secrets
from html import escape
from pathlib import Path, PurePosixPath

from labcheck.errors import UsageError
from labcheck.platforms.runner import in_workflow
from labcheck.record.record import Outcome, Place, Record, RequirementResult, StepTitle
from labcheck.record.text import printable
from labcheck.reports import wording
from labcheck.reports.wording import UNCHECKED, block, by_cause, explanation, heading

CELL = 300  # characters of a cell; GitHub refuses a summary larger than 1 MiB
MOST_ROWS = 60
MESSAGE = 1500  # characters of an annotation


def append_summary(record: Record) -> None:
    """Append to the summary of the step. Raises UsageError if it cannot be written."""
    if file := os.environ.get("GITHUB_STEP_SUMMARY"):
        try:
            with Path(file).open("a", encoding="utf-8", errors="backslashreplace") as page:
                page.write(summary(record))
        except OSError as error:
            raise UsageError(f"cannot write the summary of the step to {file}: {error.strerror}") from error


def commands(record: Record) -> str:
    """Return the commands to print, which create the annotations."""
    submission, workspace = Path(record.submission).resolve(), Path(os.environ.get("GITHUB_WORKSPACE", ".")).resolve()
    folder = submission if submission.is_dir() else submission.parent
    place = folder.relative_to(workspace).as_posix() if folder.is_relative_to(workspace) else ""
    return "".join(f"{command}\n" for command in annotations(record, place))


def shielded(text: str) -> str:
    """Return a text that is safe to print here: in a workflow, nothing in it is taken for a command."""
    return protected(text, secrets.token_hex(16)) if in_workflow() else text


def summary(record: Record) -> str:
    """Return the text for $GITHUB_STEP_SUMMARY.

    It is Markdown that consists of HTML blocks. Inside them, only `<` and `&` have a meaning, as long as no line is
    empty. Text that does not come from the lab is in `<code>`, where `@name` does not notify anyone either.
    """
    blocks = [
        f"<h2>{_text(f'{record.lab} · {record.title}')}</h2>",
        f"<p><b>{record.score} of {record.max_score} points</b> · {_text(wording.summary(record))}</p>",
    ]
    if provisional := wording.provisional(record):
        blocks.insert(1, f"<p><b>{_text(provisional)}</b></p>")
    if passed := [f"{step.number} {step.title}" for step in record.steps if _is_passed(record, step)]:
        blocks.append(f"<p>Steps passed: {_text(' · '.join(passed))}</p>")
    if rows := _rows(record):
        more = [f"<p>and {len(rows) - MOST_ROWS} more</p>"] if len(rows) > MOST_ROWS else []
        titles = "".join(f"<th>{title}</th>" for title in ("Requirement", "Expected", "Received", "Note"))
        blocks += ["\n".join(["<table>", f"<tr>{titles}</tr>", *rows[:MOST_ROWS], "</table>"]), *more]
    return "\n\n".join([*blocks, ""])


def annotations(record: Record, folder: str) -> list[str]:
    """Return workflow commands: an error for each failure, and a warning for requirements that were not checked.

    GitHub shows only ten of each kind, so failures with a line come first, and each cause is reported once. `folder`
    is the submission's folder in the repository (`lab1`, or "" for its root).
    """
    failures: dict[Place | str, list[RequirementResult]] = {}
    for each in record.of(Outcome.FAILED):
        failures.setdefault(each.place or each.id, []).append(each)
    commands = []
    for place, (first, *others) in sorted(failures.items(), key=lambda each: isinstance(each[0], str)):
        known = {"file": f"{record.step_of(first).program}.py"}
        if isinstance(place, Place):
            known = {"file": place.file, "line": str(place.line)}
        where = {**known, "file": PurePosixPath(folder, known["file"]).as_posix(), "title": heading(first)}
        also = f"\nThe same cause: {', '.join(each.id for each in others)}" if others else ""
        commands.append(_command("error", where, explanation(record, first, MESSAGE) + also))
    spared: dict[str, list[str]] = {}
    # A requirement that was not run because of a failure needs no warning: the failure is reported.
    for each in record.of(Outcome.ERROR) if failures else record.of(Outcome.ERROR, Outcome.NOT_RUN):
        note = UNCHECKED if each.outcome is Outcome.ERROR else f"not run: {each.reason}"
        spared.setdefault(note, []).append(each.id)
    for note, ids in spared.items():
        commands.append(_command("warning", {"title": f"Not checked: {', '.join(ids)}"}, block(note, MESSAGE)))
    return commands


def protected(text: str, token: str) -> str:
    """Return a text between two lines that stop the runner from interpreting commands in it.

    `token` ends this. A student's program must not be able to predict it, so create it with the secrets module.
    """
    lines = [f"::stop-commands::{token}", text.rstrip("\n"), f"::{token}::", ""]
    return "\n".join(lines)


def _is_passed(record: Record, step: StepTitle) -> bool:
    found = record.requirements_of(step)
    return bool(found) and all(each.outcome is Outcome.PASSED for each in found)


def _rows(record: Record) -> list[str]:
    """Return the rows of the table. Consecutive requirements that were not run for the same reason share a row."""
    rows = []
    chosen = [each for each in record.requirements if each.id in record.selected]
    for first, *others in by_cause(each for each in chosen if each.outcome is not Outcome.PASSED):
        name = f"{first.id} to {others[-1].id}" if others else heading(first)
        note = {Outcome.NOT_RUN: f"not run: {first.reason}", Outcome.ERROR: UNCHECKED}.get(first.outcome, first.reason)
        cells = [f"<code>{_text(text)}</code>" if text else "" for text in (first.expected, first.received, note)]
        rows.append(f"<tr><td>{_text(name)}</td>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return rows


def _text(text: str) -> str:
    return escape(block(text, CELL)).replace("\n", "<br>")


def _command(kind: str, properties: dict[str, str], text: str) -> str:
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items() if value)
    return f"::{kind} {listed}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(printable(text)).replace(":", "%3A").replace(",", "%2C")
