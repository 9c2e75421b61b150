"""labcheck notebook: it copies the walkthrough with the student's own programs in it, and opens it in JupyterLab."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import nbformat
import psutil
import pytest

from conftest import CHECKOUT, OUTSIDE, until
from labcheck.errors import UsageError
from labcheck.jupyter.walkthrough import copy
from labcheck.submission.notebook import fill, written_by
from labcheck.workbook import extras
from labcheck.workbook.labs import lab_names, load_lab

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nbformat import NotebookNode

    from conftest import Result

    Run = Callable[..., Result]

OPENS = """\
import json, os, pathlib, signal, sys
print("Ctrl+C is heard:", signal.getsignal(signal.SIGINT) == signal.default_int_handler)
pathlib.Path(os.environ["SEEN"]).write_text(json.dumps(sys.argv[1:]))
"""
STAYS = OPENS + "signal.signal(signal.SIGINT, lambda *_: sys.exit(0))\nprint('open', flush=True)\nsignal.pause()\n"


def cells_of(notebook: NotebookNode) -> dict[str, str]:
    """Return what the cells of a notebook write: file name -> text."""
    return {name: cell.source.partition("\n")[2] for cell in notebook.cells if (name := written_by(cell))}


def read(file: Path) -> NotebookNode:
    return nbformat.read(file, as_version=4)  # type: ignore[no-untyped-call, no-any-return]


@pytest.fixture
def jupyterlab(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """Replace JupyterLab by a program, and return the environment variables with which it is found."""

    def make(code: str) -> dict[str, str]:
        package = tmp_path / "modules" / "jupyterlab"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "__main__.py").write_text(code, "utf-8")
        return {"PYTHONPATH": str(package.parent), "SEEN": str(tmp_path / "seen.json")}

    return make


@pytest.mark.parametrize("name", lab_names())
def test_walkthrough_comes_with_the_starter_files(labcheck: Run, tmp_path: Path, name: str) -> None:
    """The folder has the lab's name, and contains its files and its unchanged notebook."""
    done = labcheck("notebook", name, "--no-open")
    assert (done.status, done.err) == (0, "")
    assert f"the walkthrough of {name} is in {name}/{name}.ipynb" in done.out
    folder, lab = tmp_path / "here" / name, load_lab(name)
    assert (folder / "README.md").read_bytes() == (lab.starter / "README.md").read_bytes()
    assert lab.notebook is not None
    assert read(folder / f"{name}.ipynb") == read(lab.notebook)
    nbformat.validate(read(folder / f"{name}.ipynb"))


def test_cells_contain_the_students_programs(tmp_path: Path) -> None:
    """Running all cells undoes nothing: a cell that writes an existing file contains the text of that file."""
    mine = tmp_path / "mine"
    mine.mkdir()
    work = '"""Mine: \u00e9, {braces}, back\\slashes."""\n\nprint("%%writefile")\n'
    (mine / "webserver.py").write_text(work, "utf-8")
    said = copy(load_lab("lab1"), mine)
    assert said[0] == "existing files left unchanged: 1"
    assert (mine / "webserver.py").read_text("utf-8") == work
    assert cells_of(read(mine / "lab1.ipynb"))["webserver.py"] == work.removesuffix("\n")


@pytest.mark.parametrize("text", ["x = 1\n", "x = 1", "x = 1\n\n", "\n\nx = 1\n", "%%writefile b.py\n", "\t#\u2028\n"])
def test_cell_writes_the_text_of_its_file(tmp_path: Path, text: str) -> None:
    """A cell that was filled from a file writes the same text, ending with a newline."""
    from IPython.core.inputtransformer2 import TransformerManager

    (tmp_path / "a.py").write_text(text, "utf-8", newline="")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("%%writefile a.py\nold")])  # type: ignore[no-untyped-call]
    fill(notebook, tmp_path)
    written: list[str] = []

    class Shell:
        def run_cell_magic(self, name: str, line: str, body: str) -> None:
            written.extend((name, line, body))

    code = TransformerManager().transform_cell(notebook.cells[0].source)  # type: ignore[no-untyped-call]
    exec(code, {"get_ipython": Shell})
    assert written == ["writefile", "a.py", text if text.endswith("\n") else f"{text}\n"]


def test_existing_notebook_is_kept(tmp_path: Path) -> None:
    """A second call overwrites nothing, says so, and warns about a cell that would overwrite newer work."""
    lab, folder = load_lab("lab1"), tmp_path / "lab1"
    copy(lab, folder)
    before = (folder / "lab1.ipynb").read_bytes()
    assert copy(lab, folder)[1:] == [f"{folder / 'lab1.ipynb'} already exists and was left unchanged"]
    (folder / "webserver.py").write_text("print('newer')\n", "utf-8")
    warning = "webserver.py differs from its cell in the notebook: running that cell overwrites the file"
    assert copy(lab, folder)[2:] == [warning]
    assert (folder / "lab1.ipynb").read_bytes() == before
    (folder / "lab1.ipynb").write_text("not a notebook", "utf-8")
    assert len(copy(lab, folder)) == 2
    assert (folder / "lab1.ipynb").read_text("utf-8") == "not a notebook"


def test_it_is_opened_in_jupyterlab(labcheck: Run, tmp_path: Path, jupyterlab: Callable[[str], dict[str, str]]) -> None:
    """JupyterLab gets the notebook's path; a `jupyterlab.py` in the student's folder is not run instead."""
    (tmp_path / "here" / "jupyterlab.py").write_text("raise SystemExit('the wrong one')", "utf-8")
    done = labcheck("notebook", "lab1", **jupyterlab(OPENS))
    assert (done.status, done.err) == (0, "")
    assert "Ctrl+C is heard: True" in done.out
    assert '["lab1/lab1.ipynb"' in (tmp_path / "seen.json").read_text("utf-8")


def test_status_of_jupyterlab_is_returned(labcheck: Run, jupyterlab: Callable[[str], dict[str, str]]) -> None:
    """If JupyterLab fails, the command fails too."""
    assert labcheck("notebook", "lab1", **jupyterlab("raise SystemExit(3)")).status == 1


@pytest.mark.skipif(os.name != "posix", reason="needs Unix signals")
@pytest.mark.parametrize(("number", "to_all", "status"), [(signal.SIGINT, True, 0), (signal.SIGTERM, False, 143)])
def test_it_ends_together_with_jupyterlab(
    tmp_path: Path, jupyterlab: Callable[[str], dict[str, str]], number: signal.Signals, to_all: bool, status: int
) -> None:
    """Ctrl+C, sent to all programs of a terminal, ends both cleanly; SIGTERM is passed on to JupyterLab."""
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "labcheck", "notebook", "lab1"],
        cwd=tmp_path,
        env={**OUTSIDE, **jupyterlab(STAYS)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        while "open\n" not in (line := process.stdout.readline()):
            assert line
        (opened,) = psutil.Process(process.pid).children()
        if to_all:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (status, "")
    until(lambda: not opened.is_running())


def test_without_jupyterlab_the_copy_is_made(tmp_path: Path) -> None:
    """If JupyterLab is missing, the message says how to install it, and what else opens the file."""
    code = (
        "import sys; sys.modules['jupyterlab'] = None;"
        "from labcheck.cli.main import main; sys.exit(main(['notebook', 'lab1']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"open the file in VS Code, or run: {extras.command('jupyter')}" in done.stderr
    assert (tmp_path / "lab1" / "lab1.ipynb").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "the following arguments are required: LAB"),
        (["lab11"], "unknown lab 'lab11'. Did you mean 'lab1'?"),
        (["lab1", "--no-opne"], "unrecognized arguments: --no-opne"),
        (["lab1", __file__, "--no-open"], "test_walkthrough.py is a file; give a folder"),
    ],
)
def test_wrong_usage_is_reported_in_one_line(labcheck: Run, words: list[str], message: str) -> None:
    """Invalid input gets a one-line error message and exit status 2."""
    result = labcheck("notebook", *words)
    assert (result.status, result.out, result.err.count("\n")) == (2, "", 1)
    assert message in result.err


def test_file_that_is_not_text_is_an_error(tmp_path: Path) -> None:
    """A program that cannot be put into a cell is reported, and no notebook is written that would overwrite it."""
    (tmp_path / "webserver.py").write_bytes(b"# caf\xe9\n")
    with pytest.raises(UsageError, match=r"webserver\.py is not UTF-8 text"):
        copy(load_lab("lab1"), tmp_path)
    assert not (tmp_path / "lab1.ipynb").exists()
    assert (tmp_path / "webserver.py").read_bytes() == b"# caf\xe9\n"


def test_lab_without_a_walkthrough(tmp_path: Path) -> None:
    """For a lab without a notebook, an error is reported and nothing is copied."""
    with pytest.raises(UsageError, match="lab1 has no walkthrough"):
        copy(replace(load_lab("lab1"), notebook=None), tmp_path / "lab1")
    assert not any(tmp_path.iterdir())


def test_checking_a_lab_imports_nothing_from_jupyter(tmp_path: Path) -> None:
    """`labcheck lab1` does not import the packages that only notebooks need."""
    code = (
        "import sys; from labcheck.cli.main import main; status = main(['lab1', sys.argv[1], '--only', '1.1']);"
        "names = {name.split('.')[0] for name in sys.modules};"
        "print('found:', sorted(names & {'IPython', 'ipykernel', 'jupyterlab', 'nbclient', 'nbformat', 'sphinx'}));"
        "sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(CHECKOUT / "solutions" / "lab1")],
        cwd=tmp_path,
        env={**OUTSIDE, "XDG_STATE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout.endswith("found: []\n")
