"""The statistics of a class, with values that were calculated by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import record_of
from labcheck.platforms.formats import find
from labcheck.record.gradebook import NOTHING, Asked, Entry, Gradebook, Override
from labcheck.record.people import Person
from labcheck.record.record import Outcome, RequirementResult
from labcheck.record.statistics import FEWEST, HARDEST, Passing, Spread, Statistics, correlation, histogram

IDS = tuple(f"1.{number}" for number in range(1, 11))


def entry(score: int, section: str = "", group: str = "") -> Entry:
    """Return the entry of a person who has passed the first requirements of ten."""
    outcomes = [Outcome.PASSED] * score + [Outcome.FAILED] * (len(IDS) - score)
    results = [RequirementResult(id, id, each, earned=each == "passed") for id, each in zip(IDS, outcomes, strict=True)]
    return Entry("x", "x", Person("x", section=section, group=group), record=record_of(results))


def gradebook(*entries: Entry) -> Gradebook:
    return Gradebook("lab1", "Title", tuple(Asked(id, id) for id in IDS), entries, with_people=True)


def test_spread() -> None:
    """Mean, sample standard deviation and quartiles are those of a spreadsheet (AVERAGE, STDEV.S, QUARTILE.INC)."""
    spread = Spread.of([9, 2, 4, 4, 4, 5, 5, 7])
    assert spread == replace(
        spread, count=8, mean=5, lowest=2, lower_quartile=4, median=4.5, upper_quartile=5.5, highest=9
    )
    assert spread.deviation == pytest.approx((32 / 7) ** 0.5)
    assert Spread.of([1, 2, 3, 4]).to_table() == {
        "count": 4,
        "mean": 2.5,
        "deviation": 1.291,
        "lowest": 1,
        "lower_quartile": 1.75,
        "median": 2.5,
        "upper_quartile": 3.25,
        "highest": 4,
    }


def test_spread_of_few_and_of_equal_scores() -> None:
    """Without a score there are no numbers; one score has no deviation; equal scores have a deviation of 0."""
    assert Spread.of([]) == Spread(0)
    assert Spread.of([7]) == Spread(1, 7, None, 7, 7, 7, 7, 7)
    assert Spread.of([3, 3, 3]) == Spread(3, 3, 0, 3, 3, 3, 3, 3)


@given(st.lists(st.integers(0, 300), min_size=2))
def test_spread_is_in_order(scores: list[int]) -> None:
    """For any scores, the quartiles are between the lowest and the highest, in this order."""
    found = Spread.of(scores)
    order = [found.lowest, found.lower_quartile, found.median, found.upper_quartile, found.highest]
    assert order == sorted(order, key=lambda each: each or 0)
    assert (found.lowest, found.highest) == (min(scores), max(scores))


def test_who_counts() -> None:
    """A decision counts with its points and being late with its cost; excused and open grades are in no score."""
    unclear = RequirementResult("1.1", "1.1", Outcome.ERROR)
    book = gradebook(
        entry(8),
        replace(entry(6), deduction=1.5),
        replace(entry(0), override=Override(10)),
        Entry(person=Person("in person"), remark=NOTHING, override=Override(2)),
        replace(entry(9), override=Override(None)),
        Entry("open", "open", Person("open"), record=record_of([unclear])),
        Entry("lost", remark="is no archive"),
        Entry(person=Person("absent"), remark=NOTHING),
        Entry(person=Person("ill"), remark=NOTHING, override=Override(None)),
    )
    found = Statistics.of(book)
    counts = found.graded, found.not_graded, found.nothing, found.open, found.excused, found.to_review, found.checked
    assert counts == (4, 2, 1, 1, 2, 2, 4)
    assert found.scores == Spread.of([2, 4.5, 8, 10])
    assert found.percent == Spread.of([20, 45, 80, 100])
    assert sum(bar.count for bar in found.histogram) == 4
    assert [bar.label for bar in found.histogram][:2] == ["0–1", "1–2"]  # 4.5 is no whole number
    assert found.requirements[0] == Passing("1.1", "1.1", passed=2, failed=1, error=1)
    assert found.requirements[7] == Passing("1.8", "1.8", passed=1, failed=2)  # of the excused student nothing


@pytest.mark.parametrize(
    ("entries", "counts"),
    [
        ((), (0, 0, 0)),
        ((Entry(person=Person("a")), Entry("b", remark="is empty")), (0, 1, 1)),
        ((entry(7),), (1, 0, 0)),
    ],
    ids=["empty", "nobody was graded", "one student"],
)
def test_small_classes(entries: tuple[Entry, ...], counts: tuple[int, ...]) -> None:
    """A class that is empty, was not graded, or has one student has statistics as well, and valid JSON."""
    found = Statistics.of(gradebook(*entries))
    assert (found.graded, found.not_graded, found.nothing) == counts
    assert found.scores.count == found.percent.count == counts[0]
    assert bool(found.histogram) is bool(counts[0])
    assert found.requirements[0].percent == (100 if counts[0] else None)
    json.dumps(found.to_table(), allow_nan=False)


def test_class_without_possible_points() -> None:
    """Without requirements, or if none has points, there is no percentage."""
    assert Statistics.of(Gradebook("lab1", "", (), (Entry("a", "a", record=record_of([])),))).percent == Spread(0)


def test_everybody_has_the_same_score() -> None:
    """Equal scores are in one bar, and have no spread."""
    found = Statistics.of(gradebook(*[entry(5)] * 6))
    assert (found.scores.mean, found.scores.deviation) == (5, 0)
    assert [bar.count for bar in found.histogram] == [0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0]
    assert found.histogram[5].label == "5"


def test_sections() -> None:
    """Each section of the roster has its numbers, sorted as people do; who is in none is only in those of all."""
    book = gradebook(
        *(entry(score, section=name) for score, name in ((2, "Lab 10"), (4, "Lab 2"), (6, "Lab 2"), (9, ""))),
        Entry(person=Person("absent", section="Lab 3")),
    )
    assert Statistics.of(book).sections == (("Lab 2", Spread.of([4, 6])), ("Lab 10", Spread.of([2])))


def test_groups_are_sections_only_if_they_are_large() -> None:
    """Without sections, groups of five and more count as such; small ones are teams that hand in together."""
    large = [entry(score, group="AB"[score % 2]) for score in range(10)]
    assert Statistics.of(gradebook(*large)).sections == (
        ("A", Spread.of([0, 2, 4, 6, 8])),
        ("B", Spread.of([1, 3, 5, 7, 9])),
    )
    assert Statistics.of(gradebook(*large[:-1])).sections == ()
    sections = [entry(1, section="S", group="G")] * 9
    assert [name for name, _ in Statistics.of(gradebook(*sections)).sections] == ["S"]
    assert Statistics.of(gradebook(entry(1), entry(2))).sections == ()


def test_hardest() -> None:
    """The smallest shares come first, of equal ones the one that more fail; what everybody passes is left out."""
    kinds = {each[0]: each for each in Outcome}
    outcomes = {"1.1": "ppp", "1.2": "pnn", "1.3": "pff", "1.4": "nnn", "1.5": "ppf", "1.6": "fff", "1.7": "ppn"}
    entries = [
        Entry("s", "s", record=record_of([RequirementResult(id, id, kinds[each[n]]) for id, each in outcomes.items()]))
        for n in range(3)
    ]
    found = Statistics.of(Gradebook("lab1", "", tuple(Asked(id, id) for id in outcomes), tuple(entries)))
    assert [each.id for each in found.hardest] == ["1.6", "1.4", "1.3", "1.2", "1.5"][:HARDEST]
    assert [each.percent for each in found.hardest] == [0, 0, 33, 33, 66]
    assert (found.hardest[3].failed, found.hardest[3].not_run) == (0, 2)


def test_requirement_that_an_older_record_does_not_have() -> None:
    """A submission that was checked before a requirement was added is not in its share."""
    old, new = entry(10), entry(10)
    assert old.record is not None
    del old.record.requirements[9:]
    assert Statistics.of(gradebook(old, new)).requirements[9] == Passing("1.10", "1.10", passed=1)


def test_correlation() -> None:
    """It is Pearson's: 1 and -1 on a line, by hand otherwise; none for few pairs, or if all scores are equal."""
    line = [(float(x), 2.0 * x) for x in range(FEWEST)]
    assert correlation(line) == pytest.approx(1)
    assert correlation([(x, -y) for x, y in line]) == pytest.approx(-1)
    assert correlation([(1, 2), (2, 1), (3, 4), (4, 3), (5, 5)]) == pytest.approx(0.8)
    assert correlation(line[:-1]) is None
    assert correlation([(1, y) for _, y in line]) is None
    assert correlation([]) is None


def test_score_below_zero_is_in_the_first_bar() -> None:
    """Even if being late costs more than there is, no student is lost."""
    assert [bar.count for bar in histogram([-2, 0, 1.5])][:1] == [2]


def test_report_as_json_has_the_statistics() -> None:
    """The JSON of a class has the counts, the spread, the bars, the sections, and the outcomes of the requirements."""
    book = gradebook(entry(4, section="A"), entry(6, section="A"), Entry(person=Person("absent")))
    found = json.loads(find("whole_class", "json").render(book))["statistics"]
    assert (found["graded"], found["nothing"], found["scores"]["mean"], found["percent"]["mean"]) == (2, 1, 5, 50)
    assert found["sections"] == {"A": found["scores"]}
    assert [each["count"] for each in found["histogram"]] == [0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0]
    assert found["requirements"][5] == {
        "id": "1.6",
        "title": "1.6",
        "passed": 1,
        "failed": 1,
        "not_run": 0,
        "error": 0,
    }
