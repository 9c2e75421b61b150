"""The authoring gate: lab 1 passes it, and each kind of inconsistency is told."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from typing import TYPE_CHECKING

import pytest

from labcheck.authoring import verify
from labcheck.authoring.verify import Variant
from labcheck.errors import SuiteError
from labcheck.record.record import Outcome, Record, RequirementResult
from labcheck.workbook.labs import Step, lab_names, load_lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Result

LAB = load_lab("lab1")


VARIANTS = [(name, variant) for name in lab_names() for variant in verify.variants(load_lab(name))]


@pytest.mark.parametrize("name", lab_names())
def test_lab_is_consistent(name: str) -> None:
    """Starter, solution, sheet and suite agree."""
    assert list(verify.complaints(load_lab(name), [])) == []


@pytest.fixture(scope="module")
def apart() -> Iterator[ProcessPoolExecutor]:
    """A process that does nothing but judge: it takes all processes below its own for the submission's."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield pool


@pytest.mark.sample(24)
@pytest.mark.parametrize(
    ("name", "variant"),
    VARIANTS,
    ids=[f"{name}-{variant.fails}-{place}" for place, (name, variant) in enumerate(VARIANTS)],
)
def test_wrong_variant_is_caught_where_it_is_wrong(name: str, variant: Variant, apart: ProcessPoolExecutor) -> None:
    """A wrong variant fails the requirement that it breaks, and nothing else but the consequences that it names."""
    assert list(verify.complaints_of_variant(variant, apart.submit(verify.judge_variant, name, variant).result())) == []


def record(**outcomes: Outcome) -> Record:
    """Return a record with these outcomes; r2_1 is requirement 2.1."""
    requirements = [
        RequirementResult(name[1:].replace("_", "."), "Title", outcome) for name, outcome in outcomes.items()
    ]
    ids = [each.id for each in requirements]
    return Record("lab1", "", "", 1, "none", "", "", "", "", 0, [], ids, [], requirements)


def complaints(found: Record, *also: str) -> list[str]:
    """Return what verify says of a variant of 2.1 with this record."""
    variant = Variant("2.1", also, "a mistake", (), "webserver.py")
    return list(verify.complaints_of_variant(variant, found))


def test_variant_that_is_caught_is_fine() -> None:
    """A variant that fails its requirement, and no other, is as it has to be."""
    assert complaints(record(r2_1=Outcome.FAILED, r2_2=Outcome.PASSED)) == []
    assert complaints(record(r2_1=Outcome.FAILED, r2_2=Outcome.NOT_RUN), "2.2") == []


def test_variant_that_is_not_caught_is_told() -> None:
    """A variant that passes, or is not judged, shows a check that proves nothing."""
    assert "is not caught at 2.1" in complaints(record(r2_1=Outcome.PASSED))[0]
    assert "is not caught at 2.1" in complaints(record(r2_1=Outcome.NOT_RUN))[0]


def test_consequence_that_is_not_named_is_told() -> None:
    """A failure elsewhere has to be named, and one that is named has to be there."""
    assert "is caught at 2.2 too" in complaints(record(r2_1=Outcome.FAILED, r2_2=Outcome.FAILED))[0]
    told = complaints(record(r2_1=Outcome.FAILED, r2_2=Outcome.PASSED), "2.2")
    assert "names 2.2 as a consequence, and passes it" in told[0]


def test_ids_that_differ_are_told() -> None:
    """A requirement that only one of lab.toml, sheet and suite knows is told."""
    more = replace(LAB, steps=(*LAB.steps, Step(7, "More", "webserver", ("7.1",))))
    assert list(verify.complaints_of_ids(more)) == [
        "the suite lacks 7.1, which lab.toml names",
        "the sheet lacks 7.1, which lab.toml names",
    ]
    fewer = replace(LAB, steps=LAB.steps[:-1])
    assert "the suite has 6.1, which lab.toml does not name" in list(verify.complaints_of_ids(fewer))


def test_edit_that_does_not_fit_is_the_author_s_fault(tmp_path: Path) -> None:
    """A variant whose text is not in the solution, or stands there twice, is refused."""
    for find, times in (("no such text", 0), ("import", 9)):
        variant = Variant("2.1", (), "a mistake", ((find, "x"),), "webserver.py")
        with pytest.raises(SuiteError, match=f"stands {'[0-9]+' if times else 0} times in webserver.py"):
            variant.write(LAB, tmp_path / find)


def test_each_variant_changes_the_solution(tmp_path: Path) -> None:
    """No two wrong variants are the same program, and none is the solution."""
    texts = {LAB.solution.joinpath("webserver.py").read_text()}
    variants = verify.variants(LAB)
    for number, variant in enumerate(variants):
        variant.write(LAB, tmp_path / str(number))
        texts.add((tmp_path / str(number) / "webserver.py").read_text())
    assert len(texts) == len(variants) + 1


def test_unknown_lab_is_told(labcheck: Callable[..., Result]) -> None:
    """`verify` of a lab that does not exist names those that do."""
    result = labcheck("verify", "lab9")
    assert result.status == 2
    assert "the labs are: lab1, lab2" in result.err
