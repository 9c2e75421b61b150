"""What `verify` has found before: the outcomes of programs, by content.

An outcome is known as long as the program and everything that decides the outcome are the same (see `fingerprints`).
Nothing depends on the file: without it, or if it is damaged, everything is checked.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import TYPE_CHECKING, Any

from labcheck.record.record import Outcome, RequirementResult
from labcheck.workbook.user_folders import cache_folder, replace_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from labcheck.workbook.labs import Lab


class Remembered:
    """The outcomes that are known of a lab; those of this run are saved when the block ends, also after an error.

    `prints` are the fingerprints of the requirements. `forgets`: what was found before does not count. `is_whole`: this
    run meets all programs of the lab, so what it does not meet is gone.
    """

    def __init__(self, lab: Lab, prints: Mapping[str, str], *, forgets: bool, is_whole: bool) -> None:
        place = hashlib.sha256(str(lab.place.folder).encode("utf-8", "surrogateescape")).hexdigest()[:12]
        self._name = f"{lab.name}-{place}.json"
        self._prints = prints
        self._saved = self._load()
        self._before: dict[str, Any] = {} if forgets else self._saved
        self._now: dict[str, Any] = {} if is_whole else {**self._saved}

    def __enter__(self) -> Remembered:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is not None:
            self._now = {**self._saved, **self._now}
        with contextlib.suppress(OSError, RuntimeError):
            replace_text(self._file(), json.dumps(self._now))

    def rows(self, key: str) -> dict[str, RequirementResult]:
        """Return what is known of the trial with a key."""
        with contextlib.suppress(AttributeError, KeyError, TypeError, ValueError):  # the file is damaged
            return {
                id: RequirementResult(id, "", Outcome(outcome), reason=reason, expected=expected, received=received)
                for id, (digest, outcome, reason, expected, received) in self._before.get(key, {}).items()
                if self._prints.get(id) == digest
            }
        return {}

    def keep(self, key: str, rows: Mapping[str, RequirementResult]) -> None:
        """Keep what was found in a trial; not what was found because labcheck or a check made an error."""
        earlier = self._now.get(key, {})
        self._now[key] = earlier | {
            id: [self._prints[id], row.outcome, row.reason, row.expected, row.received]
            for id, row in rows.items()
            if row.outcome is not Outcome.ERROR
        }

    def _file(self) -> Path:
        return cache_folder() / "verify" / self._name

    def _load(self) -> dict[str, Any]:
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            found = json.loads(self._file().read_text("utf-8"))
            return found if isinstance(found, dict) else {}
        return {}
