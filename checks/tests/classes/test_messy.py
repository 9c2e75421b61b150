"""A messy class: the same work in every form in which it is handed in, and what becomes of each.

Each kind of work has a student of its own. The table says what is written into the instructor's folder, and the right
grade: the points, or None for no grade, and what the note must say.
"""

from __future__ import annotations

import csv
import io
import json
import os
import unicodedata
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from archives import tarred, zipped
from conftest import CHECKOUT, Result

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Labcheck = Callable[..., Result]

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="classes are graded on Linux and macOS"),
    pytest.mark.usefixtures("protection"),
]

SOLUTION = (CHECKOUT / "solutions" / "lab1" / "webserver.py").read_bytes()
OLD = b"raise SystemExit(1)  # an older version\n"
ALL, NOTHING = 29, 0


@dataclass(frozen=True)
class Kind:
    """One kind of work: the files in the instructor's folder, by path, and the right grade."""

    files: dict[str, bytes]
    points: int | None = ALL
    note: str = ""  # a part of what the note says; if it is empty, the note is empty
    links: dict[str, str] = field(default_factory=dict)


def linked(name: str) -> bytes:
    """Return a zip archive with a link."""
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, 0o120777 << 16
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    return data.getvalue()


def renamed(name: bytes, data: bytes) -> bytes:
    """Return a zip archive in which a name of the same length is replaced, without a mark that it is UTF-8."""
    return data.replace(b"x" * len(name), name)


def notebook(file: str) -> bytes:
    """Return a notebook that writes a program."""
    cell: dict[str, Any] = {"cell_type": "code", "source": f"%%writefile {file}\n{SOLUTION.decode()}", "metadata": {}}
    cell |= {"outputs": [], "execution_count": None}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}).encode()


IT = {"webserver.py": SOLUTION}
PAGE = b"%PDF-1.4 a report"
DECOMPOSED = unicodedata.normalize("NFD", "Zoë Müller")

# The name of the student -> the kind of work.
KINDS = {
    # forms of a folder
    "Ann Aa": Kind({"Ann Aa/webserver.py": SOLUTION}),
    "Ann Ab": Kind({"Ann Ab/lab1/webserver.py": SOLUTION}),
    "Ann Ac": Kind({"Ann Ac/my work/lab1/webserver.py": SOLUTION, "Ann Ac/notes.txt": b"x"}),
    "Ann Ad": Kind({"Ann Ad/webserver.py": SOLUTION, "Ann Ad/Thumbs.db": b"x", "Ann Ad/desktop.ini": b"x"}),
    "Ann Ae": Kind({"Ann Ae/webserver.py": SOLUTION, "Ann Ae/.venv/pyvenv.cfg": b"", "Ann Ae/.venv/webserver.py": OLD}),
    "Ann Af": Kind({"Ann Af/webserver.py": SOLUTION, "Ann Af/node_modules/webserver.py": OLD}),
    "Ann Ag": Kind({"Ann Ag/webserver.py": SOLUTION, "Ann Ag/__pycache__/webserver.py": OLD}),
    "Ann Ah": Kind({"Ann Ah/one/webserver.py": SOLUTION, "Ann Ah/two/webserver.py": SOLUTION}),
    "Ann Ai": Kind(
        {"Ann Ai/one/webserver.py": SOLUTION, "Ann Ai/two/webserver.py": OLD},
        None,
        "different versions of webserver.py",
    ),
    "Ann Aj": Kind({"Ann Aj/notes.txt": b"x"}, None, "it contains no webserver.py"),
    "Ann Ak": Kind({"Ann Ak/notes.txt": b"x"}, None, "webserver.py is a link", {"Ann Ak/webserver.py": "/etc/passwd"}),
    # single files, archives and notebooks
    "Bob Ba": Kind({"Bob Ba.py": SOLUTION}),
    "Bob Bb": Kind({"Bob Bb.zip": zipped(IT)}),
    "Bob Bc": Kind({"Bob Bc.zip": zipped({"lab1/webserver.py": SOLUTION, "__MACOSX/lab1/._webserver.py": b"x"})}),
    "Bob Bd": Kind({"Bob Bd.tar.gz": tarred(IT)}),
    "Bob Be": Kind({"Bob Be.tgz": tarred({"lab1/webserver.py": SOLUTION})}),
    "Bob Bf": Kind({"Bob Bf.tar.bz2": tarred(IT, "bz2")}),
    "Bob Bg": Kind({"Bob Bg.tar.xz": tarred(IT, "xz")}),
    "Bob Bh": Kind({"Bob Bh.tar": tarred(IT, "")}),
    "Bob Bi": Kind({"Bob Bi.ipynb": notebook("webserver.py")}),
    "Bob Bj": Kind({"Bob Bj/lab1.ipynb": notebook("webserver.py")}),
    "Bob Bk": Kind({"Bob Bk.zip": zipped({"work/lab1.ipynb": notebook("webserver.py")})}),
    "Bob Bl": Kind({"Bob Bl/lab1.zip": zipped(IT)}),
    "Bob Bm": Kind({"Bob Bm/lab1.zip": zipped(IT), "Bob Bm/report.pdf": PAGE}),
    "Bob Bn": Kind({"Bob Bn.zip": zipped({"lab1.zip": zipped({"lab1/webserver.py": SOLUTION})})}),
    "Bob Bo": Kind({"Bob Bo/work/lab1.zip": zipped(IT)}),
    # names of the program
    "Cyd Ca": Kind({"Cyd Ca/Webserver.py": SOLUTION}, note="took Webserver.py for webserver.py"),
    "Cyd Cb": Kind({"Cyd Cb/WEBSERVER.PY": SOLUTION}, note="took WEBSERVER.PY for webserver.py"),
    "Cyd Cc": Kind({"Cyd Cc/webserver (1).py": SOLUTION}, note=""),
    "Cyd Cd": Kind({"Cyd Cd/webserver.py": OLD, "Cyd Cd/webserver (1).py": SOLUTION}, note="left aside: webserver.py"),
    "Cyd Ce": Kind({"Cyd Ce/webserver.py": OLD, "Cyd Ce/webserver-2.py": SOLUTION}, note="left aside: webserver.py"),
    "Cyd Cf": Kind({"Cyd Cf/webserver - Copy.py": SOLUTION}, note="took webserver - Copy.py for webserver.py"),
    "Cyd Cg": Kind({"Cyd Cg/main.py": SOLUTION}, note="took main.py for webserver.py"),
    # what cannot be used
    "Dee Da": Kind({"Dee Da.rar": b"Rar!"}, None, ".zip"),
    "Dee Db": Kind({"Dee Db.pdf": PAGE}, None, "is not a .zip, .tar.gz, .py or .ipynb file"),
    "Dee Dc": Kind({"Dee Dc.docx": zipped({"word/document.xml": b"x"})}, None, "is not a .zip"),
    "Dee Dd": Kind({"Dee Dd.zip": zipped(IT)[:200]}, None, "not a readable archive"),
    "Dee De": Kind({"Dee De.zip": zipped({"../../webserver.py": SOLUTION})}, None, "leads out of its folder"),
    "Dee Df": Kind({"Dee Df.zip": linked("webserver.py")}, None, "it contains a link"),
    "Dee Dg": Kind({"Dee Dg.zip": zipped({str(each): b"" for each in range(5001)})}, None, "more than 5,000 files"),
    # names of files
    "Eve Ea": Kind({"Eve Ea.zip": renamed(b"\x81b.txt", zipped({**IT, "xxxxxx": b"x"}))}),
    "Eve Eb": Kind({"Eve Eb.tar.gz": tarred({**IT, "caf\udce9.txt": b"x"})}, None, "a name that is not UTF-8; rename"),
    "Eve Ec": Kind({"Eve Ec.zip": zipped({**IT, "é" * 200: b"x"})}, None, "name"),
    # programs
    "Fay Fa": Kind({"Fay Fa.py": b"import nothing_like_this\n"}, NOTHING, "needs a look: No module named"),
    "Fay Fb": Kind({"Fay Fb.py": b"def broken(:\n"}, NOTHING),
    "Fay Fc": Kind({"Fay Fc.py": b"\xef\xbb\xbf" + SOLUTION.replace(b"\n", b"\r\n")}),
    "Fay Fd": Kind({"Fay Fd.py": SOLUTION.decode().encode("utf-16")}, NOTHING),
    "Fay Fe": Kind({"Fay Fe/webserver.py": b""}, NOTHING),
    # Canvas
    "Gus Ga": Kind({"gagus_101_9001_webserver.py": SOLUTION}),
    "Gus Gb": Kind({"gbgus_LATE_102_9002_webserver.py": SOLUTION}, note="late"),
    "Gus Gc": Kind(
        {"gcgus_103_9003_webserver.py": OLD, "gcgus_103_9009_webserver-1.py": SOLUTION},
        note="not graded, because older: gcgus_103_9003_webserver.py",
    ),
    "Gus Gd": Kind({"gdgus_104_text.html": b"<p>sorry</p>"}, None, "a text was entered in Canvas, and no file"),
    "Gus Ge": Kind({"gegus_105_link.html": b"<a href=x>"}, None, "a link was submitted, and no file"),
    "Gus Gf": Kind({"gfgus_106_9010_lab1.zip": zipped(IT), "gfgus_106_9011_report.pdf": PAGE}, note="report.pdf"),
    "Gus Gg": Kind(
        {"gggus_107_9012_webserver.py": OLD, "gggus_LATE_107_9013_lab1.zip": zipped(IT)},
        note="not graded, because older: gggus_107_9012_webserver.py",
    ),
    # Moodle
    "Ian Ia": Kind({"Ian Ia_201_assignsubmission_file_/webserver.py": SOLUTION}),
    "Ian O'Hara": Kind({"Ian OHara_202_assignsubmission_file_/lab1.zip": zipped(IT)}),
    "Ian Ib": Kind({"Ian Ib_203_assignsubmission_file_webserver.py": SOLUTION}),
    "Ian Ic": Kind(
        {"Ian Ic_204_assignsubmission_onlinetext_/onlinetext.html": b"x"}, None, "a text was entered in Moodle"
    ),
    "Ian Id": Kind(
        {
            "Ian Id_205_assignsubmission_file_/webserver.py": SOLUTION,
            "Ian Id_205_assignsubmission_onlinetext_/onlinetext.html": b"see my file",
        }
    ),
    # names of people
    "Zoë Müller": Kind({f"{DECOMPOSED}/webserver.py": SOLUTION}),
    "Kay Ka (they/them)": Kind({"Kay Ka/webserver.py": SOLUTION}),
    "Kay Kb": Kind({"Kb, Kay/webserver.py": SOLUTION}),
    "Kay Kc": Kind({"Kc Kay/webserver.py": SOLUTION}),
    "Kay Kd": Kind({"kay.kd@x.org.zip": zipped(IT)}),
    "Kay Ke": Kind({"s-kayke/webserver.py": SOLUTION}),
    "Kay Kf": Kind(
        {"Kay Kf/webserver.py": SOLUTION, "kay.kf@x.org/webserver.py": OLD}, None, "2 submissions that differ, so none"
    ),
    "Kay Kg": Kind({}, None, "submitted nothing"),
    "Kay Khh": Kind({"Kay Khhh/webserver.py": SOLUTION}, None, "no submission matches, but perhaps Kay Khhh"),
}
NOT_SUBMITTED = ("class list.csv", "README.txt", "Thumbs.db", ".DS_Store", "__MACOSX/x", "grades.xlsx")


def login(name: str) -> str:
    """Return the login of a student."""
    return "s-" + "".join(letter for letter in name.partition("(")[0].lower() if letter.isascii() and letter.isalpha())


@pytest.mark.everything
def test_every_kind_of_work_gets_its_grade(labcheck: Labcheck, tmp_path: Path) -> None:
    """The work counts, in any form; what cannot be used is named, with the reason; nobody gets another's grade."""
    assert len(KINDS) >= 49
    place, out = tmp_path / "class", tmp_path / "out"
    for path, data in (each for kind in KINDS.values() for each in kind.files.items()):
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_bytes(data)
    for path in NOT_SUBMITTED:
        (place / path).parent.mkdir(exist_ok=True)
        (place / path).write_bytes(b"x")
    for link, target in (each for kind in KINDS.values() for each in kind.links.items()):
        (place / link).symlink_to(target)
    with (tmp_path / "class.csv").open("w", encoding="cp1252", newline="") as file:
        rows = ([name, f"{login(name)[2:]}@x.org".replace("kayk", "kay.k"), login(name)] for name in KINDS)
        csv.writer(file, delimiter=";").writerows([["Course 4711"], ["Name", "E-Mail", "Login"], *rows])
    result = labcheck("grade", "lab1", place, "--out", out, "--roster", tmp_path / "class.csv")
    assert "Traceback" not in result.out + result.err
    with (out / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        found = {row["student"] or row["submission"]: (row["score"], row["note"]) for row in csv.DictReader(file)}
    assert found.pop("Kay Khhh")[1] == "matches nobody in the roster; did you mean Kay Khh?"
    wrong = {
        name: (found[name], kind.points, kind.note)
        for name, kind in KINDS.items()
        if found[name][0] != ("" if kind.points is None else str(kind.points))
        or (kind.note not in found[name][1] if kind.note else found[name][1])
    }
    assert wrong == {}
    assert found.keys() == KINDS.keys()
