"""Verify that the checks of a lab find its mutants.

Every mutant of the solution (see `mutants`) must fail a check, except the survivors that `suites/LAB/survivors.toml`
lists, because the sheet allows them. An entry of the list has `words`, a quotation from the sheet that allows them;
`why`, what the mutants change and why the words allow it; and `mutants`, their keys.
"""

from __future__ import annotations

import random
import tomllib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labcheck.authoring.mutants import Mutant, mutants
from labcheck.authoring.trials import check, not_passed, of, with_program
from labcheck.classes.executors import workers_for
from labcheck.classes.progress import Progress
from labcheck.errors import SuiteError
from labcheck.record.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from labcheck.authoring.trials import Rows
    from labcheck.workbook.labs import Lab

LIST = "survivors.toml"


@dataclass(frozen=True)
class Allowed:
    """Mutants that may pass: the words of the sheet that allow them, why they do, and the keys of the mutants."""

    words: str
    why: str
    mutants: tuple[str, ...]


def allowed(lab: Lab) -> list[Allowed]:
    """Return the list of survivors, empty if the lab has none. Raises SuiteError if survivors.toml is invalid."""
    file = lab.suite / LIST
    if not file.exists():
        return []
    try:
        table = tomllib.loads(file.read_text("utf-8"))
        return [Allowed(entry["words"], entry["why"], tuple(entry["mutants"])) for entry in table["allowed"]]
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise SuiteError(f"{lab.name}: {LIST}: {error}") from error


def mutants_of(lab: Lab) -> list[Mutant]:
    """Return all mutants of a lab's solution."""
    return [
        mutant
        for program in lab.programs
        for mutant in mutants(program.file, (lab.solution / program.file).read_text("utf-8"))
    ]


def sample_of(known: Sequence[Mutant], number: int, seed: int) -> list[Mutant]:
    """Return a random sample of mutants, in their order."""
    places = random.Random(seed).sample(range(len(known)), min(number, len(known)))
    return [known[place] for place in sorted(places)]


def verify_mutants(lab: Lab, number: int | None = None, seed: int = 0) -> bool:
    """Check all mutants of a lab, or a sample of the given number, and print each problem in one line.

    Returns whether there are no problems. Raises SuiteError if survivors.toml is invalid.
    """
    listed, known = allowed(lab), mutants_of(lab)
    chosen = known if number is None else sample_of(known, number, seed)
    problems = list(complaints_of_list(lab, listed, known))
    for problem in problems:
        print(f"{lab.name}: {problem}", flush=True)
    keys = {key for each in listed for key in each.mutants}
    survived = 0
    trials = [with_program(lab, mutant.file, mutant.text, lab.requirements) for mutant in chosen]
    with workers_for(None) as workers, Progress(len(chosen), "checking mutants", "checked") as progress:
        for mutant, found in zip(chosen, check(lab, trials, workers, tell=progress.advance), strict=True):
            survived += not not_passed(found.rows)
            if problem := complaint_of_mutant(mutant, found.rows, is_listed=mutant.key in keys):
                problems.append(problem)
                print(f"{lab.name}: {problem}", flush=True)
    checked = f"{len(chosen)} mutants" if number is None else f"{len(chosen)} of {len(known)} mutants (seed {seed})"
    print(
        f"{lab.name}: {checked}, {survived} of them without a failure: "
        + (f"{len(problems)} problems" if problems else "consistent")
    )
    return not problems


def complaints_of_list(lab: Lab, listed: Sequence[Allowed], known: Sequence[Mutant]) -> Iterator[str]:
    """Yield the problems of a list of survivors that show without checking a mutant."""
    sheet = _plain((lab.starter / "README.md").read_text("utf-8"))
    for each in listed:
        if not each.words or _plain(each.words) not in sheet:
            yield f"{LIST} quotes words that are not in the sheet: {each.words!r}: correct the quotation"
    keys = {mutant.key for mutant in known}
    for key, times in Counter(key for each in listed for key in each.mutants).items():
        if key not in keys:
            yield f"{LIST} lists a mutant that does not exist: {key}: remove it, or correct it if the solution changed"
        if times > 1:
            yield f"{LIST} lists a mutant {times} times: {key}: remove it from all entries but one"


def complaint_of_mutant(mutant: Mutant, rows: Rows, *, is_listed: bool) -> str:
    """Return the difference between a mutant's results and the list of survivors, "" if they agree."""
    place, failed = f"{mutant.file}:{mutant.line}", of(rows, Outcome.FAILED)
    undecided = of(rows, Outcome.ERROR) or ([] if failed else of(rows, Outcome.NOT_RUN))
    if undecided:
        first = rows[undecided[0]]
        why = f"{first.id} is {first.outcome.replace('_', ' ')} ({first.reason})"
        return f"{place}: a mutant is neither right nor wrong, because {why}: correct the check: {mutant.key}"
    if failed and is_listed:
        ids = ", ".join(failed)
        return f"{place}: a mutant in {LIST} fails {ids}: remove it from the list: {mutant.key}"
    if not failed and not is_listed:
        return (
            f"{place}: a mutant passes every requirement. If the sheet forbids it, add a check, and a variant to "
            f"wrong.toml. If not, add it to {LIST} with the words of the sheet that allow it: '''{mutant.key}'''"
        )
    return ""


def _plain(text: str) -> str:
    return " ".join(text.split())
