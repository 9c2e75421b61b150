"""What decides the outcome of each requirement: a digest of its checks and of everything that they may use.

If an author changes one check, the digests of its requirement and of those that need it change, and no others.
"""

from __future__ import annotations

import ast
import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING

from labcheck.authoring.inspection import SuiteFile
from labcheck.authoring.written import functions_of, requirements
from labcheck.classes.conditions import conditions
from labcheck.judging.blame import needs_of
from labcheck.judging.catalogue import digest_of_frame

if TYPE_CHECKING:
    from labcheck.judging.options import Options
    from labcheck.workbook.labs import Lab


def fingerprints(lab: Lab, options: Options) -> dict[str, str]:
    """Return the digest for each requirement of a lab without mistakes; `options` are those of the grading."""
    files = [SuiteFile.read(path, lab) for path in sorted(lab.suite.glob("test_*.py"))]
    frame = [digest_of_frame(lab), str(conditions(options, options.protection))]
    texts: dict[str, list[str]] = defaultdict(list)
    needs: dict[str, set[str]] = defaultdict(set)
    for file in files:
        functions = {function.name: function for function in functions_of(file.tree)}
        rest = _without_checks(file)
        for check in file.checks():
            texts[check.id] += [rest, ast.unparse(functions[check.function])]
            needs[check.id].update(check.needs)
    return {
        id: _digest([*frame, *(text for each in (id, *needs_of(lab, id, needs)) for text in texts[each])])
        for id in lab.requirements
    }


def _without_checks(file: SuiteFile) -> str:
    """Return a file's code except for its checks: its helpers, its fixtures and its constants."""
    checks = {function for function in functions_of(file.tree) if requirements(function, file.tree)}
    return ast.unparse(ast.Module([each for each in file.tree.body if each not in checks], []))


def _digest(texts: list[str]) -> str:
    return hashlib.sha256("\0".join(texts).encode("utf-8", "backslashreplace")).hexdigest()
