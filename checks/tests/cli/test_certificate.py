"""`labcheck certificate`, as a student, an instructor and a verifier use it."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT, TESTS

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

LINK = "https://networks.example/form?a=1&b=2"
SMALL = TESTS / "courses" / "small"


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A copy of the small course, which asks for feedback."""
    folder = tmp_path / "course"
    shutil.copytree(SMALL, folder)
    with (folder / "labcheck.toml").open("a", encoding="utf-8") as file:
        file.write(f'\nfeedback = "{LINK}"\n')
    return folder


def test_student_makes_one_when_all_labs_are_passed(labcheck: Run, course: Path, tmp_path: Path) -> None:
    """Until then, a line says what is missing. The course asks for feedback after its last lab, and after this."""
    here = tmp_path / "here"
    shutil.copytree(course / "labs" / "board", here / "board")
    shutil.copytree(course / "solutions" / "clock", here / "clock")
    certificate = ("certificate", "--name", "Zoë O'Neil", "--course", course)
    labcheck("board", "--course", course)
    last = labcheck("clock", "--course", course)
    assert last.out.splitlines()[-1] == f"  tell your course what you think of the labs: {LINK}"
    refused = labcheck(*certificate)
    assert (refused.status, refused.err) == (1, "")
    wanted = r"no certificate: not all labs are passed: board \(\d of 4 requirements pass\); next: labcheck board\n"
    assert re.fullmatch(wanted, refused.out)
    assert list(here.glob("*.html")) == []

    shutil.copy(course / "solutions" / "board" / "board.py", here / "board")
    assert "certificate" not in labcheck("list", "--course", course).out
    assert LINK not in labcheck("board", "--course", course).out  # another lab follows
    said = "You have passed all labs. For a certificate: labcheck certificate --name NAME"
    assert labcheck("list", "--course", course).out.splitlines()[-1] == said
    done = labcheck(*certificate)
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines() == [
        "certificate.html: open it in a browser, and print it from there. It is not signed.",
        f"tell your course what you think of the labs: {LINK}",
    ]
    page = (here / "certificate.html").read_text("utf-8")
    for words in ("Zoë O&#39;Neil", "both labs", "A small course", "<strong>This certificate is not signed.</strong>"):
        assert words in page
    again = labcheck(*certificate)
    assert again.status == 2
    assert "certificate.html already exists and was not overwritten" in again.err
    assert "it is a folder; give a file name" in labcheck(*certificate, "--out", "board").err
    assert labcheck(*certificate, "--out", "other.html").status == 0


def test_course_without_labs(labcheck: Run, tmp_path: Path) -> None:
    """A course without labs has no certificate."""
    (tmp_path / "empty" / "labs").mkdir(parents=True)
    result = labcheck("certificate", "--name", "Ada", "--course", tmp_path / "empty")
    assert (result.status, result.out) == (2, "")
    assert "empty has no labs; name those that must be passed with --labs" in result.err
    assert "You have passed" not in labcheck("list", "--course", tmp_path / "empty").out


def test_course_without_a_link_asks_for_nothing(labcheck: Run) -> None:
    """There is no feedback unless the course wants it."""
    solution = SMALL / "solutions" / "clock"
    assert "what you think" not in labcheck("clock", solution, "--course", SMALL).out


def test_class_from_grades_to_verification(labcheck: Run, course: Path, tmp_path: Path) -> None:
    """Keys, the results of two labs, a certificate for the one who has passed both, and its verification offline."""
    here = tmp_path / "here"
    (here / "class.csv").write_text('Student,Email\n"Lovelace, Ada",ada@x.org\nBob Bo,bob@x.org\n')
    for lab in ("board", "clock"):
        shutil.copytree(course / "solutions" / lab, here / lab / "ada@x.org")
        shutil.copytree(course / "labs" / lab, here / lab / "bob@x.org")
        options = ("--out", f"{lab}-results", "--course", course, "--roster", "class.csv", "--sandbox", "none")
        assert labcheck("grade", lab, lab, *options).status == 0
    keys = labcheck("certificate", "key", "class.key")
    assert keys.status == 0
    assert [line.partition(":")[0] for line in keys.out.splitlines()] == ["class.key", "class.key.pub"]
    results = ("certificate", "board-results", "clock-results", "--key", "class.key", "--course", course)
    assert "holds results, which students must not get" in labcheck(*results, "--out", "board-results").err
    done = labcheck(*results, "--out", "certificates", "--title", "Networks")
    assert (done.status, done.err) == (0, "")
    head, left_out, bob = done.out.splitlines()
    assert (head, left_out) == ("certificates: 1 certificate", "left out: 1")
    assert re.fullmatch(r"  Bob Bo: board: \d of \d requirements pass; clock: \d of \d requirements pass", bob)
    verify = ("certificate", "verify", "certificates/Lovelace, Ada.html", "--public-key", "class.key.pub")
    genuine = labcheck(*verify)
    assert (genuine.status, genuine.err) == (0, "")
    said = r"certificates/Lovelace, Ada\.html: genuine: Ada Lovelace · Networks · board, clock · \d{4}-\d\d-\d\d\n"
    assert re.fullmatch(said, genuine.out)

    file = here / "certificates" / "Lovelace, Ada.html"
    file.write_text(file.read_text("utf-8").replace("Ada", "Eda"), "utf-8")
    changed = labcheck(*verify)
    assert (changed.status, changed.err, changed.out.count("\n")) == (1, "", 1)
    assert "not genuine: it was changed" in changed.out
    (here / "board-results" / "overrides.csv").write_text("Student,Points,Reason\nada@x.org,0,copied\n")
    none = labcheck(*results, "--out", "none")
    assert none.status == 1
    assert none.out.startswith("no certificate\nleft out: 2\n  Ada Lovelace: board: decided: 0 points, copied\n")
    assert not (here / "none").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--labs", "lab1,lba2", "--name", "Ada"], "--labs: unknown lab 'lba2'. Did you mean 'lab2'? Labs: lab1,"),
        (["results"], "certificates for a class need --key FILE"),
        (["results", "--name", "Ada"], "--name is for a certificate of your own"),
        (["--key", "class.key"], "certificates for a class need RESULTS"),
        (["results", "--key", "class.key"], "certificates for a class need --out FOLDER"),
        (["results", "--key", "class.key", "--out", "x"], "there is no file class.key"),
        (["results", "--key", "class.key", "--out", "x", "--title", " "], "--title ' ': it is empty"),
        (["verify", "certificate.html"], "the following arguments are required: --public-key"),
        (["verify", "certificate.html", "--public-key", "class.key.pub"], "there is no file class.key.pub"),
        (["key"], "the following arguments are required: FILE"),
    ],
)
def test_wrong_usage_is_reported_in_one_line(labcheck: Run, words: list[str], message: str) -> None:
    """The line says what is missing; the exit status is 2."""
    result = labcheck("certificate", *words)
    assert (result.status, result.out) == (2, "")
    assert result.err.count("\n") == 1
    assert message in result.err


def test_names_are_asked_for_and_checked(labcheck: Run, tmp_path: Path) -> None:
    """A name is needed, and must be visible."""
    here = tmp_path / "here"
    shutil.copytree(CHECKOUT / "solutions" / "lab1", here / "lab1")
    labcheck("lab1")
    for words, message in (
        ((), 'a certificate needs a name: labcheck certificate --name "Ada Lovelace"'),
        (("--name", " "), "--name ' ': it is empty"),
        (("--name", "Ada\u202e"), "--name 'Ada\\u202e': it contains the invisible character U+202E"),
    ):
        result = labcheck("certificate", "--labs", "lab1", *words)
        assert (result.status, result.out) == (2, "")
        assert message in result.err
    assert labcheck("certificate", "--labs", "lab1", "--name", "Ada").status == 0
    assert "1 of the 5 labs" in (here / "certificate.html").read_text("utf-8")


def test_verifier_reads_any_file(labcheck: Run, tmp_path: Path) -> None:
    """A missing file is wrong use; another file is not a certificate."""
    labcheck("certificate", "key", "class.key")
    verify = ("certificate", "verify", "--public-key", "class.key.pub")
    missing = labcheck(*verify, "certificate.html")
    assert (missing.status, missing.out) == (2, "")
    assert "cannot read certificate.html: No such file or directory" in missing.err
    other = labcheck(*verify, "class.key.pub")
    assert other.status == 1
    assert other.out == (
        "class.key.pub: not genuine: this is not a certificate of labcheck, or one of which a part is missing\n"
    )


def test_help_of_each_form(labcheck: Run) -> None:
    """The overview shows all forms, and `verify --help` and `key --help` their own arguments."""
    whole = labcheck("certificate", "--help").out
    for words in ("--name NAME", "key FILE", "RESULTS ... --key FILE --out FOLDER", "verify FILE --public-key KEY"):
        assert words in whole
    assert labcheck("certificate", "verify", "--help").out.startswith("usage: labcheck certificate verify ")
    assert labcheck("certificate", "key", "--help").out.startswith("usage: labcheck certificate key ")
