"""Feedback to hand back: everybody gets their own, and nothing about anybody else or about the grading machine."""

from __future__ import annotations

import os
import re
import stat
import sys
import unicodedata
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import CHECKOUT, record_of
from labcheck.classes.feedback import LONGEST, HandBack, file_names, safe_name
from labcheck.classes.overrides import CSV
from labcheck.classes.register import FILE, Register
from labcheck.classes.results import Results
from labcheck.platforms.downloads import by_hand, read_download
from labcheck.record.gradebook import Asked, Entry
from labcheck.record.people import Person, Roster
from labcheck.record.record import Outcome, ProgramResult, Record, RequirementResult
from labcheck.record.result import BROKEN, GRADED, REFUSED, Result
from labcheck.record.submission import Submission
from labcheck.reports.files import write_report

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Result as Done

    Labcheck = Callable[..., Done]

ANN, BOB, CYD = (
    Person(f"{name} Lee", f"{name.lower()}@x.org", f"id-of-{name.lower()}") for name in ("Ann", "Bob", "Cyd")
)
PLACES = ("/home/teacher/", "/dev/shm/")  # on the grading machine
PRINTED = """Traceback (most recent call last):
  File "/home/teacher/my files/lib/python3.11/socketserver.py", line 318, in _handle_request_noblock
  File "webserver.py", line 3, in do_GET
/home/teacher/lib/python3.11/asyncio/events.py:80: ResourceWarning
/home/teacher/.venv/bin/python3: can't open file
asked for /dir/some.py
/dev/shm/tmpxg/labcheck-lit_1/2/work/webserver.py
"""


def event(data: str) -> dict[str, Any]:
    return {"kind": "printed", "what": "", "who": "", "at": 0.5, "size": len(data), "encoding": "utf-8", "data": data}


def graded(label: str = "Ann Lee", *, earned: int = 1) -> Record:
    """Return a record with two requirements; the second one fails."""
    results = [
        RequirementResult("1.1", "first", Outcome.PASSED if earned else Outcome.FAILED, 1, earned),
        RequirementResult("1.2", "second", Outcome.FAILED, reason=PRINTED, transcript=[event(PRINTED)]),
    ]
    return record_of(results, submission=label, programs=[ProgramResult("server", "ready", PRINTED, PRINTED)])


def from_moodle(name: str, number: str, key: str, **more: Any) -> Submission:
    clues = (("moodle number", number), ("name", name), ("group", name))
    return Submission(name, f"{name}_{number}", key, (clues,), **more)


def by_name(name: str, key: str, **more: Any) -> Submission:
    return Submission(name, name, key, (by_hand(name),), **more)


def kept(out: Path, *submissions: Submission, results: list[Result], people: tuple[Person, ...] = ()) -> Register:
    """Write a results folder as `labcheck grade` leaves it, and return its register."""
    file = Results(out)
    for result in results:
        file.add(result)
    file.close()
    asked = Asked("1.1", "first"), Asked("1.2", "second")
    roster = Roster(people) if people else None
    register = Register("lab1", "Title", asked, submissions, roster, suite="now", out_of=10)
    write_report(out / FILE, register.to_json())
    return register


def read(folder: Path) -> dict[str, str]:
    """Return the files in a folder, without the pages' own styles and script."""
    ours = re.compile("<style>.*?</style>|<script>.*?</script>", re.DOTALL)
    return {file.name: ours.sub("", file.read_text("utf-8")) for file in folder.iterdir()}


def pages(archive: Path) -> dict[str, str]:
    with zipfile.ZipFile(archive) as opened:
        assert len(opened.namelist()) == len(set(opened.namelist()))
        return {name: opened.read(name).decode() for name in opened.namelist()}


def test_everybody_gets_their_own(tmp_path: Path) -> None:
    """Equal submissions share a record, but each page names one student; what is for the instructor is on none."""
    out = tmp_path / "out"
    register = kept(
        out,
        replace(by_name("ann@x.org", "same"), suite="earlier", run=1),
        by_name("id-of-ann", "older", suite="earlier", run=0),
        by_name("Bob Lee", "same", is_late=True, note="not graded, because older: webserver-1.py", suite="now"),
        by_name("Zoe Leeh", "third", suite="now"),
        by_name("Dan", "broken", suite="now"),
        results=[
            Result("third", "Zoe Leeh", GRADED, record=graded("Zoe Leeh", earned=0)),
            Result("same", "ann@x.org", GRADED, "web.py was taken for webserver.py", graded("ann@x.org", earned=0)),
            Result("same", "ann@x.org", GRADED, "web.py was taken for webserver.py", graded("class/ann@x.org")),
            Result("broken", "Dan", GRADED, record=graded("Dan")),
            Result("broken", "Dan", BROKEN, "ended"),
        ],
        people=(ANN, BOB, CYD),
    )
    (out / CSV).write_text("Student,Points,Reason,Who\nBob Lee,1.5,shown in class,T. Ott\n")
    (said,) = HandBack(tmp_path / "back").write(out, register)
    assert said == f"{tmp_path / 'back'}: feedback for 3 students"
    found = read(tmp_path / "back")
    names = ["Ann Lee", "Bob Lee", "Zoe Leeh"]
    assert found.keys() == {f"{name}.{ending}" for name in names for ending in ("html", "txt")}
    for file, text in found.items():
        others = [
            word for name in ("Ann", "Bob", "Cyd", "Zoe", "Dan") if name not in file for word in (name, name.lower())
        ]
        assert not re.search(rf"\b({'|'.join(others)})\b", text), file
        for word in ("matches nobody", "did you mean", "earlier version", "id-of-bob", "bob@x.org", *PLACES):
            assert word not in text, (file, word)
        assert "1.2" in text
        assert 'File "…/socketserver.py", line 318' in text.replace("&#34;", '"')
        assert not re.search(r"""(href|src|action)\s*=\s*["']?(https?:|//)""", text)
    for ending in ("html", "txt"):
        ann, bob, zoe = (found[f"{name}.{ending}"] for name in names)
        assert "points that count: 5 of 10 (points × 10 / 2, rounded to two decimals)" in ann
        assert "note: not graded, because older: id-of-ann; web.py was taken for webserver.py" in ann
        assert "decided: 1.5 points by T. Ott, shown in class" in bob
        assert "points that count: 7.5 of 10" in bob
        assert "note: late; not graded, because older: webserver-1.py; web.py was taken for webserver.py" in bob
        assert "decided:" not in ann + zoe
        assert "points that count: 0 of 10" in zoe


def test_machine_stays_unknown(tmp_path: Path) -> None:
    """Of a path on the grading machine, a student sees what is the same on every machine; other paths stay."""
    out = tmp_path / "out"
    record = graded()
    record.requirements[0].outcome, record.requirements[0].reason = Outcome.ERROR, "OSError: /home/teacher/suite/x.txt"
    record.requirements[0].earned = 0
    register = kept(out, by_name("Ann", "a"), results=[Result("a", "Ann", GRADED, record=record)])
    HandBack(tmp_path / "back").write(out, register)
    for text in read(tmp_path / "back").values():
        assert not any(place in text for place in PLACES)
        assert "asked for /dir/some.py" in text
        assert "could not be checked" in text
        assert "more bytes" not in text
    page = read(tmp_path / "back")["Ann.html"]
    for line in ("…/lib/python3.11/asyncio/events.py:80:", "…/bin/python3: can", "some.py\nwebserver.py"):
        assert line in page


def test_who_has_no_record_is_told_why(tmp_path: Path) -> None:
    """A page and a text say why a submission was not graded, and what was decided; who submitted nothing gets none."""
    out = tmp_path / "out"
    refused = Result("r", "Ann Lee", REFUSED, "work.rar is not a .zip, .tar.gz, .py or .ipynb file")
    register = kept(
        out,
        by_name("Ann Lee", "r"),
        by_name("Eve Wu", "b"),
        by_name("Fay", "not graded yet"),
        results=[refused, Result("b", "Eve Wu", BROKEN, "ended")],
        people=(ANN, BOB, CYD, Person("Eve Wu"), Person("Fay")),
    )
    (out / CSV).write_text("Student,Points,Excuse,Reason\nBob Lee,,yes,ill\n")
    (said,) = HandBack(tmp_path / "back").write(out, register)
    assert said.endswith("feedback for 2 students")
    found = read(tmp_path / "back")
    assert found.keys() == {"Ann Lee.html", "Ann Lee.txt", "Bob Lee.html", "Bob Lee.txt"}
    why = "note: not graded: work.rar is not a .zip, .tar.gz, .py or .ipynb file"
    assert found["Ann Lee.txt"].splitlines() == ["Ann Lee", why, "", "lab1 · Title"]
    assert f'<p class="remark">{why}</p>' in found["Ann Lee.html"]
    assert "<h1>lab1 · Title · Ann Lee</h1>" in found["Ann Lee.html"]
    for ending in ("html", "txt"):
        assert "decided: excused, ill" in found[f"Bob Lee.{ending}"]
        assert "work.rar" not in found[f"Bob Lee.{ending}"]
    (out / CSV).write_text("Student,Points\nAnn Lee,1\n")
    HandBack(tmp_path / "back").write(out, register)
    told = read(tmp_path / "back")["Ann Lee.txt"]
    assert f"decided: 1 points\npoints that count: 5 of 10 (points × 10 / 2, rounded to two decimals)\n{why}" in told


def test_moodle_tells_who_has_no_record(tmp_path: Path) -> None:
    """In the archive for Moodle, a group that submitted what cannot be graded finds one page with the reason."""
    out = tmp_path / "out"
    register = kept(
        out,
        from_moodle("Team 4", "12", "r"),
        results=[Result("r", "Team 4", REFUSED, "it contains no webserver.py")],
        people=(replace(BOB, group="Team 4"), replace(CYD, group="Team 4")),
    )
    HandBack(archive=tmp_path / "back.zip").write(out, register)
    (page,) = pages(tmp_path / "back.zip").values()
    assert "note: not graded: it contains no webserver.py" in page
    assert not re.search("Bob|Cyd", page)


def test_group_gets_one_page_each(tmp_path: Path) -> None:
    """Each member finds their own name, and the label of the group, but nothing else about the others."""
    out = tmp_path / "out"
    team = Submission("Team 4", "Team 4", "t", (by_hand("Ann Lee"), by_hand("bob@x.org"), by_hand("Eve")))
    register = kept(out, team, results=[Result("t", "Team 4", GRADED, record=graded("Team 4"))], people=(ANN, BOB))
    (out / CSV).write_text("Student,Points,Reason\nBob Lee,0,was away\n")
    HandBack(tmp_path / "back").write(out, register)
    found = read(tmp_path / "back")
    assert len(found) == 4
    assert "submission: Team 4" in found["Ann Lee.txt"]
    assert "was away" in found["Bob Lee.html"]
    for word in ("Bob", "bob", "was away", "another member", "Eve"):
        assert word not in found["Ann Lee.html"] + found["Ann Lee.txt"]


def test_moodle_hands_it_out(tmp_path: Path) -> None:
    """The archive has the folders of Moodle's download, and what is left out is counted.

    Moodle takes the number between the first and the second underscore of a folder's name.
    """
    out = tmp_path / "out"
    people = (ANN, replace(BOB, group="Team 4"), replace(CYD, group="Team 4"), Person("Dan"), Person("Eve"))
    results = [Result(key, key, GRADED, record=graded(key)) for key in "atda"]
    register = kept(
        out,
        from_moodle("Ann Lee", "11", "a"),
        from_moodle("Team 4", "12", "t"),
        from_moodle("Da_n", "13", "a"),
        by_name("Eve", "d"),
        results=results,
    )
    file = tmp_path / "back.zip"
    (said,) = HandBack(archive=file).write(out, register)
    assert said.startswith(f"{file}: feedback for 3 submissions from Moodle; 1 submission left out: not from Moodle")
    found = pages(file)
    assert found.keys() == {
        f"{name}_assignsubmission_file_/feedback.html" for name in ("Ann Lee_11", "Team 4_12", "Da n_13")
    }
    for name in found:
        assert name.split("_")[1].isdigit()
        folder = tmp_path / name.split("/")[0]
        folder.mkdir()
        assert read_download([folder])[0][0].number == name.split("_")[1]
    assert "Ann" not in found["Da n_13_assignsubmission_file_/feedback.html"]

    register = replace(register, roster=Roster(people))
    HandBack(archive=file).write(out, register)
    team = pages(file)["Team 4_12_assignsubmission_file_/feedback.html"]
    assert "Team 4" in team
    assert not re.search("Bob|Cyd", team)
    (out / CSV).write_text("Student,Points,Reason\nBob Lee,0,was away\n")
    (said,) = HandBack(archive=file).write(out, register)
    assert "1 submission left out: what is decided about one member of a group" in said
    assert not any("Team" in name for name in pages(file))


def test_class_from_elsewhere_has_nothing_for_moodle(labcheck: Labcheck, tmp_path: Path) -> None:
    """Where no submission came from Moodle, that is an error, and an earlier archive stays."""
    out, file = tmp_path / "out", tmp_path / "back.zip"
    kept(out, by_name("Eve", "a"), by_name("Dan", "a"), results=[Result("a", "Eve", GRADED, record=graded("Eve"))])
    file.write_text("earlier")
    result = labcheck("report", out, "--moodle-feedback", file)
    assert result.status == 2
    assert "2 submissions left out: not from Moodle's download" in result.err
    assert file.read_text() == "earlier"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")
def test_feedback_is_private(tmp_path: Path) -> None:
    """Folder, files and archive can be read by their owner only."""
    out = tmp_path / "out"
    register = kept(out, from_moodle("Ann", "1", "a"), results=[Result("a", "Ann", GRADED, record=graded())])
    before = os.umask(0)
    try:
        HandBack(tmp_path / "back", tmp_path / "back.zip").write(out, register)
    finally:
        os.umask(before)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "back").iterdir()}
    assert modes == {"Ann.html": 0o600, "Ann.txt": 0o600}
    assert stat.S_IMODE((tmp_path / "back").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "back.zip").stat().st_mode) == 0o600


def test_what_is_left_of_an_earlier_time_is_counted(labcheck: Labcheck, tmp_path: Path) -> None:
    """Files in the folder are replaced; those that are not written now are counted, and stay."""
    out, folder = tmp_path / "out", tmp_path / "back"
    kept(out, by_name("Ann", "a"), results=[Result("a", "Ann", GRADED, record=graded())])
    folder.mkdir()
    for name in ("Ann.html", "Gone.html"):
        (folder / name).write_text("earlier")
    result = labcheck("report", out, "--feedback", folder)
    assert result.out == f"{folder}: feedback for 1 student; 1 other file there, not written now\n"
    assert (folder / "Gone.html").read_text() == "earlier"
    assert (folder / "Ann.html").read_text("utf-8").startswith("<!doctype html>")
    assert not (out / "class.html").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--feedback", "nowhere/back"), "cannot write nowhere/back: its folder does not exist"),
        (("--feedback", "../out"), "holds the results, which students must not get"),
        (("--feedback", "../out/class.json"), "it is a file; give a folder"),
        (("--moodle-feedback", ".."), "it is a folder; give a file name"),
        (("--moodle-feedback", "nowhere/back.zip"), "its folder does not exist"),
    ],
)
def test_wrong_place_is_reported(labcheck: Labcheck, tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    """A place where nothing can be written is reported in one line."""
    kept(tmp_path / "out", by_name("Ann", "a"), results=[Result("a", "Ann", GRADED, record=graded())])
    result = labcheck("report", tmp_path / "out", *words)
    assert result.status == 2
    assert says in result.err
    assert result.err.count("\n") == 1


def test_part_of_a_class_gives_no_feedback(labcheck: Labcheck, tmp_path: Path) -> None:
    """A shard does not know the class; that is said before anything is graded."""
    result = labcheck(
        "grade", "lab1", tmp_path, "--out", tmp_path / "o", "--shard", "1/2", "--feedback", tmp_path / "f"
    )
    assert result.status == 2
    assert "a part of the class gives no feedback" in result.err


# -- The names of the files


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..", "student"),
        ("", "student"),
        (".hidden", "hidden"),
        ("a\x00b\nc\u202e", "a_b_c_"),
        ("con", "_con"),
        ("Nul.x", "_Nul.x"),
        ("Zoe\u0308", "Zo\u00eb"),
        ("x" * 300, "x" * LONGEST),
        ("é" * 300, "é" * (LONGEST // 2)),
    ],
)
def test_name_of_a_file_is_safe(name: str, safe: str) -> None:
    """A name becomes that of a file in the folder, on every system."""
    assert safe_name(name) == safe


def test_namesakes_are_told_apart() -> None:
    """By their e-mail address, or what else is known of them; by a number if nothing is."""
    people = [
        Person("Kim Lee", "kim@x.org"),
        Person("KIM LEE", "", "77"),
        Person("Kim Lee", "kim@x.org"),
        Person("Kim"),
    ]
    entries = [Entry("label", person=person) for person in people]
    expected = ["Kim Lee kim@x.org", "KIM LEE 77", "Kim Lee kim@x.org 2", "Kim"]
    assert file_names(entries) == expected
    assert file_names(entries[::-1]) == ["Kim", "Kim Lee kim@x.org", "KIM LEE 77", "Kim Lee kim@x.org 2"]


@given(st.lists(st.tuples(st.text(max_size=100), st.sampled_from(["", "a@x", "A@X 2", "../x"])), max_size=8))
def test_no_two_files_clash(people: list[tuple[str, str]]) -> None:
    """No matter what people are called, each gets a file of their own, directly in the folder."""
    names = file_names([Entry(f"{name}.zip", person=Person(name, email)) for name, email in people])
    assert len({unicodedata.normalize("NFC", name).casefold() for name in names}) == len(people)
    for name in names:
        assert name.isprintable()
        assert name.strip(" .") == name != ""
        assert not re.search(r'[\\/:*?"<>|]', name)
        assert len(name.encode()) < 200


# -- With a real grading

HIDDEN = '''
from labcheck.suite import Draw, Server, requirement

@requirement("2.9", hints=["a secret hint"])
def test_page_has_a_status(server: Server, draw: Draw) -> None:
    """A made page answers as it should."""
    assert server.get("/secret-path.zzz").status == 418, "a secret reason"
'''


@pytest.mark.skipif(os.name != "posix", reason="classes are graded on Linux and macOS")
@pytest.mark.usefixtures("protection")
def test_hidden_checks_stay_hidden(labcheck: Labcheck, tmp_path: Path) -> None:
    """`grade` writes the feedback, too; of a hidden check, it has the title and the outcome."""
    place, suite, folder = tmp_path / "class", tmp_path / "suite", tmp_path / "back"
    for name in ("ada", "bob"):
        (place / name).mkdir(parents=True)
        text = (CHECKOUT / "solutions" / "lab1" / "webserver.py").read_text("utf-8")
        (place / name / "webserver.py").write_text(text, "utf-8")
    suite.mkdir()
    (suite / "test_more.py").write_text(HIDDEN)
    words = ("--suite", suite, "--hidden", "--feedback", folder)
    result = labcheck("grade", "lab1", place, "--out", tmp_path / "out", *words)
    assert result.status == 0
    assert result.out.splitlines()[-1] == f"{folder}: feedback for 2 students"
    found = read(folder)
    assert found.keys() == {"ada.html", "ada.txt", "bob.html", "bob.txt"}
    for file, text in found.items():
        assert "A made page answers as it should." in text
        assert "29 of 30 requirements pass" in re.sub("<[^>]*>", "", text)
        assert "secret" not in text
        assert "418" not in text
        assert str(tmp_path) not in text
        assert not re.search(rf"\b{'bob' if 'ada' in file else 'ada'}\b", text)  # a drawn word may contain it
