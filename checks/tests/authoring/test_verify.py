"""labcheck verify: the labs pass it, and each kind of inconsistency is reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from labcheck.authoring import nulls, verify
from labcheck.authoring import variants as wrong
from labcheck.authoring.trials import Trial, check, files_of
from labcheck.authoring.variants import Variant
from labcheck.classes.executors import workers_for
from labcheck.errors import SuiteError
from labcheck.record.record import Outcome, RequirementResult
from labcheck.workbook.labs import lab_names, load_lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Result
    from labcheck.authoring.trials import Rows
    from labcheck.classes.executors import Workers
    from labcheck.workbook.labs import ProgramSpec

LAB = load_lab("lab1")


VARIANTS = [(name, variant) for name in lab_names() for variant in wrong.variants(load_lab(name))]


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    """What checks programs: one after the other, because tests run side by side already."""
    with workers_for(1) as found:
        yield found


@pytest.mark.parametrize("name", lab_names())
def test_lab_is_consistent(name: str, workers: Workers) -> None:
    """Starter, solution, sheet and suite agree."""
    lab = load_lab(name)
    verify.expect_right_files(lab)
    starter, solution = (Trial(files_of(folder), lab.requirements) for folder in (lab.starter, lab.solution))
    first, second = check(lab, [starter, solution], workers)
    assert [*verify.of_starter(lab, first.rows), *verify.of_solution(second.rows)] == []


@pytest.mark.sample(24)
@pytest.mark.parametrize(
    ("name", "variant"),
    VARIANTS,
    ids=[f"{name}-{variant.fails}-{place}" for place, (name, variant) in enumerate(VARIANTS)],
)
def test_wrong_variant_fails_what_it_breaks(name: str, variant: Variant, workers: Workers) -> None:
    """A wrong variant fails the requirement that it breaks and the consequences that it lists, and nothing else."""
    lab = load_lab(name)
    (found,) = check(lab, [variant.trial(lab)], workers)
    assert list(verify.of_variant(variant, found.rows)) == []


NULLS = [
    (name, program, null)
    for name in lab_names()
    for program in load_lab(name).programs
    for null in nulls.nulls(program)
]


@pytest.mark.sample(3)
@pytest.mark.parametrize(("name", "program", "null"), NULLS, ids=[f"{each[1].name}-{each[2]}" for each in NULLS])
def test_null_program_passes_what_it_does(name: str, program: ProgramSpec, null: str, workers: Workers) -> None:
    """A program that does nothing of what the lab asks for passes what is listed for it, and nothing else."""
    lab = load_lab(name)
    (found,) = check(lab, [nulls.trial(lab, program, null, lab.requirements)], workers)
    assert list(nulls.complaints(program, null, found.rows, wrong.null_programs(lab))) == []


def rows(**outcomes: Outcome) -> Rows:
    """Return the results with the given outcomes; r2_1 is requirement 2.1."""
    ids = (name[1:].replace("_", ".") for name in outcomes)
    return {id: RequirementResult(id, "Title", outcome) for id, outcome in zip(ids, outcomes.values(), strict=True)}


def complaints(found: Rows, *also: str, breaks: tuple[str, ...] = ()) -> list[str]:
    """Return the problems that verify reports for a variant of 2.1 with these results."""
    variant = Variant("2.1", also, "a mistake", (), "webserver.py", breaks)
    return list(verify.of_variant(variant, found))


def test_variant_that_fails_its_requirement() -> None:
    """A variant that fails its requirement and the listed consequences has no problems."""
    assert complaints(rows(r2_1=Outcome.FAILED, r2_2=Outcome.PASSED)) == []
    assert complaints(rows(r2_1=Outcome.FAILED, r2_2=Outcome.NOT_RUN), "2.2") == []
    assert complaints(rows(r2_1=Outcome.FAILED, r2_2=Outcome.FAILED), breaks=("2.2",)) == []


def test_variant_that_does_not_fail_is_reported() -> None:
    """A variant that passes its requirement, or for which it is not run, is a problem: the check proves nothing."""
    assert "does not fail 2.1" in complaints(rows(r2_1=Outcome.PASSED))[0]
    assert "does not fail 2.1" in complaints(rows(r2_1=Outcome.NOT_RUN))[0]


def test_wrong_list_of_consequences_is_reported() -> None:
    """What a variant breaks besides, and what is not run because of it, must be listed, and nothing else."""
    assert "fails 2.2, too" in complaints(rows(r2_1=Outcome.FAILED, r2_2=Outcome.FAILED))[0]
    assert "does not pass 2.2 either" in complaints(rows(r2_1=Outcome.FAILED, r2_2=Outcome.NOT_RUN))[0]
    (problem,) = complaints(rows(r2_1=Outcome.FAILED, r2_2=Outcome.PASSED), "2.2")
    assert problem.endswith("passes 2.2: remove it from `also`")
    (problem,) = complaints(rows(r2_1=Outcome.FAILED, r2_2=Outcome.PASSED), breaks=("2.2",))
    assert problem.endswith("does not fail 2.2: remove it from `breaks`")


def test_edit_that_does_not_fit_is_an_error() -> None:
    """A variant whose text does not occur exactly once in the solution raises SuiteError."""
    for find, times in (("no such text", 0), ("import", 9)):
        variant = Variant("2.1", (), "a mistake", ((find, "x"),), "webserver.py")
        with pytest.raises(SuiteError, match=f"occurs {'[0-9]+' if times else 0} times in webserver.py"):
            variant.text(LAB)


def test_each_variant_changes_the_solution() -> None:
    """All wrong variants differ from each other and from the solution."""
    variants = wrong.variants(LAB)
    texts = {LAB.solution.joinpath("webserver.py").read_text(), *(variant.text(LAB) for variant in variants)}
    assert len(texts) == len(variants) + 1


def test_unknown_lab_is_an_error(labcheck: Callable[..., Result]) -> None:
    """`verify` with an unknown lab lists the known ones."""
    result = labcheck("verify", "lab9")
    assert result.status == 2
    assert "Labs: lab1, lab2" in result.err
