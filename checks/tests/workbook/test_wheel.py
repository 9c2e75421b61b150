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
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement

from conftest import CHECKOUT, OUTSIDE, once
from labcheck.errors import UsageError
from labcheck.version import __version__
from labcheck.workbook import extras, wheel

if TYPE_CHECKING:
    from email.message import Message

SECONDS = 120  # for any one command


@pytest.fixture(scope="session")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, as labcheck makes it."""
    file = tmp_path_factory.mktemp("own") / wheel.NAME
    file.write_bytes(wheel.assemble().data)
    return file


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory, own: Path) -> Path:
    """A new virtual environment with this wheel; the dependencies are those of the tests. The path of its Python."""

    def install(place: Path) -> None:
        venv.create(place / "venv", with_pip=False)  # the pip of the tests is enough, and its own takes seconds
        pip = [sys.executable, "-I", "-m", "pip", "--python", str(_python(place)), "install", "-q"]
        subprocess.run(
            [*pip, "--no-deps", "--no-index", "--no-compile", str(own)],
            env={name: value for name, value in OUTSIDE.items() if not name.startswith("PIP_")},
            check=True,
            capture_output=True,
            timeout=SECONDS,
        )
        asked = [str(_python(place)), "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        packages = subprocess.run(asked, check=True, capture_output=True, text=True, timeout=SECONDS).stdout.strip()
        # A line with a path, so that the .pth files of that folder, one of which leads to the checkout, are not read.
        (Path(packages) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")

    return _python(once(tmp_path_factory, "from-own-wheel", install))


def _python(place: Path) -> Path:
    return place / "venv" / ("Scripts" if os.name == "nt" else "bin") / ("python.exe" if os.name == "nt" else "python")


def _run(*words: object, cwd: Path) -> str:
    done = subprocess.run(
        list(map(str, words)), cwd=cwd, env=OUTSIDE, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


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
    assert "lab1" in listed and "lab2" in listed
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
