"""The walkthroughs: everything they mention exists, and they run from top to bottom, with starters and solutions."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from conftest import CHECKOUT, once, processes_in, until
from labcheck.workbook.labs import Lab, lab_names, load_lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOTEBOOKS = {path.stem: path for path in sorted((CHECKOUT / "notebooks").glob("*.ipynb"))}
SECONDS = 20  # limit for a cell; on an idle machine none takes four, so a cell over the limit hangs
LAB_SECONDS = 120  # limit for a cell that checks the whole lab
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}

# 2.3 is a requirement; HTTP/1.1, Python 3.11, 127.0.0.1, 1.5 s and section 5.7 of an RFC are not.
ID = re.compile(r"(?<!section )(?<!Python )(?<!RFC \d{4}, )(?<![\w./-])[1-9]\.[0-9]+(?!\.?\w)(?! (?:s|ms|bytes)\b)")
FILE = re.compile(r"[\w.-]+\.(?:css|html|ipynb|js|md|png|py|svg|toml|txt)\b")
WRITEFILE = re.compile(r"%%writefile (\S+)\n")
WRITTEN = re.compile(r'"([^"/]+)"\)\.write_text|Path\("([^"]+)"\)(?=\n\w+\.write_text)')
RUN = re.compile(r'labcheck\.run\("([^"]+)"')
CHECK = re.compile(r"%labcheck lab\w+")


def read(path: Path) -> Any:
    """Return a notebook exactly as in its file."""
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)  # type: ignore[no-untyped-call]


def code(notebook: Any) -> list[Any]:
    """Return the code cells of a notebook."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def programs(notebook: Any) -> list[tuple[str, str]]:
    """Return the files that the cells of a notebook write, with their texts."""
    found = [(WRITEFILE.match(cell.source), cell.source) for cell in code(notebook)]
    return [(match[1], f"{source[match.end() :]}\n") for match, source in found if match]


def prose(notebook: Any) -> str:
    """Return the texts that a reader reads: Markdown cells, comments, and calls of %labcheck."""
    parts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    for cell in code(notebook):
        if not WRITEFILE.match(cell.source):
            parts += re.findall(r"^%labcheck .*|# .*", cell.source, re.MULTILINE)
    return "\n\n".join(parts)


def faults(notebook: Any, name: str) -> Iterator[str]:
    """Yield the errors in a notebook that can be found without running it."""
    if name not in lab_names():
        yield f"unknown lab {name}"
        return
    ids = [cell.id for cell in notebook.cells]
    if twice := sorted({id for id in ids if ids.count(id) > 1}):
        yield f"several cells have the same id: {twice}"
        return
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        yield f"it is not valid: {error.message}"
        return
    yield from (f"cell {cell.id}: it has outputs" for cell in code(notebook) if cell.outputs)
    yield from (f"cell {cell.id}: it has a number" for cell in code(notebook) if cell.execution_count is not None)
    for cell in code(notebook):
        if ".frame(" in cell.source and "live" not in cell.metadata.get("tags", []):
            yield f"cell {cell.id}: it shows a page of a running server, but is not tagged live"
    if notebook.metadata != METADATA:
        yield f"its metadata are not the standard ones: {notebook.metadata}"
    yield from _faults_of_names(notebook, load_lab(name))


def _faults_of_names(notebook: Any, lab: Lab) -> Iterator[str]:
    text = prose(notebook)
    for id in ID.findall(text):
        if id not in lab.requirements:
            yield f"{lab.name} has no requirement {id}"
    written = programs(notebook)
    known = {path.name for folder in (lab.starter, lab.solution) for path in folder.rglob("*")}
    known |= {file for file, _ in written}
    known |= {"".join(names) for cell in code(notebook) for names in WRITTEN.findall(cell.source)}
    known |= {Path(name).name for name in known}
    for span in re.findall(r"`([^`\n]+)`", text):
        yield from (f"{file} does not exist" for file in FILE.findall(span) if file not in known)
    for file in RUN.findall("\n".join(cell.source for cell in code(notebook))):
        if file not in known:
            yield f"no cell writes {file}, which is run"
    for program in lab.programs:
        starter = (lab.starter / program.file).read_text("utf-8")
        if [text for file, text in written if file == program.file] != [starter]:
            yield f"{program.file} is not written by exactly one cell, with the text of the starter"


def execute(notebook: Any, folder: Path, seconds: float = SECONDS) -> Iterator[str]:
    """Run a notebook from top to bottom in a new kernel, and yield its errors."""
    from nbclient import NotebookClient

    client = NotebookClient(
        notebook,
        timeout_func=lambda cell: LAB_SECONDS if CHECK.match(cell.source) else seconds,
        interrupt_on_timeout=True,
        kernel_name="python3",
        allow_errors=True,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    for cell in code(notebook):
        for output in cell.outputs:
            if output.get("ename") == "KeyboardInterrupt":
                yield f"cell {cell.id}: it takes more than {seconds:g} s"
            elif output.output_type == "error":
                yield f"cell {cell.id}: {output.ename}: {output.evalue}"
            elif output.get("name") == "stderr":
                yield f"cell {cell.id}: on standard error: {output.text}"


def report(notebook: Any, lab: Lab) -> str:
    """Return the report of the whole lab as text."""
    (cell,) = [cell for cell in code(notebook) if cell.source == f"%labcheck {lab.name}"]
    return "".join(output["data"]["text/plain"] for output in cell.outputs)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create an empty folder for a student, with empty states of Jupyter and labcheck."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    place = tmp_path / "student"
    place.mkdir()
    return place


def test_there_are_walkthroughs() -> None:
    """The labs that come with labcheck have a walkthrough."""
    assert {"lab1", "lab2", "lab3", "lab4", "lab5"} <= set(NOTEBOOKS)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_has_no_errors(name: str) -> None:
    """A notebook is valid, has no outputs, mentions only existing requirements and files, and contains the starters."""
    assert list(faults(read(NOTEBOOKS[name]), name)) == []


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_formatted_for_git(name: str) -> None:
    """A notebook's file is JSON with one line per source line, and without escaped characters."""
    text = NOTEBOOKS[name].read_text("utf-8")
    assert text == nbformat.writes(read(NOTEBOOKS[name])) + "\n"  # type: ignore[no-untyped-call]


@pytest.fixture(scope="session")
def fonts(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let matplotlib build its font cache first, because it prints a warning if that is slow."""

    def look(_: Path) -> None:
        command = [sys.executable, "-c", "import matplotlib.font_manager"]
        subprocess.run(command, check=True, capture_output=True, timeout=300)

    once(tmp_path_factory, "fonts", look)


@pytest.mark.usefixtures("fonts")
@pytest.mark.sample(1)
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_with_the_starter(name: str, folder: Path) -> None:
    """With the starter, all cells run; the requirements with a TODO fail, and no process is left running."""
    notebook, lab = read(NOTEBOOKS[name]), load_lab(name)
    assert list(execute(notebook, folder)) == []
    text = "".join((lab.starter / program.file).read_text("utf-8") for program in lab.programs)
    waiting = set(re.findall(r"TODO (\d+\.\d+)", text))
    total = len(lab.requirements)
    assert f"{total - len(waiting)} of {total} requirements pass" in report(notebook, lab)
    until(lambda: processes_in(folder) == [])


@pytest.mark.usefixtures("fonts")
@pytest.mark.everything
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_with_the_solution(name: str, folder: Path) -> None:
    """With the solution in the cells of the lab's programs, all requirements pass, and no process is left running."""
    notebook, lab = read(NOTEBOOKS[name]), load_lab(name)
    for cell in code(notebook):
        match = WRITEFILE.match(cell.source)
        if match and match[1] in {program.file for program in lab.programs}:
            cell.source = match[0] + (lab.solution / match[1]).read_text("utf-8").removesuffix("\n")
    assert list(execute(notebook, folder)) == []
    assert f"{len(lab.requirements)} of {len(lab.requirements)} requirements pass" in report(notebook, lab)
    until(lambda: processes_in(folder) == [])


def _cell(notebook: Any, beginning: str) -> Any:
    return next(cell for cell in notebook.cells if cell.source.startswith(beginning))


def _append(notebook: Any, kind: str, source: str) -> None:
    new = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    notebook.cells.append(new(source, id="appended"))  # type: ignore[no-untyped-call]


def _store_an_output(notebook: Any) -> None:
    code(notebook)[0].outputs = [nbformat.v4.new_output("stream", text="hello")]  # type: ignore[no-untyped-call]


def _count_a_cell(notebook: Any) -> None:
    code(notebook)[0].execution_count = 1


def _repeat_an_id(notebook: Any) -> None:
    notebook.cells[1].id = notebook.cells[0].id


def _name_a_kernel(notebook: Any) -> None:
    notebook.metadata.kernelspec.name = "my-environment"


def _forget_a_field(notebook: Any) -> None:
    del notebook.cells[0]["metadata"]


def _take_a_tag_off(notebook: Any) -> None:
    del _cell(notebook, "server.frame(").metadata["tags"]


def _change_a_starter(notebook: Any) -> None:
    _cell(notebook, "%%writefile webserver.py").source += "\n# TODO"


def _drop_a_starter(notebook: Any) -> None:
    notebook.cells.remove(_cell(notebook, "%%writefile webserver.py"))


DOCTORED: dict[str, tuple[Callable[[Any], None], str]] = {
    "an output": (_store_an_output, "cell load-labcheck: it has outputs"),
    "a count": (_count_a_cell, "cell load-labcheck: it has a number"),
    "an id twice": (_repeat_an_id, "several cells have the same id: ['title']"),
    "a kernel": (_name_a_kernel, "its metadata are not the standard ones: "),
    "an invalid notebook": (_forget_a_field, "it is not valid: "),
    "a missing tag": (_take_a_tag_off, "cell game: it shows a page of a running server, but is not tagged live"),
    "a changed starter": (_change_a_starter, "webserver.py is not written by exactly one cell, with"),
    "a missing starter": (_drop_a_starter, "webserver.py is not written by exactly one cell, with"),
    "an id in prose": (lambda it: _append(it, "markdown", "Now do TODO 9.9."), "lab1 has no requirement 9.9"),
    "an id in a call": (lambda it: _append(it, "code", "%labcheck hint lab1 7.1"), "lab1 has no requirement 7.1"),
    "a file in prose": (lambda it: _append(it, "markdown", "See `site/old.html`."), "old.html does not exist"),
    "a file that is run": (
        lambda it: _append(it, "code", 'labcheck.run("old.py")'),
        "no cell writes old.py, which is run",
    ),
}


@pytest.mark.parametrize(("doctor", "expected"), DOCTORED.values(), ids=list(DOCTORED))
def test_a_wrong_notebook_is_caught(doctor: Callable[[Any], None], expected: str) -> None:
    """For a notebook with one error, exactly this error is reported."""
    notebook = copy.deepcopy(read(NOTEBOOKS["lab1"]))
    doctor(notebook)
    found = list(faults(notebook, "lab1"))
    assert found != [] and all(each.startswith(expected) for each in found)


def test_a_notebook_for_an_unknown_lab_is_caught() -> None:
    """A notebook must have the name of a lab."""
    assert list(faults(read(NOTEBOOKS["lab1"]), "lab99")) == ["unknown lab lab99"]


@pytest.mark.parametrize(
    "text",
    [
        "HTTP/1.1 and 127.0.0.1",
        "Python 3.11",
        "after 1.5 s",
        "RFC 6455, section 5.7",
        "[RFC 3986, 5.2.4](x#section-5.2)",
    ],
)
def test_other_numbers_are_not_requirements(text: str) -> None:
    """Versions, addresses, times and section numbers are not taken for requirements."""
    assert ID.findall(text) == []


def test_a_cell_that_fails_is_caught(folder: Path) -> None:
    """An exception, output on standard error, and a cell that takes too long are reported with the cell's id."""
    notebook = nbformat.v4.new_notebook(metadata=METADATA)  # type: ignore[no-untyped-call]
    for id, source in {
        "good": "1 + 1",
        "error": "1 / 0",
        "refused": "%load_ext labcheck\n%labcheck lab99",
        "slow": "import time; time.sleep(60)",
    }.items():
        notebook.cells.append(nbformat.v4.new_code_cell(source, id=id))  # type: ignore[no-untyped-call]
    error, refused, slow = execute(notebook, folder, seconds=5)
    assert slow == "cell slow: it takes more than 5 s"
    assert error == "cell error: ZeroDivisionError: division by zero"
    assert refused.startswith("cell refused: on standard error: labcheck: unknown lab or command 'lab99'")
    until(lambda: processes_in(folder) == [])


def test_a_saved_notebook_has_a_picture_instead_of_a_frame(folder: Path) -> None:
    """A frame with a title shows a page of a running program; when the program has ended, a picture replaces it."""
    notebook = nbformat.v4.new_notebook(metadata=METADATA)  # type: ignore[no-untyped-call]
    for id, source in {
        "write": "%%writefile server.py\nimport socket, sys, time\n"
        "listener = socket.create_server(('127.0.0.1', int(sys.argv[1])))\ntime.sleep(600)",
        "run": "import labcheck\nserver = labcheck.run('server.py')",
        "frame": "server.frame('/<a>', height=560)",
        "page": "from labcheck.jupyter.programs import Page\nPage(server, '/<a>', 560)",
        "stop": "server.stop()",
    }.items():
        notebook.cells.append(nbformat.v4.new_code_cell(source, id=id))  # type: ignore[no-untyped-call]
    assert list(execute(notebook, folder)) == []
    shown = {cell.id: cell.outputs[0].data for cell in code(notebook)[2:]}
    running, saved = shown["page"]["text/html"], shown["frame"]["text/html"]
    assert 'title="The page /&lt;a&gt; of your program"' in running
    assert 'height="560"' in running
    assert "<iframe" not in saved
    assert '<svg role="img"' in saved
    assert "The page is shown here while its program runs." in saved
