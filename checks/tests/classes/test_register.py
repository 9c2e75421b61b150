"""The register of a class: what is handed in later is added, and nothing that was known is lost."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labcheck.classes.register import FILE, Register
from labcheck.errors import UsageError
from labcheck.platforms.downloads import by_hand
from labcheck.record.gradebook import Asked
from labcheck.record.people import Person, Roster
from labcheck.record.submission import Submission

if TYPE_CHECKING:
    from pathlib import Path

ANN, BOB = Person("Ann", "ann@x.org"), Person("Bob", "bob@x.org")
ROSTER = Roster((ANN, BOB))


def handed_in(label: str, key: str, place: str = "class", version: tuple[int, ...] = ()) -> Submission:
    """Return a submission under a name that an instructor has chosen."""
    return Submission(label, label, key, (by_hand(label),), version, place=place, suite="suite")


def run(*submissions: Submission, roster: Roster | None = None, suite: str = "suite") -> Register:
    """Return the register of one run."""
    return Register("lab1", "Title", (Asked("1.1", "title"),), submissions, roster, suite)


def rows(*runs: Register) -> dict[str, tuple[str, str]]:
    """Return the rows after several runs: the person or label, then the key, and what is said about the grade."""
    known = Register("lab1", "Title", (), ())
    for each in runs:
        known = Register.from_json(known.followed_by(each).to_json())
    return {entry.name: (entry.key, entry.about) for entry in known.gradebook().entries}


def test_late_submission_is_added() -> None:
    """A late file alone leaves everybody else's submission, and the roster, as they were."""
    first = run(handed_in("Ann", "a1"), handed_in("Bob", "b1"), roster=ROSTER)
    assert rows(first, run(handed_in("Bob", "b2", "late"))) == {"Ann": ("a1", ""), "Bob": ("b2", "")}


def test_later_run_has_the_newer_submission() -> None:
    """What a person has handed in later is graded, under any name, and the note names what it replaces."""
    first = run(handed_in("ann@x.org", "a1"), roster=ROSTER)
    assert rows(first, run(handed_in("Ann", "a2", "late")))["Ann"] == ("a2", "not graded, because older: ann@x.org")


@pytest.mark.parametrize(("place", "kept"), [("class", {"Bob", "Zoe"}), ("other", {"Ann", "Bob", "Zoe"})])
def test_renamed_submission_is_no_second_one(place: str, kept: set[str]) -> None:
    """In the same folder, the same work under a new name was renamed; elsewhere, it is a copy by another student."""
    first = run(handed_in("Ann", "same"), handed_in("Bob", "same"))
    assert rows(first, run(handed_in("Zoe", "same", place), handed_in("Bob", "same"))).keys() == kept


def test_copy_in_a_download_replaces_nobody() -> None:
    """A platform gives its own names: the same work under another one is another student's, in any archive."""
    ann, zoe = (
        replace(handed_in(name, "same"), members=((("canvas number", name), ("compact name", name)),))
        for name in ("ann", "zoe")
    )
    assert rows(run(ann), run(zoe)).keys() == {"ann", "zoe"}


def test_platform_numbers_what_is_newer() -> None:
    """Of two submissions of a run, the one with the greater version counts; without versions, none is chosen."""
    old, new = handed_in("Ann", "a1", version=(1,)), handed_in("ann@x.org", "a2", version=(2,))
    assert rows(run(old, new, roster=ROSTER))["Ann"] == ("a2", "not graded, because older: Ann")
    unclear = [
        entry for entry in run(replace(old, version=(2,)), new, roster=ROSTER).gradebook().entries if entry.submission
    ]
    assert [(each.name, each.key, each.remark) for each in unclear] == [
        ("Ann", "", "2 submissions that differ, so none was chosen: Ann, ann@x.org")
    ]


def test_earlier_checks_are_named() -> None:
    """A submission that was not given again after the checks have changed keeps its grade, and a note says so."""
    later = run(replace(handed_in("Bob", "b1"), suite="new"), suite="new")
    found = rows(run(handed_in("Ann", "a1")), later)
    assert found["Bob"] == ("b1", "")
    assert found["Ann"][0] == "a1"
    assert found["Ann"][1].startswith("checked by an earlier version of the checks")


def test_nothing_is_said_only_of_who_submitted_nothing() -> None:
    """A person whose submission may be one of those that match nobody has not submitted nothing."""
    roster = Roster((Person("Annemarie Dau"), BOB))
    found = rows(run(handed_in("Anne Marie Dauu", "a1"), handed_in("Annemarie Dua", "a2"), roster=roster))
    assert found["Annemarie Dau"] == ("", "no submission matches, but perhaps Anne Marie Dauu, Annemarie Dua")
    assert found["Bob"] == ("", "submitted nothing")
    assert found["Annemarie Dua"] == ("a2", "matches nobody in the roster; did you mean Annemarie Dau?")


def test_two_students_of_one_label_stay_apart() -> None:
    """They are shown under their labels, or, if these are equal, under their identities."""
    one, other = (replace(handed_in("doe", key), identity=f"doe_{key}") for key in ("1", "2"))
    assert rows(run(one)).keys() == {"doe"}
    assert rows(run(one), run(other)) == {"doe_1": ("1", ""), "doe_2": ("2", "")}


def test_each_member_of_a_group_has_its_grade() -> None:
    """A group's submission belongs to each member, by the platform's list of members or by a column of the roster."""
    listed = replace(handed_in("team", "t"), members=(by_hand("Ann"), by_hand("Bob")))
    assert rows(run(listed, roster=ROSTER)) == {"Ann": ("t", ""), "Bob": ("t", "")}
    roster = Roster(tuple(replace(person, group="Team 1") for person in (ANN, BOB)))
    named = replace(listed, members=((("moodle number", "7"), ("name", "Team 1"), ("group", "Team 1")),))
    assert rows(run(named, roster=roster)) == {"Ann": ("t", ""), "Bob": ("t", "")}


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of a file")
def test_register_is_written_completely_or_not(tmp_path: Path) -> None:
    """Without space for it, the register stays as it was, with one line about it; it is for its owner only."""
    import resource

    first = run(handed_in("Ann", "a1"))
    first.save(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(UsageError, match=r"cannot write .*class.json: File too large; it is as it was before"):
            run(handed_in("Ann", "a2")).save(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert Register.load(tmp_path) == first
    assert [(path.name, path.stat().st_mode & 0o777) for path in tmp_path.iterdir()] == [(FILE, 0o600)]


def test_register_of_version_1_is_read() -> None:
    """A class that an earlier version has graded keeps its rows, and what is handed in later is added."""
    person = {
        "name": "Ann",
        "email": "ann@x.org",
        "id": "",
        "sis_user_id": "",
        "sis_login_id": "",
        "github": "",
        "section": "",
    }
    entries = [
        {"submission": "a.zip", "key": "a1", "person": person, "remark": ""},
        {"submission": "", "key": "", "person": {**person, "name": "Bob", "email": "b@x.org"}, "remark": "none"},
        {"submission": "zoe", "key": "z1", "person": None, "remark": "matches nobody in the roster"},
    ]
    table = {"schema": 1, "lab": "lab1", "title": "T", "requirements": [], "with_people": True, "entries": entries}
    known = Register.from_json(json.dumps(table))
    later = known.followed_by(run(handed_in("Bob", "b1")))
    assert [(each.name, each.key, each.remark) for each in later.gradebook().entries] == [
        ("Ann", "a1", ""), ("Bob", "b1", ""), ("zoe", "z1", "matches nobody in the roster"),
    ]  # fmt: skip


TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
SUBMISSIONS = st.builds(
    Submission,
    label=TEXT,
    identity=TEXT,
    key=TEXT,
    members=st.lists(st.lists(st.tuples(TEXT, TEXT)).map(tuple), min_size=1, max_size=2).map(tuple),
    version=st.lists(st.integers(0, 9), max_size=2).map(tuple),
)
PEOPLE = st.builds(Person, name=TEXT, numbers=st.lists(st.tuples(TEXT, TEXT), max_size=1).map(tuple))
ROSTERS = st.builds(
    Roster,
    st.lists(PEOPLE, max_size=3).map(tuple),
    st.dictionaries(TEXT, st.one_of(st.none(), st.floats(1, 9)), max_size=2),
)


@given(st.lists(SUBMISSIONS, max_size=3), st.one_of(st.none(), ROSTERS))
def test_register_survives_json(submissions: list[Submission], roster: Roster | None) -> None:
    """The people of a class and their submissions are read back as they were written."""
    register = run(*submissions, roster=roster)
    assert Register.from_json(register.to_json()) == register


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 1}', '{"schema": 3}', '{"schema": 2, "lab": 1}'])
def test_damaged_register_is_a_usage_error(text: str, tmp_path: Path) -> None:
    """A register that cannot be read is reported in one line."""
    (tmp_path / FILE).write_text(text)
    with pytest.raises(UsageError, match=r"class.json: .*; remove it, and run labcheck grade"):
        Register.load(tmp_path)
