"""The wheel that labcheck makes of itself: what is in it, and what it installs."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from email import message_from_bytes
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement

from conftest import CHECKOUT, OUTSIDE, once
from labcheck.cli.options import WRONG_USE
from labcheck.errors import SuiteError, UsageError
from labcheck.judging.catalogue import read_suite
from labcheck.version import __version__
from labcheck.workbook import extras, wheel
from labcheck.workbook.labs import lab_names, load_lab
from labcheck.workbook.withheld import INSTRUCTOR
from labcheck.workbook.withheld import without_solutions as take_out

if TYPE_CHECKING:
    from email.message import Message

SECONDS = 120  # for any one command
TUTOR = "your tutor, tutor@example.org"


@pytest.fixture(scope="session")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, as labcheck makes it."""
    file = tmp_path_factory.mktemp("own") / wheel.NAME
    file.write_bytes(wheel.assemble().data)
    return file


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory, own: Path) -> Path:
    """A new virtual environment with this wheel; the dependencies are those of the tests. The path of its Python."""
    return _environment(tmp_path_factory, "from-own-wheel", own)


def _environment(tmp_path_factory: pytest.TempPathFactory, name: str, file: Path) -> Path:
    """Install a wheel into a new virtual environment, and return the path of its Python."""

    def install(place: Path) -> None:
        venv.create(place / "venv", with_pip=False)  # the pip of the tests is enough, and its own takes seconds
        pip = [sys.executable, "-I", "-m", "pip", "--python", str(_python(place)), "install", "-q"]
        subprocess.run(
            [*pip, "--no-deps", "--no-index", "--no-compile", str(file)],
            env={name: value for name, value in OUTSIDE.items() if not name.startswith("PIP_")},
            check=True,
            capture_output=True,
            timeout=SECONDS,
        )
        asked = [str(_python(place)), "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        packages = subprocess.run(asked, check=True, capture_output=True, text=True, timeout=SECONDS).stdout.strip()
        # A line with a path, so that the .pth files of that folder, one of which leads to the checkout, are not read.
        (Path(packages) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")

    return _python(once(tmp_path_factory, name, install))


def _python(place: Path) -> Path:
    return place / "venv" / ("Scripts" if os.name == "nt" else "bin") / ("python.exe" if os.name == "nt" else "python")


def _run(*words: object, cwd: Path, status: int = 0) -> str:
    """Run a command, which must have this exit status, and return what it prints: its errors, if it fails."""
    environment = {**OUTSIDE, "XDG_STATE_HOME": str(cwd / "state"), "LOCALAPPDATA": str(cwd / "state")}
    done = subprocess.run(
        list(map(str, words)), cwd=cwd, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stderr if status == WRONG_USE else done.stdout


@pytest.fixture(scope="session")
def withheld(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel without solutions that an instructor makes of this checkout."""
    place = tmp_path_factory.mktemp("withheld")
    command = [sys.executable, "-P", "-m", "labcheck", "wheel", place, "--without-solutions", "--ask", TUTOR]
    _run(*command, cwd=place)
    return place / wheel.NAME


@pytest.fixture(scope="session")
def without_solutions(tmp_path_factory: pytest.TempPathFactory, withheld: Path) -> Path:
    """A new virtual environment with the labcheck that has no solutions: the path of the command."""
    return _environment(tmp_path_factory, "without-solutions", withheld).with_name("labcheck")


def own_lines(lab: str) -> list[tuple[str, ...]]:
    """Return what only the solution of a lab has: each long line, and each two lines that follow each other."""
    texts = (file for kind in ("py", "html", "css", "json") for file in (CHECKOUT / "labs").rglob(f"*.{kind}"))
    given = {line for file in texts for line in _stripped(file.read_bytes())}
    found: list[tuple[str, ...]] = []
    for file in (CHECKOUT / "solutions" / lab).glob("*.py"):
        mine = _stripped(file.read_bytes())
        found += [(line,) for line in mine if line not in given and len(line) >= 35]
        found += [pair for pair in pairwise(mine) if not given & set(pair) and sum(map(len, pair)) >= 35]
    return found


def quoting(files: dict[str, bytes]) -> set[str]:
    """Return the names of the files that contain what only a solution has."""
    quoted = {"\n".join(lines) for lab in lab_names() for lines in own_lines(lab)}
    texts = {name: "\n".join(_stripped(data)) for name, data in files.items()}
    return {name for name, text in texts.items() if any(each in text for each in quoted)}


def _stripped(data: bytes) -> list[str]:
    lines = (line.strip() for line in data.decode("utf-8", "replace").splitlines())
    return [line for line in lines if line]


def contents(file: Path) -> dict[str, bytes]:
    """Return the files in a wheel."""
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def metadata(file: Path) -> tuple[dict[str, Any], str]:
    """Return the fields in a wheel's metadata, except the version of their format, and the description."""
    parsed: Message = message_from_bytes(contents(file)[f"{wheel.INFO}/METADATA"])
    fields: dict[str, Any] = {
        name: sorted(str(each) for each in parsed.get_all(name, [])) for name in parsed if name != "Metadata-Version"
    }
    fields["Requires-Dist"] = {str(Requirement(each)).lower() for each in fields["Requires-Dist"]}
    fields["Keywords"] = set(fields["Keywords"][0].split(","))
    return fields, str(parsed.get_payload())


def test_own_wheel_is_the_built_one(own: Path, wheel: Path) -> None:
    """It has the files that the build tool puts into a wheel, byte for byte, and the same metadata and commands."""
    ours, built = contents(own), contents(wheel)
    assert ours.keys() == built.keys()
    different = {name.rpartition("/")[2] for name in built if ours[name] != built[name]}
    assert different <= {"METADATA", "WHEEL", "RECORD"}
    assert metadata(own) == metadata(wheel)
    assert own.name == wheel.name


def test_version_is_the_same_everywhere() -> None:
    """pyproject.toml, the package and the files that documents name have one version."""
    assert wheel.project()["project"]["version"] == __version__
    for file in ("README.md", "checks/README.md"):
        named = re.findall(r"labcheck-[\d.]+-py3-none-any\.whl", (CHECKOUT / file).read_text("utf-8"))
        assert set(named) == {wheel.NAME}


def test_own_wheel_is_always_the_same(own: Path) -> None:
    """Two runs give the same bytes; nothing depends on the time or on the order of files on the disk."""
    assert wheel.assemble().data == own.read_bytes()
    assert wheel.assemble().sha256 == wheel.read(own).sha256
    with zipfile.ZipFile(own) as archive:
        entries = archive.infolist()
    assert {entry.date_time for entry in entries} == {wheel.LONG_AGO}
    names = [entry.filename for entry in entries if not entry.filename.startswith(wheel.INFO)]
    assert names == sorted(names)


def test_what_python_and_editors_leave_is_not_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled files and hidden files are left out; a new file of a lab is in it."""
    copy = tmp_path / "copy"
    shutil.copytree(CHECKOUT, copy, ignore=shutil.ignore_patterns(".*", "tests"))
    left = ("labs/lab1/.notes", "labs/lab1/.cache/left.html", "checks/labcheck/__pycache__/a.pyc", "notebooks/b.pyc")
    for name in (*left, "labs/lab1/new.txt"):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).touch()
    monkeypatch.setattr(wheel, "root", lambda: copy)
    (tmp_path / wheel.NAME).write_bytes(wheel.assemble().data)
    names = contents(tmp_path / wheel.NAME)
    assert "labcheck/_workbook/labs/lab1/new.txt" in names
    assert not [name for name in names if name.endswith((".pyc", ".notes", "left.html"))]
    (copy / "LICENSE").unlink()
    with pytest.raises(UsageError, match=r"cannot make a wheel of this labcheck: .*LICENSE: "):
        wheel.assemble()


def test_own_wheel_installs_labcheck(installed: Path, tmp_path: Path) -> None:
    """Without a network and without a build tool, it installs the command and the labs."""
    assert _run(installed.with_name("labcheck"), "--version", cwd=tmp_path).split()[-1] == __version__
    listed = _run(installed.with_name("labcheck"), "list", cwd=tmp_path)
    assert all(name in listed for name in lab_names())
    where = _run(installed, "-I", "-c", "import labcheck; print(labcheck.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(installed.parents[1].resolve())


def test_installed_labcheck_makes_the_same_wheel(installed: Path, own: Path, tmp_path: Path) -> None:
    """`labcheck ci` of a labcheck that was installed from the wheel brings the same wheel along."""
    _run(installed.with_name("labcheck"), "ci", "github", "lab1", "files", cwd=tmp_path)
    wheels = list((tmp_path / "files").rglob("*.whl"))
    assert [file.name for file in wheels] == [wheel.NAME] * 2
    assert {file.read_bytes() for file in wheels} == {own.read_bytes()}
    workflows = list((tmp_path / "files").rglob("*.yml"))
    assert all(wheel.read(own).sha256 in file.read_text("utf-8") for file in workflows)


def test_wheel_without_solutions_quotes_none(own: Path, withheld: Path) -> None:
    """No file of it contains a part of a solution; all others are as they are, but for the last hints."""
    everything, files = contents(own), contents(withheld)
    quotes = quoting(everything)
    lists = {f"labcheck/suites/{lab}/{name}.toml" for lab in lab_names() for name in ("wrong", "survivors")}
    assert {f"labcheck/suites/{lab}/wrong.toml" for lab in lab_names()} < quotes
    templates = {name for name in everything if name.startswith("labcheck/authoring/templates/")}
    assert {name for name in quotes if "/solutions/" not in name} <= lists | templates
    assert quoting(files) == set()
    missing = {name for name in everything if "/solutions/" in name or name.endswith(("wrong.toml", "survivors.toml"))}
    assert everything.keys() - files.keys() == missing | templates
    assert files.keys() - everything.keys() == {"labcheck/_workbook/ask.txt"}
    changed = {name for name in files.keys() & everything.keys() if files[name] != everything[name]}
    assert {name for name in changed if ".dist-info/" not in name} == {
        name for name in files if re.fullmatch(r"labcheck/suites/\w+/test_\w+\.py", name)
    }
    for lab in lab_names():
        suites = "".join(data.decode() for name, data in files.items() if name.startswith(f"labcheck/suites/{lab}/"))
        for check in read_suite(load_lab(lab)):
            assert [repr(hint) in suites for hint in check.hints] == [True] * (len(check.hints) - 1) + [False]


def test_labcheck_without_solutions_works(without_solutions: Path, tmp_path: Path) -> None:
    """It lists, starts, checks and grades a lab, and gives every hint but the last; a page says whom to ask."""
    labcheck = without_solutions
    assert "lab2" in _run(labcheck, "list", cwd=tmp_path)
    _run(labcheck, "start", "lab1", cwd=tmp_path)
    assert "8 of 29 requirements pass" in _run(labcheck, "lab1", "--html", "report.html", cwd=tmp_path, status=1)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert f"The last hint is not in this labcheck. Ask {TUTOR}." in page
    hints = [_run(labcheck, "hint", "lab1", "2.3", cwd=tmp_path).splitlines()[1:] for _ in range(2)]
    assert [hint[0].partition(":")[0] for hint in hints] == ["hint 1 of 3", "hint 2 of 3"]
    assert hints[1][1] == "1 more hint: repeat the command."
    (tmp_path / "class" / "ann").mkdir(parents=True)
    shutil.copy(CHECKOUT / "solutions" / "lab1" / "webserver.py", tmp_path / "class" / "ann")
    if sys.platform == "linux":
        assert "1 of 1 submissions graded" in _run(
            labcheck, "grade", "lab1", "class", "--out", "out", "--sandbox", "none", cwd=tmp_path
        )
    _run(labcheck, "wheel", "again", cwd=tmp_path)
    assert "labcheck/_workbook/ask.txt" in contents(tmp_path / "again" / wheel.NAME)


@pytest.mark.parametrize(
    "words",
    [
        ["solution", "lab1"],
        ["solution", "lab2", "--diff"],
        ["lab1", "--beside"],
        ["new", "clock", "--kind", "lines", "--course", "mine"],
        ["verify"],
        ["verify", "lab1", "--mutants"],
        ["book", "site"],
        ["wheel", "--without-solutions"],
    ],
)
def test_what_needs_solutions_says_whom_to_ask(without_solutions: Path, tmp_path: Path, words: list[str]) -> None:
    """A command that needs solutions says in one line that they are missing, and whom to ask."""
    said = _run(without_solutions, *words, cwd=tmp_path, status=WRONG_USE)
    assert said.startswith("labcheck: this labcheck has no solutions, so ")
    assert f"; ask {TUTOR} " in said
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_last_hint_says_whom_to_ask(without_solutions: Path, tmp_path: Path) -> None:
    """After the other hints comes one line with whom to ask, and then the first hint again."""
    for _ in range(2):
        for _ in range(2):
            _run(without_solutions, "hint", "lab2", "1.1", cwd=tmp_path)
        said = _run(without_solutions, "hint", "lab2", "1.1", cwd=tmp_path, status=WRONG_USE)
        assert said == f"labcheck: The last hint is not in this labcheck. Ask {TUTOR}. (see labcheck --help)\n"


def test_instructor_is_asked_unless_somebody_is_named() -> None:
    """Without --ask, students are sent to their instructor."""
    assert b"your instructor\n" in wheel.assemble(INSTRUCTOR).data


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["wheel", "--ask", "Ada"], "add --without-solutions"),
        (["wheel", "--without-solutions", "--ask", "two\nlines"], "expected a text of one line"),
        (["wheel", "--without-solutions", "--ask", " "], "expected a text of one line"),
        (["wheel", "full"], "full/labcheck-0.1.0-py3-none-any.whl already exists and was not overwritten"),
        (["wheel", "file"], "cannot write file/labcheck"),
    ],
)
def test_wheel_that_cannot_be_made(tmp_path: Path, words: list[str], said: str) -> None:
    """A mistake is one line; a wheel with solutions is never replaced by one without, nor the other way round."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / wheel.NAME).touch()
    (tmp_path / "file").touch()
    shown = _run(sys.executable, "-P", "-m", "labcheck", *words, cwd=tmp_path, status=WRONG_USE).replace(os.sep, "/")
    assert said in shown
    assert (tmp_path / "full" / wheel.NAME).read_bytes() == b""


def test_hints_that_cannot_be_found_are_an_error_of_the_suite() -> None:
    """Hints that are not a list in place would stay in the wheel, so no wheel is made."""
    source = b'HINTS = ["a", "b"]\n\n@requirement("1.1", hints=HINTS)\ndef test_a(): ...\n'
    with pytest.raises(SuiteError, match=r"suites/lab9/test_1\.py, line 3: hints must be a list of texts"):
        take_out({"labcheck/suites/lab9/test_1.py": source}, "Ada")


@pytest.mark.parametrize("extra", ["book", "cluster", "jupyter"])
def test_extra_of_an_installed_labcheck_is_named_by_its_packages(installed: Path, tmp_path: Path, extra: str) -> None:
    """The command installs what the extra requires into the same environment, and never labcheck by its name."""
    code = f"from labcheck.workbook import extras; print(extras.command('{extra}'))"
    python, *pip = shlex.split(_run(installed, "-I", "-c", code, cwd=tmp_path), posix=os.name != "nt")
    assert (Path(python), pip[:3]) == (installed, ["-m", "pip", "install"])
    table = wheel.project()["project"]["optional-dependencies"]
    expected = [each for each in table[extra] if not each.startswith("labcheck")]
    if extra == "book":
        expected += table["jupyter"]
    assert sorted(pip[3:]) == sorted(expected)


def test_extra_of_a_checkout_is_installed_from_it() -> None:
    """In a checkout, the command installs the checkout again, with the extra."""
    quote = '"' if os.name == "nt" else "'"
    assert extras.command("jupyter").endswith(f" -m pip install -e {quote}{CHECKOUT}[jupyter]{quote}")
