"""Submissions from Canvas, Moodle, GitHub Classroom and collected by hand: they are found, and assigned to students."""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
import warnings
import zipfile
from typing import TYPE_CHECKING

import pytest

from labcheck.classes.discovery import discover, opened
from labcheck.errors import RefusedError, UsageError
from labcheck.platforms.downloads import by_hand
from labcheck.submission.archive import Target
from labcheck.submission.handed_in import pack
from labcheck.submission.limits import CLASS, MAX_BYTES, MAX_FILES, SUBMISSION
from labcheck.submission.unpack import unpack
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from labcheck.submission.handed_in import HandedIn

LAB = load_lab("lab1")


def fill(place: Path, *files: str) -> Path:
    """Create files, each with its own path as content. A path that ends with a slash is an empty folder."""
    for file in files:
        path = place / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if file.endswith("/"):
            path.mkdir()
        else:
            path.write_text(file, "utf-8")
    return place


def plain(label: str, *github: str) -> tuple[tuple[str, str], ...]:
    """Return the clues of a name chosen by an instructor."""
    return (*by_hand(label), *(("github", user) for user in github))


def canvas(label: str, number: str) -> tuple[tuple[str, str], ...]:
    """Return the clues of a name in Canvas."""
    return ("canvas number", number), ("compact name", label), ("compact group", label)


def moodle(label: str, number: str) -> tuple[tuple[str, str], ...]:
    """Return the clues of a name in Moodle."""
    return ("moodle number", number), ("name", label), ("group", label)


def members(data: bytes) -> Mapping[str, str]:
    """Return the files in a tar: name -> content."""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {info.name: tar.extractfile(info).read().decode() for info in tar}  # type: ignore[union-attr]


FOLDERS: dict[str, tuple[list[str], dict[str, tuple[tuple[str, str], ...]]]] = {
    "folders and files": (
        ["jane/webserver.py", "max.zip", "eva.tar.gz", "tom.py", "zoe.rar"],
        {label: plain(label) for label in ("eva", "jane", "max", "tom", "zoe")},
    ),
    "other files beside them": (
        ["jane/x", ".git/x", ".hidden.zip", "__MACOSX/x", "list.csv", "README.md", "index.html", "a.json", "b.txt"],
        {"jane": plain("jane")},
    ),
    "files of systems and tools": (
        [
            *("jane/x", "Thumbs.db", "desktop.ini", ".DS_Store", "__pycache__/x", "node_modules/x", "._max.zip"),
            *("venv/pyvenv.cfg", ".venv/x", ".ipynb_checkpoints/x", ".pytest_cache/x", ".mypy_cache/x"),
        ],
        {"jane": plain("jane")},
    ),
    "the same label twice": (
        ["jane/x", "jane.zip", "max/x"],
        {"jane": plain("jane"), "jane.zip": plain("jane"), "max": plain("max")},
    ),
    "Canvas": (
        [
            "doejane_123_9001_webserver.py",
            "doejohn_LATE_124_9002_lab_1-2.zip",
            "müllerérik_125_9003_webserver-1.py",
        ],
        {
            "doejane": canvas("doejane", "123"),
            "doejohn": canvas("doejohn", "124"),
            "müllerérik": canvas("müllerérik", "125"),
        },
    ),
    "two of one name in Canvas": (
        ["doejane_123_9001_webserver.py", "doejane_124_9002_webserver.py"],
        {f"doejane_{number}": canvas("doejane", number) for number in ("123", "124")},
    ),
    "Moodle": (
        [
            "Jane Doe_123_assignsubmission_file_/webserver.py",
            "John A. Doe_124_assignsubmission_file/webserver.py",
            "Eva Müller_125_assignsubmission_file_webserver.py",
            "Jane Doe_123_assignsubmission_onlinetext_/onlinetext.html",
            "Eva Müller_125_assignsubmission_onlinetext_x.html",
        ],
        {
            "Eva Müller": moodle("Eva Müller", "125"),
            "Jane Doe": moodle("Jane Doe", "123"),
            "John A. Doe": moodle("John A. Doe", "124"),
        },
    ),
    "two of one name in Moodle": (
        ["Jane Doe_1_assignsubmission_file_/x", "Jane Doe_2_assignsubmission_file_/x"],
        {f"Jane Doe_{number}": moodle("Jane Doe", str(number)) for number in (1, 2)},
    ),
    "GitHub Classroom": (
        ["lab1-alice/x", "lab1-albert-x/x"],
        {
            "lab1-albert-x": plain("lab1-albert-x", "albert-x"),
            "lab1-alice": plain("lab1-alice", "alice"),
        },
    ),
    "an assignment with dashes": (
        ["lab-1-alice/x", "lab-1-bob/x"],
        {"lab-1-alice": plain("lab-1-alice", "1-alice", "alice"), "lab-1-bob": plain("lab-1-bob", "1-bob", "bob")},
    ),
    "a single clone": (
        ["lab1-alice-x/.git/config", "lab1-alice-x/x"],
        {"lab1-alice-x": plain("lab1-alice-x", "alice-x", "x")},
    ),
    "a single folder": (["anna-maria/x"], {"anna-maria": plain("anna-maria")}),
    "names with dashes": (["anna-maria/x", "eva/x"], {name: plain(name) for name in ("anna-maria", "eva")}),
}


@pytest.mark.parametrize("case", FOLDERS)
def test_students_are_found(case: str, tmp_path: Path) -> None:
    """Each student is found once, in order, with the clues from the names."""
    files, expected = FOLDERS[case]
    found = discover(fill(tmp_path, *files))
    assert [(each.label, each.members) for each in found] == [(label, (clues,)) for label, clues in expected.items()]


NEWEST = {
    "Canvas's numbers": (["doejane_1_5_webserver.py", "doejane_1_9_webserver-1.py"], {1}),
    "late": (["doejane_LATE_1_9_webserver.py", "doejane_1_5_webserver.py"], {0}),
    "a later attachment with an older name": (["doejane_1_5_web-2.py", "doejane_1_9_web.py"], {1}),
    "9 and 10": (["doejane_1_10_w-1.py", "doejane_1_9_w.py"], {0}),
    "several files, one of them again": (["d_1_5_echo.py", "d_1_6_chat.py", "d_1_9_echo-1.py"], {1, 2}),
    "an archive after a program": (["d_1_5_webserver.py", "d_1_9_lab1.zip"], {1}),
    "a program after an archive": (["d_1_5_lab1.zip", "d_1_9_webserver.py"], {1}),
    "two archives": (["d_1_5_lab1.zip", "d_1_9_lab1-1.zip"], {1}),
    "a report after an archive": (["d_1_5_lab1.zip", "d_1_9_report.pdf"], {0}),
    "a comment instead": (["d_1_text.html", "d_1_9_webserver.py"], {1}),
}


@pytest.mark.parametrize("case", NEWEST)
def test_newest_file_counts(case: str, tmp_path: Path) -> None:
    """Of several versions, the newest counts by the platform's numbers; the note names every other file."""
    files, expected = NEWEST[case]
    found = only(discover(fill(tmp_path, *files)))
    assert {files.index(path.name) for path in found.paths} == expected
    older = {file for place, file in enumerate(files) if place not in expected and "text" not in file}
    named = found.note.removeprefix("not graded, because older: ").split(", ")
    assert set(filter(None, named)) == older


@pytest.mark.parametrize(
    ("file", "why"),
    [
        ("d_1_text.html", "a text was entered in Canvas, and no file: see d_1_text.html"),
        ("d_LATE_1_link.html", "a link was submitted, and no file: see d_LATE_1_link.html"),
        ("D_1_assignsubmission_onlinetext/onlinetext.html", "a text was entered in Moodle, and no file: see D_1_.*"),
    ],
)
def test_text_is_a_submission_without_a_grade(file: str, why: str, tmp_path: Path) -> None:
    """A text or a link that was entered instead of a file is refused in words, and is a submission."""
    with pytest.raises(RefusedError, match=f"^{why}$"):
        only(discover(fill(tmp_path, file))).read(LAB)


def test_names_say_whose_a_file_is(tmp_path: Path) -> None:
    """A table of names decides before anything that a name may look like, for a file and for a label."""
    place = fill(tmp_path, "webserver (1).py", "d_1_9_webserver.py", "notes.txt", "Max/x")
    ann, bob, cyd, max_ = ((("name", name),) for name in ("Ann", "Bob", "Cyd", "Max"))
    names = {"webserver (1).py": ann, "d_1_9_webserver.py": bob, "notes.txt": cyd, "Max": max_}
    found = {each.label: each.members for each in discover(place, names)}
    assert found == {"webserver (1)": (ann,), "d_1_9_webserver": (bob,), "notes": (cyd,), "Max": (max_,)}


def only(found: Iterable[HandedIn]) -> HandedIn:
    """Return the only element."""
    (each,) = found
    return each


TOOLS = ("Thumbs.db", "a/desktop.ini", ".DS_Store", "._b.py", "__MACOSX/b.py", ".venv/b.py", ".mypy_cache/x")
READ = {
    "a file": (["jane.zip"], ("jane.zip", "jane.zip")),
    "Canvas's file": (["doejane_1_2_web_server-1.py"], ("web_server-1.py", "doejane_1_2_web_server-1.py")),
    "Moodle's file": (
        ["J_1_assignsubmission_file_a_b.py"],
        ("a_b.py", "J_1_assignsubmission_file_a_b.py"),
    ),
    "the only archive in a folder": (["jane/work.tar.gz", "jane/read.txt"], ("work.tar.gz", "jane/work.tar.gz")),
    "the only archive beside a report": (
        ["jane/LAB1.ZIP", "jane/report.pdf", "jane/notes.txt", "jane/Thumbs.db", "jane/._LAB1.ZIP"],
        ("LAB1.ZIP", "jane/LAB1.ZIP"),
    ),
    "the only archive in a folder of a folder": (
        ["jane/lab1/a/lab1.zip", "jane/report.docx"],
        ("lab1.zip", "jane/lab1/a/lab1.zip"),
    ),
    "the only notebook in a folder": (["jane/lab.ipynb"], ("lab.ipynb", "jane/lab.ipynb")),
}


@pytest.mark.parametrize("case", READ)
def test_single_file_is_read_as_it_is(case: str, tmp_path: Path) -> None:
    """A single file is read unchanged, with the name that its student gave it."""
    files, (name, content) = READ[case]
    assert only(discover(fill(tmp_path, *files))).read(LAB) == (name, content.encode())


@pytest.mark.parametrize(
    ("files", "inside"),
    [
        (["jane/b.py", "jane/site/a", "jane/é"], {"b.py", "site/a", "é"}),
        (["jane/b.py", "jane/.git/x", "jane/__pycache__/x", "jane/v/pyvenv.cfg", "jane/x.pyc"], {"b.py"}),
        (["jane/b.py", *(f"jane/{name}" for name in TOOLS)], {"b.py"}),
        (["jane/work.zip", "jane/webserver.py"], {"work.zip", "webserver.py"}),
        (["jane/work.zip", "jane/WEBSERVER.PY"], {"work.zip", "WEBSERVER.PY"}),
        (["jane/work.zip", "jane/webserver.py.txt"], {"work.zip", "webserver.py.txt"}),
        (["jane/work.zip", "jane/old/webserver.py"], {"work.zip", "old/webserver.py"}),
        (["jane/a.zip", "jane/b.zip"], {"a.zip", "b.zip"}),
        (["doejane_1_2_b.py", "doejane_LATE_1_3_a.html"], {"a.html", "b.py"}),
        (["J_1_assignsubmission_file_b.py", "J_1_assignsubmission_file_a.py"], {"a.py", "b.py"}),
        (["jane/"], set()),
    ],
)
def test_several_files_are_read_as_a_tar(files: list[str], inside: set[str], tmp_path: Path) -> None:
    """A folder, or several files of one student, become a tar of the relevant files with their names."""
    name, data = only(discover(fill(tmp_path, *files))).read(LAB)
    assert name.endswith(".tar")
    assert members(data).keys() == inside


def test_tar_is_the_same_for_the_same_files(tmp_path: Path) -> None:
    """Times, owners, modes and the order of a folder's files do not change the tar."""
    files = ["site/é" * 30, "webserver.py", "a/b"]
    one, other = fill(tmp_path / "one", *files), fill(tmp_path / "other", *reversed(files))
    os.utime(other / "webserver.py", (1, 1))
    (other / "webserver.py").chmod(0o600)
    assert pack(one) == pack(other)
    (tmp_path / "out").mkdir()
    folder = unpack("work.tar", pack(one), tmp_path / "out", load_lab("lab1")).folder
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == set(files)


def test_links_are_not_followed(tmp_path: Path) -> None:
    """Links in a student's folder, or beside it, are ignored."""
    (tmp_path / "secret").write_text("x", "utf-8")
    place = fill(tmp_path / "place", "jane/webserver.py", "max/")
    for link in ("jane/link.py", "max/work.zip", "eva.py"):
        (place / link).symlink_to(tmp_path / "secret")
    (place / "jane" / "all").symlink_to(tmp_path)
    jane, max_ = discover(place)
    assert members(jane.read(LAB)[1]).keys() == {"webserver.py"}
    assert members(max_.read(LAB)[1]) == {}


def test_program_that_is_a_link_is_refused(tmp_path: Path) -> None:
    """A program that is a link would be missing: the reason says so, unless the file itself is there, too."""
    (tmp_path / "secret").write_text("x", "utf-8")
    place = fill(tmp_path / "place", "jane/lab1/notes.txt", "max/webserver.py", "max/old/")
    (place / "jane" / "lab1" / "webserver.py").symlink_to(tmp_path / "secret")
    (place / "max" / "old" / "webserver.py").symlink_to(place / "max" / "webserver.py")
    jane, max_ = discover(place)
    with pytest.raises(RefusedError, match=r"^webserver.py is a link, and no links are followed here"):
        jane.read(LAB)
    assert members(max_.read(LAB)[1]).keys() == {"webserver.py"}


def test_folder_with_an_unreadable_file_is_refused(tmp_path: Path, unreadable: Callable[..., None]) -> None:
    """A folder without a file that its student can read must not be graded; a hidden file is of no use to a program."""
    place = fill(tmp_path / "place", "jane/webserver.py", "jane/.DS_Store", "max/webserver.py", "max/page.py")
    unreadable(".DS_Store", "page.py")
    jane, max_ = discover(place)
    assert members(jane.read(LAB)[1]).keys() == {"webserver.py"}
    with pytest.raises(RefusedError, match=r"^'page.py' cannot be read: Permission denied$"):
        max_.read(LAB)


@pytest.mark.parametrize("what", ["files", "bytes", "one"])
def test_too_much_is_refused(what: str, tmp_path: Path) -> None:
    """A folder or file that exceeds the limits of a submission is refused before it is read."""
    folder = fill(tmp_path / "place", "jane/webserver.py") / "jane"
    if what == "files":
        fill(folder, *map(str, range(MAX_FILES)))
    large = tmp_path / "place" / "eva.zip" if what == "one" else folder / "large"
    with large.open("wb") as file:
        file.truncate(5 * MAX_BYTES if what != "files" else 0)
    with pytest.raises(RefusedError, match="more than 5,000 files" if what == "files" else "(more|larger) than .* MiB"):
        discover(tmp_path / "place")[0].read(LAB)


def test_higher_limit_lets_it_through(tmp_path: Path) -> None:
    """The refusal names the option that allows more, and with it the submission is read; so it is with a download."""
    folder = fill(tmp_path / "place", "jane/webserver.py", "jane/large") / "jane"
    with (folder / "large").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    (jane,) = discover(tmp_path / "place")
    with pytest.raises(RefusedError, match=r"more than 32 MiB; submit only .* \(labcheck grade --limits 2 allows"):
        jane.read(LAB)
    assert len(jane.read(LAB, SUBMISSION.times(2))[1]) > MAX_BYTES
    with pytest.raises(RefusedError, match=r"more than 16 MiB; .*--limits 1 allows"):
        jane.read(LAB, SUBMISSION.times(0.5))
    archive = bulk(tmp_path, "jane/webserver.py", "max/webserver.py")
    small = CLASS.times(1e-5)
    with pytest.raises(UsageError, match="more than 2 files and folders; labcheck grade --limits 2e-05 allows"):
        opened(archive, limits=small).__enter__()
    with opened(archive, limits=small.times(2)) as place:
        assert [each.label for each in discover(place)] == ["jane", "max"]


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("nowhere", "folder .*nowhere does not exist; give the folder"),
        ("file.csv", "file.csv is a file; give the folder"),
        ("empty", "no submissions in .*empty; expected a folder"),
    ],
)
def test_place_without_submissions_is_a_usage_error(place: str, why: str, tmp_path: Path) -> None:
    """A path without submissions is a usage error, reported in one line."""
    fill(tmp_path, "file.csv", "empty/list.csv")
    with pytest.raises(UsageError, match=why):
        discover(tmp_path / place)


def bulk(place: Path, *files: str) -> Path:
    """Create the archive of a bulk download."""
    with zipfile.ZipFile(place / "bulk.zip", "w") as archive:
        for file in files:
            archive.writestr(file, "x")
    return place / "bulk.zip"


BULKS = {
    "Canvas": (["doejane_1_2_a.py", "doejohn_2_3_a.py"], ["doejane", "doejohn"]),
    "Moodle": (["Jane Doe_1_assignsubmission_file_/a.py", "__MACOSX/x"], ["Jane Doe"]),
    "a folder of Moodle's": (["lab1/Jane Doe_1_assignsubmission_file_/a.py"], ["Jane Doe"]),
    "a folder of Canvas's": (["lab1/doejane_1_2_a.py"], ["doejane"]),
    "a folder of folders": (["lab1/jane/a.py", "lab1/max/a.py", "lab1/list.csv"], ["jane", "max"]),
    "clones": (["lab1-a/.git/x", "lab1-a/a.py", "lab1-b/.git/x"], ["lab1-a", "lab1-b"]),
    "a single clone": (["lab1-a/.git/x", "lab1-a/site/x", "lab1-a/src/a.py"], ["lab1-a"]),
    "a single student": (["jane/webserver.py", "jane/site/x"], ["jane"]),
    "a single student with a copy": (["jane/Webserver (1).py", "jane/x.py"], ["jane"]),
    "a folder of programs": (["lab1/jane.py", "lab1/max.py"], ["jane", "max"]),
    "a folder in a folder of Moodle's": (["x/lab1/Jane Doe_1_assignsubmission_file_/a.py"], ["Jane Doe"]),
}


@pytest.mark.parametrize("case", BULKS)
def test_bulk_archive_is_unpacked_temporarily(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bulk download is unpacked with all files in the students' folders, and removed after use."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    files, labels = BULKS[case]
    with opened(bulk(tmp_path, *files), ["webserver.py", "a.py"]) as folder:
        assert [each.label for each in discover(folder)] == labels
        assert len(list(folder.rglob(".git"))) == str(files).count(".git")
    assert list((tmp_path / "temporary").iterdir()) == []


def test_folder_of_a_platform_is_found_in_a_folder(tmp_path: Path) -> None:
    """A folder that contains an unpacked download, perhaps with a roster beside it, is taken for the download."""
    fill(tmp_path, "class.csv", "submissions/doejane_1_2_a.py", "submissions/doejohn_2_3_a.py")
    with opened(tmp_path) as folder:
        assert [each.label for each in discover(folder)] == ["doejane", "doejohn"]


def test_folder_is_used_directly(tmp_path: Path) -> None:
    """A folder is used directly, and is not removed."""
    with opened(tmp_path) as folder:
        assert folder == tmp_path
    assert tmp_path.is_dir()


def test_link_in_a_bulk_archive_is_left_out(tmp_path: Path) -> None:
    """A link in one student's folder does not affect the other students."""
    with tarfile.open(tmp_path / "bulk.tar.gz", "w:gz") as tar:
        for name, type in (("jane/webserver.py", tarfile.REGTYPE), ("max/link", tarfile.SYMTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = type, "/etc/passwd"
            tar.addfile(info)
    with opened(tmp_path / "bulk.tar.gz") as folder:
        assert [path.name for path in folder.iterdir()] == ["jane"]


def test_what_is_no_plain_file_is_a_problem_of_one_student(tmp_path: Path) -> None:
    """A pipe, a device or a sparse file in a class's tar stops nobody else, and it is said why it is not graded."""
    sparse = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
    with tarfile.open(tmp_path / "bulk.tar", "w") as tar:
        for name, type in (
            ("jane/webserver.py", tarfile.REGTYPE),
            ("max/webserver.py", tarfile.FIFOTYPE),
            ("roe/webserver.py", tarfile.CHRTYPE),
            ("zoe/webserver.py", tarfile.REGTYPE),
            ("flat.py", tarfile.FIFOTYPE),
            (f"jane/{'a' * 255}", tarfile.FIFOTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.pax_headers = type, sparse if name.startswith("zoe") else {}
            tar.addfile(info)
    with opened(tmp_path / "bulk.tar", ["webserver.py"]) as folder:
        reasons = {each.label: refusal(each, tmp_path) for each in discover(folder)}
    missing = "it contains no webserver.py, but webserver.not_a_plain_file; submit the file itself"
    assert reasons == {
        "jane": "",
        "flat": "flat.not_a_plain_file is not a .zip, .tar.gz, .py or .ipynb file",
        **dict.fromkeys(("max", "roe", "zoe"), missing),
    }


def test_path_that_is_there_twice_is_a_copy(tmp_path: Path) -> None:
    """Of two files with one path in a class's archive, the later one counts, and the note says so."""
    with warnings.catch_warnings(), zipfile.ZipFile(tmp_path / "bulk.zip", "w") as archive:
        warnings.simplefilter("ignore")
        for name, data in (("jane/webserver.py", b"1"), ("max/webserver.py", b"1"), ("jane/webserver.py", b"2")):
            archive.writestr(name, data)
    with opened(tmp_path / "bulk.zip", ["webserver.py"]) as folder:
        jane, max_ = discover(folder)
        for each, data, note in (
            (jane, b"2", "took webserver (1).py for webserver.py; left aside: webserver.py"),
            (max_, b"1", ""),
        ):
            (tmp_path / each.label).mkdir()
            chosen = unpack(*each.read(LAB), tmp_path / each.label, LAB)
            assert ((chosen.folder / "webserver.py").read_bytes(), chosen.note) == (data, note)


CLONES = {
    "in one folder": (["out/a/.git/x", "out/a/webserver.py", "out/b/.git/x"], ["a", "b"]),
    "in one folder, with a list": (["list.csv", "out/a/.git/x", "out/b/.git/x"], ["a", "b"]),
    "directly": (["a/.git/x", "b/.git/x"], ["a", "b"]),
    "one, with a folder that is another repository": (["a/.git/x", "a/inner/.git/x"], ["a"]),
    "one student's folders": (["jane/src/webserver.py", "jane/site/x"], ["jane"]),
    "a repository beside a folder": (["jane/site/.git/x", "jane/src/webserver.py"], ["jane"]),
}


@pytest.mark.parametrize("case", CLONES)
def test_clones_in_one_folder_are_a_class(case: str, tmp_path: Path) -> None:
    """A folder with nothing but clones is the class, also if it is the only folder in the one that is given."""
    files, labels = CLONES[case]
    fill(tmp_path / "place", *files)
    with opened(tmp_path / "place", ["webserver.py"]) as folder:
        assert [each.label for each in discover(folder)] == labels


AS_A_FOLDER = "it contains webserver.py as a folder; submit the file itself"
BOTH = {  # a file and a folder of one name: the entries, and why a submission is refused; "": it is graded
    "in a submission": (
        ["jane/data", "jane/data/x", "jane/webserver.py", "max/webserver.py"],
        {"jane": "", "max": ""},
    ),
    "the program": (
        ["jane/webserver.py", "jane/webserver.py/x", "max/webserver.py"],
        {"jane": AS_A_FOLDER, "max": ""},
    ),
    "a submission": (
        ["jane", "jane/webserver.py", "max/webserver.py"],
        {"jane": "", "jane (1)": "jane (1) is not a .zip, .tar.gz, .py or .ipynb file", "max": ""},
    ),
    "three times": (
        ["jane/data", "jane/data/", "jane/data (1)/x", "jane/data", "jane/webserver.py", "max/webserver.py"],
        {"jane": "", "max": ""},
    ),
    "a long name": (
        [f"jane/{'a' * 255}", f"jane/{'a' * 255}/x", f"max/a.{'b' * 253}", f"max/a.{'b' * 253}", "max/webserver.py"],
        {"jane": "it contains no webserver.py; submit the folder with this file", "max": ""},
    ),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize("case", BOTH)
def test_file_and_folder_of_one_name_are_a_problem_of_one_student(case: str, is_reversed: bool, tmp_path: Path) -> None:
    """A class's archive with a file and a folder of one name loses neither, in any order, and stops nobody else."""
    files, expected = BOTH[case]
    with opened(bulk(tmp_path, *(reversed(files) if is_reversed else files)), ["webserver.py"]) as folder:
        assert sum(path.is_file() for path in folder.rglob("*")) == sum(not file.endswith("/") for file in files)
        reasons = {each.label: refusal(each, tmp_path) for each in discover(folder)}
    assert reasons == expected


def refusal(each: HandedIn, place: Path) -> str:
    """Return why a submission is refused; "" if it is not."""
    (place / each.label).mkdir()
    try:
        unpack(*each.read(LAB), place / each.label, LAB)
    except RefusedError as error:
        return str(error)
    return ""


def test_students_whose_names_differ_by_case_stay_apart(tmp_path: Path) -> None:
    """Where a file system takes Jane and jane for one name, their folders do not become one."""
    (tmp_path / "jane").mkdir()  # as mkdir() finds it there after Jane
    target = Target(tmp_path, CLASS)
    for name in ("webserver.py", "notes.txt"):
        target.write(("jane", name), [b"x"])
    found = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*"))
    assert found == ["jane (1)/notes.txt", "jane (1)/webserver.py"]


def test_unsafe_bulk_archive_is_a_usage_error(tmp_path: Path) -> None:
    """A bulk archive is not trusted either; an unsafe one is reported to the instructor as a usage error."""
    archive = bulk(tmp_path, "../x")
    with pytest.raises(UsageError, match=r"bulk\.zip cannot be unpacked: .*leads out of its folder"), opened(archive):
        pass


LONG = "doejane_1_2_" + "a" * 300 + ".zip"
STRANGE = {
    "too long": [LONG],
    "a long ending": ["doejane_1_2_a." + "b" * 300],
    "not UTF-8": ["doejane_1_2_caf\udce9.zip"],
    "a control character": ["doejane_1_2_a\nb.zip"],
    "a drive": ["Jane_1_assignsubmission_file_/a/q: x.zip"],
    "dots and spaces": ["Jane_1_assignsubmission_file_/.../.. /x.zip"],
    "too deep": [f"Jane_1_assignsubmission_file_/{'a/b/c/' * 200}/x.zip"],
    "too deep, two files": [f"Jane_1_assignsubmission_file_/{'abc' * 20}/{'a/b/c/' * 90}/{name}.py" for name in "ab"],
    "two long ones": [LONG, LONG.replace("a.zip", "b.zip"), LONG.replace("_1_", "_3_")],
}


@pytest.mark.parametrize("format", ["zip", "tar"])
@pytest.mark.parametrize("case", STRANGE)
def test_strange_name_does_not_stop_a_class(case: str, format: str, tmp_path: Path) -> None:
    """In a bulk archive, a file with a name that cannot be written is found under another one, with its content."""
    files = [*STRANGE[case], "roe_2_3_webserver.py"]
    archive = tmp_path / f"bulk.{format}"
    if format == "zip":
        with zipfile.ZipFile(archive, "w") as pack_:
            for file in files:
                info = zipfile.ZipInfo("x")
                info.filename = file.replace("\udce9", "\N{LATIN SMALL LETTER E WITH ACUTE}")
                pack_.writestr(info, file.encode("utf-8", "replace"))
        archive.write_bytes(archive.read_bytes().replace("caf\xe9".encode(), b"caf\x82_"))  # code page 437
    else:
        with tarfile.open(archive, "w", format=tarfile.GNU_FORMAT, errors="surrogateescape") as tar:
            for file in files:
                data = file.encode("utf-8", "replace")
                info_ = tarfile.TarInfo(file)
                info_.size = len(data)
                tar.addfile(info_, io.BytesIO(data))
    with opened(archive) as folder:
        found = {each.label.split("_")[0]: each for each in discover(folder)}
        there = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert sorted(there) == sorted(file.encode("utf-8", "replace") for file in files)
    assert found.keys() == {STRANGE[case][0].split("_")[0], "roe"}


def test_files_of_a_deep_folder_stay_together(tmp_path: Path) -> None:
    """A path that is too long is shortened in the middle: the files of one folder are still in one folder."""
    with opened(bulk(tmp_path, *STRANGE["too deep, two files"])) as folder:
        assert [len(list(path.parent.glob("*.py"))) for path in folder.rglob("*.py")] == [2, 2]
        assert max(len(os.fsencode(path.relative_to(folder))) for path in folder.rglob("*")) < 500


def test_damaged_archive_concerns_one_student(tmp_path: Path) -> None:
    """A damaged archive, a bomb and an archive that leads out are problems of the one who submitted them."""
    good, bomb, out = io.BytesIO(), io.BytesIO(), io.BytesIO()
    for packed, name, data in (
        (good, "a/webserver.py", b"x"),
        (bomb, "webserver.py", bytes(2 * MAX_BYTES)),
        (out, "../webserver.py", b"x"),
    ):
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, data)
    students = {
        "bomb": bomb.getvalue(),
        "damaged": good.getvalue()[:-30],
        "good": good.getvalue(),
        "empty": b"",
        "out": out.getvalue(),
    }
    with zipfile.ZipFile(tmp_path / "bulk.zip", "w") as archive:
        for name, data in students.items():
            archive.writestr(f"class/{name}/lab1.zip", data)
    reasons = {}
    with opened(tmp_path / "bulk.zip") as folder:
        for each in discover(folder):
            place = tmp_path / each.label
            place.mkdir()
            try:
                unpack(*each.read(LAB), place, LAB)
            except RefusedError as error:
                reasons[each.label] = str(error)[:30]
    assert reasons == {
        "bomb": "it contains more than 32 MiB; ",
        "damaged": "it is not a readable archive, ",
        "empty": "it is not a readable archive, ",
        "out": "it contains ../webserver.py, a",
    }


def test_tools_do_not_count_in_a_bulk_archive(tmp_path: Path) -> None:
    """What tools have made in the folders of students is not unpacked, and does not use up the limit of the class."""
    files = [*(f"lab1/jane/{name}/x" for name in ("node_modules", "__pycache__", "venv/lib/site-packages", ".venv"))]
    with opened(bulk(tmp_path, "lab1/jane/webserver.py", "lab1/max/webserver.py", *files, "Thumbs.db")) as folder:
        assert [each.label for each in discover(folder)] == ["jane", "max"]
        assert {path.name for path in folder.rglob("*") if path.is_file()} == {"webserver.py"}


def test_file_that_is_not_an_archive_is_a_usage_error(tmp_path: Path) -> None:
    """A file that is not an archive is reported as a usage error."""
    fill(tmp_path, "list.csv")
    with (
        pytest.raises(UsageError, match=r"list\.csv cannot be unpacked: it is not a readable archive"),
        opened(tmp_path / "list.csv"),
    ):
        pass
