"""The result of one submission of a class."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from labcheck.record.record import Record
from labcheck.record.sources import Source

GRADED, REFUSED, BROKEN = "graded", "refused", "broken"


@dataclass(frozen=True)
class Result:
    """The result of a submission.

    `key` identifies what was graded, and by what (see `classes.grade.Order.task`). `kind` is GRADED, with a record;
    REFUSED if the submission cannot be used; or BROKEN if the grading went wrong. `reason` says why; if GRADED, it is
    what was chosen from the submission, if that is worth knowing. `to_look_at` is why points may be missing although
    the student has done the work. `faults` are the tracebacks of internal errors and of errors in the suite;
    `mistakes` are the latter, each in one line. `conditions` are those of the grading (see `classes.conditions`).
    `sources` are the submission's Python files.
    """

    key: str
    label: str
    kind: str
    reason: str = ""
    record: Record | None = None
    faults: tuple[str, ...] = ()
    mistakes: tuple[str, ...] = ()
    conditions: dict[str, str] = field(default_factory=dict)
    to_look_at: str = ""
    sources: tuple[Source, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether something could not be checked: then there is no grade yet, and the next run tries it again."""
        return self.kind == BROKEN or (self.record is not None and bool(self.record.open))

    def to_json(self) -> str:
        """Return the result as one line."""
        record = None if self.record is None else self.record.to_table()
        table = {**vars(self), "record": record, "sources": [asdict(each) for each in self.sources]}
        # In ASCII, so that a terminal takes nothing in the file for a command.
        return json.dumps(table) + "\n"

    @classmethod
    def from_json(cls, line: str) -> Result:
        """Read a result from a line. Raises ValueError if it is not one."""
        table = json.loads(line)
        try:
            record = Record.from_table(table["record"]) if table["kind"] == GRADED else None
            sources = tuple(Source(**each) for each in table.get("sources", ()))
            texts = {name: tuple(table.get(name, ())) for name in ("faults", "mistakes")}
            return cls(**{**table, **texts, "record": record, "sources": sources})
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"not a result of labcheck: {error}") from error
