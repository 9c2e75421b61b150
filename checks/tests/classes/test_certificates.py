"""Certificates for a class: who gets one, what is on it, and why the others are left out."""

from __future__ import annotations

import re
import stat
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from conftest import record_of
from labcheck.certificates import keys
from labcheck.certificates.certificate import PassedLab
from labcheck.certificates.page import parts
from labcheck.certificates.verification import verify
from labcheck.classes.certificates import Course, Made, load, make, write
from labcheck.classes.overrides import CSV
from labcheck.classes.register import Register
from labcheck.classes.results import Results
from labcheck.errors import UsageError
from labcheck.platforms.downloads import by_hand
from labcheck.record.gradebook import Asked
from labcheck.record.people import Person, Roster
from labcheck.record.record import Outcome, Record, RequirementResult
from labcheck.record.result import BROKEN, GRADED, REFUSED, Result
from labcheck.record.submission import Submission

if TYPE_CHECKING:
    from pathlib import Path

ANN = Person("Lee, Ann", "ann@x.org", "1", sis_login_id="ann")
BOB = Person("Bob Bo", "bob@x.org", "2", sis_login_id="bob")
CYD = Person("Cyd Ng", "cyd@x.org", "3", sis_login_id="cyd")
COURSE = Course("Networks", ("lab1", "lab2"), 2, "2026-11-30")
PASSED, FAILED, ERROR = Outcome.PASSED, Outcome.FAILED, Outcome.ERROR


def record(lab: str, *outcomes: Outcome) -> Record:
    results = [
        RequirementResult(f"1.{number}", "It works.", outcome, 1, int(outcome is PASSED))
        for number, outcome in enumerate(outcomes, start=1)
    ]
    return record_of(results, lab=lab)


def graded(folder: Path, lab: str, people: tuple[Person, ...] | None, works: dict[str, Any]) -> Path:
    """Write a results folder as `labcheck grade` leaves it; `works` are outcomes or results by a person's login."""
    results = Results(folder)
    submissions = []
    for login, work in works.items():
        late = login.endswith("!")
        name = login.rstrip("!")
        submissions.append(Submission(name, name, f"{lab}-{name}", (by_hand(name),), is_late=late, suite="now"))
        found = work if isinstance(work, Result) else Result("", name, GRADED, record=record(lab, *work))
        results.add(replace(found, key=f"{lab}-{name}"))
    results.close()
    asked = Asked("1.1", "first"), Asked("1.2", "second")
    roster = None if people is None else Roster(people)
    Register(lab, f"Title of {lab}", asked, tuple(submissions), roster, suite="now").save(folder)
    return folder


@pytest.fixture
def signer(tmp_path: Path) -> keys.Signer:
    keys.make(tmp_path / "class.key")
    return keys.private_key(tmp_path / "class.key")


def made(signer: keys.Signer, *folders: Path, course: Course = COURSE) -> Made:
    return make(course, load(folders, course.labs), signer)


def two_labs(place: Path, first: dict[str, Any], second: dict[str, Any], *people: Person) -> tuple[Path, Path]:
    return graded(place / "r1", "lab1", people, first), graded(place / "r2", "lab2", people, second)


BOTH = (PASSED, PASSED)


def test_everybody_who_has_passed_all_labs_gets_one(tmp_path: Path, signer: keys.Signer) -> None:
    """The others are left out, each with every reason."""
    first = {"ann": BOTH, "bob": BOTH}
    second = {"ann": BOTH, "bob": (PASSED, FAILED)}
    found = made(signer, *two_labs(tmp_path, first, second, ANN, BOB, CYD))
    ((entry, certificate),) = found.certificates
    assert entry.person == ANN
    assert (certificate.name, certificate.course, certificate.date) == ("Ann Lee", "Networks", "2026-11-30")
    assert certificate.labs == (
        PassedLab("lab1", "Title of lab1", 2, 2),
        PassedLab("lab2", "Title of lab2", 2, 2),
    )
    assert certificate.key == signer.public
    assert found.left_out == (
        ("Bob Bo", "lab2: 1 of 2 requirements pass"),
        ("Cyd Ng", "lab1: submitted nothing; lab2: submitted nothing"),
    )


def test_order_of_the_folders_does_not_matter(tmp_path: Path, signer: keys.Signer) -> None:
    """The labs are in the order of the course."""
    one, two = two_labs(tmp_path, {"ann": BOTH}, {"ann": BOTH}, ANN)
    assert made(signer, one, two) == made(signer, two, one)


@pytest.mark.parametrize(
    ("line", "score", "reason"),
    [
        ("1,2,,shown in class", 2, ""),
        ("1,3,,", 3, ""),
        ("1,1.5,,only half", None, "lab2: decided: 1.5 points, only half"),
        ("1,,yes,ill", "excused", ""),
    ],
)
def test_decisions_count(line: str, score: object, reason: str, tmp_path: Path, signer: keys.Signer) -> None:
    """A lab counts as what the class report says: full points by decision pass, and an excuse is on the certificate."""
    one, two = two_labs(tmp_path, {"ann": BOTH}, {"ann": (PASSED, FAILED)}, ANN)
    (two / CSV).write_text(f"Student,Points,Excuse,Reason\n{line}\n")
    found = made(signer, one, two)
    assert [why for _, why in found.left_out] == ([reason] if reason else [])
    shown = [certificate.labs[1].score for _, certificate in found.certificates]
    assert shown == ([] if reason else [None if score == "excused" else score])


def test_decision_against_a_passed_lab_counts(tmp_path: Path, signer: keys.Signer) -> None:
    """What was measured does not count if the instructor has decided something else."""
    one, two = two_labs(tmp_path, {"ann": BOTH}, {"ann": BOTH}, ANN)
    (two / CSV).write_text("Student,Points,Reason\n1,0,copied\n")
    assert made(signer, one, two).left_out == (("Ann Lee", "lab2: decided: 0 points, copied"),)


def test_excuse_from_everything_is_not_passed(tmp_path: Path, signer: keys.Signer) -> None:
    """At least one lab must be passed."""
    folders = two_labs(tmp_path, {"ann": BOTH}, {"ann": BOTH}, ANN)
    for folder in folders:
        (folder / CSV).write_text("Student,Excuse\n1,yes\n")
    assert made(signer, *folders).left_out == (("Ann Lee", "excused from all labs"),)


def test_late_work_has_the_score_of_the_class_report(tmp_path: Path, signer: keys.Signer) -> None:
    """All requirements pass, so the lab is passed; the points are those that count."""
    one, two = two_labs(tmp_path, {"ann": BOTH}, {"ann!": BOTH}, ANN)
    (two / "rules.toml").write_text("[late]\npercent_per_day = 25\n")
    ((_, certificate),) = made(signer, one, two).certificates
    assert [lab.score for lab in certificate.labs] == [2, 1.5]


@pytest.mark.parametrize(
    ("work", "reason"),
    [
        ((PASSED, ERROR), "lab2: the grade is open"),
        (Result("", "ann", BROKEN, "ended"), "lab2: the grade is open"),
        (Result("", "ann", REFUSED, "is not an archive"), "lab2: is not an archive"),
        (Result("", "ann", GRADED, "", record("lab2", *BOTH), to_look_at="needs a look: x"), "lab2: needs a look: x"),
    ],
)
def test_what_is_not_clear_gets_none(work: object, reason: str, tmp_path: Path, signer: keys.Signer) -> None:
    """A grade that is open, missing or to be looked at is not signed."""
    found = made(signer, *two_labs(tmp_path, {"ann": BOTH}, {"ann": work}, ANN))
    assert found.left_out == (("Ann Lee", reason),)


def test_person_is_known_by_what_is_certain(tmp_path: Path, signer: keys.Signer) -> None:
    """An address or a number in two lists is one person; the same name with other addresses is two."""
    one = graded(tmp_path / "r1", "lab1", (ANN, BOB), {"ann": BOTH, "bob": BOTH})
    renamed = replace(ANN, name="Ann Lee-Smith", id="", email="ANN@x.org")
    other = Person("Bob Bo", "bo@y.org", "9", sis_login_id="bo")
    two = graded(tmp_path / "r2", "lab2", (renamed, other), {"ann": BOTH, "bo": BOTH})
    found = made(signer, one, two)
    assert [certificate.name for _, certificate in found.certificates] == ["Ann Lee"]
    assert sorted(found.left_out) == [
        ("Bob Bo", f"lab1: not in the class list of {one}"),
        ("Bob Bo", f"lab2: not in the class list of {two}"),
    ]


def test_name_decides_if_nothing_else_is_known(tmp_path: Path, signer: keys.Signer) -> None:
    """Two people of the same name are not told apart, so neither gets a certificate."""
    people = Person("Ann"), Person("Bob")
    works = {"Ann": BOTH, "Bob": BOTH}
    assert len(made(signer, *two_labs(tmp_path / "a", works, works, *people)).certificates) == 2
    one = graded(tmp_path / "b" / "r1", "lab1", people, works)
    two = graded(tmp_path / "b" / "r2", "lab2", (*people, Person("Ann", section="B")), works)
    found = made(signer, one, two)
    assert [certificate.name for _, certificate in found.certificates] == ["Bob"]
    assert found.left_out[0] == ("Ann", f"lab2: the class list of {two} does not say clearly who this is")


@pytest.mark.parametrize(
    ("name", "words"),
    [("", "it is empty"), ("Ann \u202eLee", "invisible character U\\+202E"), ("A" * 300, "it has 300 characters")],
)
def test_name_that_cannot_be_shown(name: str, words: str, tmp_path: Path, signer: keys.Signer) -> None:
    """One such name does not stop the certificates of the others."""
    people = BOB, replace(ANN, name=name)
    works = {"ann": BOTH, "bob": BOTH}
    found = made(signer, *two_labs(tmp_path, works, works, *people))
    assert [certificate.name for _, certificate in found.certificates] == ["Bob Bo"]
    ((_, why),) = found.left_out
    assert re.search(f"the name cannot be on a certificate: .*{words}", why)


def test_digest_is_that_of_the_results(tmp_path: Path, signer: keys.Signer) -> None:
    """The same results have the same digest; another record, or another decision, has another one."""
    works = {"ann": BOTH, "bob": BOTH}
    folders = two_labs(tmp_path, works, works, ANN, BOB)

    def digests() -> dict[str, str]:
        return {certificate.name: certificate.records for _, certificate in made(signer, *folders).certificates}

    before = digests()
    assert digests() == before
    results = Results(folders[0])
    results.add(Result("lab1-ann", "ann", GRADED, record=replace(record("lab1", *BOTH), seed=2)))
    results.close()
    changed = digests()
    assert changed["Ann Lee"] != before["Ann Lee"]
    assert changed["Bob Bo"] == before["Bob Bo"]
    (folders[1] / CSV).write_text("Student,Points,Reason\n2,2,as measured\n")
    assert digests()["Bob Bo"] != before["Bob Bo"]


def test_folders_must_have_the_labs_of_the_course(tmp_path: Path) -> None:
    """A lab that is missing, there twice, or not in the course is an error that says what to do."""
    one, two = two_labs(tmp_path, {"ann": BOTH}, {"ann": BOTH}, ANN)
    again = graded(tmp_path / "again", "lab1", (ANN,), {"ann": BOTH})
    with pytest.raises(UsageError, match=r"no results of lab2; give .* add --labs lab1$"):
        load([one], ["lab1", "lab2"])
    with pytest.raises(UsageError, match=r"again and .*r1 both contain results of lab1; give one of them"):
        load([one, again, two], ["lab1", "lab2"])
    with pytest.raises(UsageError, match=r"r2 contains the results of lab2, which is not one of the labs: lab1; "):
        load([one, two], ["lab1"])
    with pytest.raises(UsageError, match=r"there is no .*class\.json"):
        load([tmp_path], ["lab1"])


def test_class_without_a_list_has_no_names(tmp_path: Path) -> None:
    """The error says how to give one."""
    folder = graded(tmp_path / "r1", "lab1", None, {"ann": BOTH})
    with pytest.raises(UsageError, match=r"r1 has no class list.*; run: labcheck report .*r1 --roster CSV"):
        load([folder], ["lab1"])


def test_pages_are_written_one_for_each_student(tmp_path: Path, signer: keys.Signer) -> None:
    """A page names one student and nobody else, only its owner can read it, and it is genuine."""
    works = {"ann": BOTH, "bob": BOTH, "cyd": (FAILED, FAILED)}
    folders = two_labs(tmp_path, works, works, ANN, BOB, CYD)
    out = tmp_path / "certificates"
    assert write(out, made(signer, *folders), signer) == 0
    (out / "notes.txt").touch()
    assert write(out, made(signer, *folders), signer) == 1
    pages = {file.name: file for file in out.glob("*.html")}
    assert sorted(pages) == ["Bob Bo.html", "Lee, Ann.html"]
    verifier = keys.public_key(tmp_path / "class.key.pub")
    assert verify(pages["Lee, Ann.html"].read_bytes(), verifier).name == "Ann Lee"
    text = pages["Lee, Ann.html"].read_text("utf-8")
    assert not re.search(r"Bob|Cyd|@x\.org", text)
    assert parts(text)[0].name == "Ann Lee"
    if sys.platform != "win32":
        assert {stat.S_IMODE(file.stat().st_mode) for file in pages.values()} == {0o600}
        assert stat.S_IMODE(out.stat().st_mode) == 0o700


def test_folder_that_cannot_be_written(tmp_path: Path, signer: keys.Signer) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"cannot write into .*file: "):
        write(tmp_path / "file", Made((), ()), signer)
