"""What became of one submission of a class."""

from __future__ import annotations

import json
from dataclasses import dataclass

from labcheck.record.record import Record

GRADED, REFUSED, BROKEN = "graded", "refused", "broken"


@dataclass(frozen=True)
class Result:
    """What became of a submission.

    `key` says what was graded by what (see `classes.grade.Order.task`). `kind` is GRADED, with a record; REFUSED, where
    the submission cannot be used; or BROKEN, where the grading went wrong, which the next run tries again.
    `reason` says why; `faults` are tracebacks of labcheck's own.
    """

    key: str
    label: str
    kind: str
    reason: str = ""
    record: Record | None = None
    faults: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return the result as one line."""
        table = {"key": self.key, "label": self.label, "kind": self.kind, "reason": self.reason, "faults": self.faults}
        record = None if self.record is None else self.record.to_table()
        # In ASCII: a terminal that the file is shown on takes nothing in it for a command.
        return json.dumps({**table, "record": record}) + "\n"

    @classmethod
    def from_json(cls, line: str) -> Result:
        """Read a line. Raises ValueError."""
        table = json.loads(line)
        try:
            record = Record.from_table(table["record"]) if table["kind"] == GRADED else None
            return cls(**{**table, "record": record, "faults": tuple(table["faults"])})
        except (KeyError, TypeError) as error:
            raise ValueError(f"no result of labcheck: {error}") from error
