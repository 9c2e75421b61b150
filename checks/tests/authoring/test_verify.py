"""labcheck verify: the labs pass it, and each kind of inconsistency is reported."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING

import pytest

from labcheck.authoring import variants as wrong
from labcheck.authoring import verify
from labcheck.authoring.variants import Variant
from labcheck.errors import SuiteError
from labcheck.record.record import Outcome, Record, RequirementResult
from labcheck.workbook.labs import lab_names, load_lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Result

LAB = load_lab("lab1")


VARIANTS = [(name, variant) for name in lab_names() for variant in wrong.variants(load_lab(name))]


@pytest.mark.parametrize("name", lab_names())
def test_lab_is_consistent(name: str) -> None:
    """Starter, solution, sheet and suite agree."""
    verify.expect_right_files(load_lab(name))
    assert list(verify.complaints(load_lab(name), [])) == []


@pytest.fixture(scope="module")
def apart() -> Iterator[ProcessPoolExecutor]:
    """A separate process for checking: a grading takes all descendants of its process for the submission's."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield pool


@pytest.mark.sample(24)
@pytest.mark.parametrize(
    ("name", "variant"),
    VARIANTS,
    ids=[f"{name}-{variant.fails}-{place}" for place, (name, variant) in enumerate(VARIANTS)],
)
def test_wrong_variant_fails_what_it_breaks(name: str, variant: Variant, apart: ProcessPoolExecutor) -> None:
    """A wrong variant fails the requirement that it breaks and the consequences that it lists, and nothing else."""
    found = apart.submit(verify.judge_variant, name, variant).result()
    assert list(verify.complaints_of_variant(variant, found)) == []


def record(**outcomes: Outcome) -> Record:
    """Return a record with the given outcomes; r2_1 is requirement 2.1."""
    requirements = [
        RequirementResult(name[1:].replace("_", "."), "Title", outcome) for name, outcome in outcomes.items()
    ]
    ids = [each.id for each in requirements]
    return Record("lab1", "", "", 1, "none", "", "", "", "", 0, [], ids, [], requirements)


def complaints(found: Record, *also: str, breaks: tuple[str, ...] = ()) -> list[str]:
    """Return the problems that verify reports for a variant of 2.1 with this record."""
    variant = Variant("2.1", also, "a mistake", (), "webserver.py", breaks)
    return list(verify.complaints_of_variant(variant, found))


def test_variant_that_fails_its_requirement() -> None:
    """A variant that fails its requirement and the listed consequences has no problems."""
    assert complaints(record(r2_1=Outcome.FAILED, r2_2=Outcome.PASSED)) == []
    assert complaints(record(r2_1=Outcome.FAILED, r2_2=Outcome.NOT_RUN), "2.2") == []
    assert complaints(record(r2_1=Outcome.FAILED, r2_2=Outcome.FAILED), breaks=("2.2",)) == []


def test_variant_that_does_not_fail_is_reported() -> None:
    """A variant that passes its requirement, or for which it is not run, is a problem: the check proves nothing."""
    assert "does not fail 2.1" in complaints(record(r2_1=Outcome.PASSED))[0]
    assert "does not fail 2.1" in complaints(record(r2_1=Outcome.NOT_RUN))[0]


def test_wrong_list_of_consequences_is_reported() -> None:
    """What a variant breaks besides, and what is not run because of it, must be listed, and nothing else."""
    assert "fails 2.2, too" in complaints(record(r2_1=Outcome.FAILED, r2_2=Outcome.FAILED))[0]
    assert "does not pass 2.2 either" in complaints(record(r2_1=Outcome.FAILED, r2_2=Outcome.NOT_RUN))[0]
    (problem,) = complaints(record(r2_1=Outcome.FAILED, r2_2=Outcome.PASSED), "2.2")
    assert problem.endswith("passes 2.2: remove it from `also`")
    (problem,) = complaints(record(r2_1=Outcome.FAILED, r2_2=Outcome.PASSED), breaks=("2.2",))
    assert problem.endswith("does not fail 2.2: remove it from `breaks`")


def test_edit_that_does_not_fit_is_an_error(tmp_path: Path) -> None:
    """A variant whose text does not occur exactly once in the solution raises SuiteError."""
    for find, times in (("no such text", 0), ("import", 9)):
        variant = Variant("2.1", (), "a mistake", ((find, "x"),), "webserver.py")
        with pytest.raises(SuiteError, match=f"occurs {'[0-9]+' if times else 0} times in webserver.py"):
            variant.write(LAB, tmp_path / find)


def test_each_variant_changes_the_solution(tmp_path: Path) -> None:
    """All wrong variants differ from each other and from the solution."""
    texts = {LAB.solution.joinpath("webserver.py").read_text()}
    variants = wrong.variants(LAB)
    for number, variant in enumerate(variants):
        variant.write(LAB, tmp_path / str(number))
        texts.add((tmp_path / str(number) / "webserver.py").read_text())
    assert len(texts) == len(variants) + 1


def test_unknown_lab_is_an_error(labcheck: Callable[..., Result]) -> None:
    """`verify` with an unknown lab lists the known ones."""
    result = labcheck("verify", "lab9")
    assert result.status == 2
    assert "Labs: lab1, lab2" in result.err
