"""labcheck book: a complete site that needs no network, and is readable in light and dark mode and on a phone."""

from __future__ import annotations

import os
import posixpath
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

import nbformat
import pytest

from browser import SCHEMES, WIDTHS, Screen
from conftest import CHECKOUT, CONTRAST, OUTSIDE, once, run_labcheck
from labcheck import suite
from labcheck.authoring import book
from labcheck.authoring.book import execute
from labcheck.errors import SuiteError, UsageError
from labcheck.submission.files import regular_files
from labcheck.workbook import extras, wheel
from labcheck.workbook.labs import lab_names, load_lab

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Result
    from labcheck.workbook.labs import Lab

NETWORK = ("http", "https", "ws", "wss")
VOID = {"meta", "link", "img", "input", "br", "hr"}
ENOUGH = 4.5  # WCAG 2.2, section 1.4.3

# MyST-NB and furo use parts of Sphinx that are deprecated; only they can fix that.
pytestmark = pytest.mark.filterwarnings("ignore:.*Check CHANGES for Sphinx API modifications")


@dataclass
class Page(HTMLParser):
    """A page's links (tag, target), the names of its anchors, and its text: folded (`hidden`) and visible (`plain`)."""

    file: Path
    links: list[tuple[str, str]] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    hidden: str = ""
    plain: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[tuple[str, bool]] = []
        self.feed(self.file.read_text("utf-8"))
        self.close()
        self.hidden, self.plain = " ".join(self.hidden.split()), " ".join(self.plain.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.links += [(tag, value) for name in ("href", "src", "data", "poster") if (value := given.get(name))]
        self.anchors |= {value for name in ("id", "name") if (value := given.get(name))}
        if tag not in VOID:
            self._open.append((tag, tag == "details" and "open" not in given))

    def handle_endtag(self, tag: str) -> None:
        while tag not in VOID and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if any(closed for _, closed in self._open):
            self.hidden += data
        elif not any(tag in ("script", "style") for tag, _ in self._open):
            self.plain += data


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the whole book, and assert that it leaves no other files."""

    def make(place: Path) -> None:
        temporary = place / "temporary"
        temporary.mkdir()
        done = subprocess.run(
            [sys.executable, "-P", "-m", "labcheck", "book", "book"],
            cwd=place,
            env={**OUTSIDE, "TMPDIR": str(temporary), "XDG_STATE_HOME": str(place / "state")},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.endswith("The book is finished. Open book/index.html\n")
        assert not any(temporary.iterdir())
        assert not (place / "state").exists()

    return once(tmp_path_factory, "book", make) / "book"


@pytest.fixture(scope="session")
def pages(site: Path) -> dict[str, Page]:
    """Read the book's pages: path in the book -> page."""
    return {file.relative_to(site).as_posix(): Page(file) for file in sorted(site.rglob("*.html"))}


def walkthroughs() -> list[str]:
    return [name for name in lab_names() if load_lab(name).notebook]


# -- The whole site


@pytest.mark.everything
def test_every_link_leads_somewhere(site: Path, pages: dict[str, Page]) -> None:
    """The target of every link, picture, script, style and anchor exists."""
    checked = 0
    for page in pages.values():
        for _, target in page.links:
            parts = urlsplit(target)
            if parts.scheme in (*NETWORK, "data"):
                continue
            assert not parts.scheme, (page.file, target)
            file = (page.file.parent / unquote(parts.path)).resolve() if parts.path else page.file
            assert file.is_relative_to(site.resolve()), (page.file, target)
            assert file.is_file(), (page.file, target)
            if parts.fragment and file.suffix == ".html":
                known = pages[file.relative_to(site.resolve()).as_posix()].anchors
                assert unquote(parts.fragment) in known, (page.file, target)
            checked += 1
    assert checked > 100


@pytest.mark.everything
def test_site_needs_no_network(site: Path, pages: dict[str, Page]) -> None:
    """No page, script or style loads anything from the network; only links that a reader clicks lead there."""
    loaded = {(name, *link) for name, page in pages.items() for link in page.links if link[0] != "a"}
    assert not [each for each in loaded if urlsplit(each[2]).scheme in NETWORK or each[2].startswith("//")]
    for style in site.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//", style.read_text("utf-8")), style
    outside = {target for page in pages.values() for tag, target in page.links if tag == "a" and "://" in target}
    assert any(target.startswith("https://www.rfc-editor.org/") for target in outside)


@pytest.mark.everything
@pytest.mark.parametrize("name", lab_names())
def test_every_page_leads_to_every_lab(pages: dict[str, Page], name: str) -> None:
    """The navigation of every page contains the sheet, walkthrough and solution of every lab."""
    lab = load_lab(name)
    wanted = {f"{name}/{page}.html" for page in ("README", *([name] if lab.notebook else []), "solution")}
    for path, page in pages.items():
        links = {posixpath.normpath(posixpath.join(path, "..", target)) for tag, target in page.links if tag == "a"}
        assert wanted - {path} <= links, path


@pytest.mark.everything
@pytest.mark.parametrize("name", lab_names())
def test_times_are_shown(pages: dict[str, Page], name: str) -> None:
    """The front page and each page of a lab show how long the lab takes."""
    minutes = load_lab(name).minutes
    assert f"About {minutes} minutes" in pages["index.html"].plain
    of_lab = [page for path, page in pages.items() if path.startswith(f"{name}/")]
    assert len(of_lab) >= 2
    assert all(f"Time: about {minutes} minutes" in page.plain for page in of_lab)


@pytest.mark.everything
def test_labcheck_can_be_downloaded(site: Path, pages: dict[str, Page]) -> None:
    """The front page offers the wheel of the labcheck that has built the book, and shows how to install it."""
    page = pages["index.html"]
    (target,) = {target for tag, target in page.links if tag == "a" and target.endswith(wheel.NAME)}
    assert (site / target).read_bytes() == wheel.assemble().data
    assert f'pip install "./{wheel.NAME}[jupyter]"' in page.plain


@pytest.mark.everything
@pytest.mark.parametrize("name", lab_names())
def test_solution_is_folded(pages: dict[str, Page], name: str) -> None:
    """Each file of the solution is completely on its page, folded, and visible on no page."""
    lab = load_lab(name)
    shown = pages[f"{name}/solution.html"]
    for file, _ in regular_files(lab.solution):
        text = " ".join(file.read_text("utf-8").split())
        assert text in shown.hidden, file
        assert not any(text[:500] in page.plain for page in pages.values()), file


@pytest.mark.everything
@pytest.mark.parametrize("name", walkthroughs())
def test_walkthrough_shows_the_solution(pages: dict[str, Page], name: str) -> None:
    """The outputs come from the solution, whose programs are folded; live outputs are replaced by a sentence."""
    lab = load_lab(name)
    page = pages[f"{name}/{name}.html"]
    assert lab.notebook is not None
    tags = [tag for cell in nbformat.read(lab.notebook, as_version=4).cells for tag in cell.metadata.get("tags", ())]  # type: ignore[no-untyped-call]
    assert page.plain.count("While the notebook runs, your own server’s page is shown here.") == tags.count("live")
    assert not [link for link in page.links if link[0] == "iframe"]
    assert f"{len(lab.requirements)} of {len(lab.requirements)} requirements pass" in page.plain
    for program in lab.programs:
        text = (lab.solution / program.file).read_text("utf-8")
        assert f"Show the solution's {program.file}" in (page.plain + page.hidden).replace("’", "'")
        assert " ".join(text.split()) in page.hidden


@pytest.mark.everything
def test_local_paths_are_hidden(site: Path, pages: dict[str, Page]) -> None:
    """No output contains a folder of the machine on which the book was built."""
    folders = {CHECKOUT, Path(sys.prefix), Path(sys.base_prefix), Path.home(), site.parent, Path(tempfile.gettempdir())}
    names = [str(folder) for folder in folders - {Path("/usr"), Path("/tmp"), Path(execute.HOME)}]
    names += [quote(each, safe="") for each in names]
    for page in pages.values():
        text = page.hidden + page.plain
        assert not [each for each in names if each in text], page.file


@pytest.mark.everything
@pytest.mark.parametrize("width", [1200, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_readable(browser: Any, site: Path, pages: dict[str, Page], scheme: str, width: int) -> None:
    """In light and dark, on a screen and on a phone: no overflow, enough contrast, and a copy button for all code."""
    media = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    for path in pages:
        browser.get_log("browser")
        browser.get((site / path).as_uri())
        found = browser.execute_script(
            f"""{CONTRAST}
            const own = element => [...element.childNodes].some(node => node.nodeType == 3 && node.data.trim());
            const faint = [...document.querySelectorAll("article *, .sidebar-tree a")]
                .filter(element => own(element) && element.checkVisibility() && paper(element).startsWith("rgb("))
                .map(element => [contrast(element), element.outerHTML.slice(0, 200)]);
            return {{
                wide: [document.documentElement.scrollWidth, innerWidth],
                paper: light(paper(document.body)),
                faint: faint.filter(([contrast]) => contrast < {ENOUGH}),
                looked: faint.length,
                blocks: document.querySelectorAll("article div.highlight pre").length,
                buttons: document.querySelectorAll("article button.copybtn").length,
                loaded: performance.getEntriesByType("resource").map(each => each.name),
            }};"""
        )
        assert found["wide"][0] <= found["wide"][1], path
        assert found["faint"] == [], path
        assert found["looked"] > 3 or path == "search.html", path
        assert found["buttons"] == found["blocks"], path
        assert (found["paper"] < 0.1) == (scheme == "dark"), path
        assert all(name.startswith(("file:", "data:")) for name in found["loaded"]), path
        assert [each for each in browser.get_log("browser") if each["level"] == "SEVERE"] == []


@pytest.mark.everything
def test_code_of_sheets_fits(browser: Any, site: Path) -> None:
    """No line of code in a sheet is cut off in a window that is 720 pixels wide."""
    metrics = {"width": 720, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    for name in lab_names():
        browser.get((site / name / "README.html").as_uri())
        blocks = browser.execute_script(
            """return [...document.querySelectorAll("article div.highlight pre")]
                .map(block => [block.scrollWidth - block.clientWidth, block.textContent]);"""
        )
        assert len(blocks) > 5
        assert [text for too_wide, text in blocks if too_wide > 0] == [], name


@pytest.mark.everything
def test_nothing_is_cut_off(browser: Any, site: Path, pages: dict[str, Page]) -> None:
    """In a window that is 1280 pixels wide, every line of code and output is seen to its end."""
    metrics = {"width": 1280, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    for path in pages:
        browser.get((site / path).as_uri())
        cut = browser.execute_script(
            """document.querySelectorAll("details").forEach(each => { each.open = true; });
            return [...document.querySelectorAll("article pre, article .text_html")]
                .filter(each => each.scrollWidth > each.clientWidth).map(each => each.textContent);"""
        )
        assert cut == [], path


@pytest.mark.everything
def test_a_reader_without_eyes_or_a_mouse_gets_everything(browser: Any, site: Path, pages: dict[str, Page]) -> None:
    """Headings have levels, sidebars have names, pictures have words, and what scrolls can be reached with Tab."""
    metrics = {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    plots = 0
    for path in pages:
        browser.get((site / path).as_uri())
        found = browser.execute_async_script(
            """const [done] = arguments;
            const all = (css) => [...document.querySelectorAll(css)];
            requestAnimationFrame(() => requestAnimationFrame(() => done({
                levels: all("[role=heading]").map(each => each.ariaLevel),
                sidebars: all("aside").map(each => each.ariaLabel),
                words: all("article .cell_output img").map(each => each.alt),
                scrolling: all("article :is(pre, .text_html, .table-wrapper)")
                    .filter(each => each.scrollWidth > each.clientWidth && each.checkVisibility())
                    .map(each => each.tabIndex),
            })));"""
        )
        assert found["levels"]
        assert None not in found["levels"]
        assert sorted(found["sidebars"]) == ["Book", "This page"], path
        assert all(len(words) > 100 for words in found["words"]), path
        assert set(found["scrolling"]) <= {0}, path
        plots += len(found["words"])
    assert plots == 6


@pytest.mark.everything
@pytest.mark.parametrize("scheme", SCHEMES)
def test_accessible(window: Any, site: Path, pages: dict[str, Page], scheme: str) -> None:
    """No page violates a rule of axe-core, with everything unfolded."""
    for path in pages:
        screen = Screen(window, site / path)
        screen.open()
        screen.emulate(max(WIDTHS), scheme)
        screen.unfold()
        assert screen.violations() == [], path


@pytest.mark.everything
@pytest.mark.parametrize("name", walkthroughs())
def test_plots_follow_the_dark(browser: Any, site: Path, name: str) -> None:
    """A plot is turned around in the dark, and its text is still 8 pixels high on a phone."""
    metrics = {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    for scheme in ("dark", "light"):
        media = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
        browser.get((site / name / f"{name}.html").as_uri())
        style, width = browser.execute_script(
            "const plot = document.querySelector('.cell_output img');"
            "return [getComputedStyle(plot).filter, plot.getBoundingClientRect().width]"
        )
        assert ("invert" in style) is (scheme == "dark")
        assert 10 * width / (5.5 * 72) >= 8  # matplotlib writes in 10 points; the figure is 5.5 inches wide


@pytest.mark.everything
def test_api_page_documents_all_that_a_suite_may_import(pages: dict[str, Page]) -> None:
    """Each name of labcheck.suite is on the page, and each method of its classes; so is each fixture."""
    page = pages["api.html"]
    constants = [name for name in suite.__all__ if not callable(getattr(suite, name))]
    assert constants
    for name in suite.__all__:
        assert name in page.plain if name in constants else f"labcheck.suite.{name}" in page.anchors, name
    assert {"labcheck.suite.Server.get", "labcheck.suite.WebSocketServer.join"} <= page.anchors
    for fixture in ("own_server", "new_clients", "client_alone", "material", "draw"):
        assert fixture in page.plain.partition("Functions")[0]
    assert "Return a random word" in page.plain


# -- Small books


def lab_with(tmp_path: Path, sheet: str = "# Lab 1\n\nText.\n", *cells: str) -> Lab:
    """Return a lab with the given sheet and a walkthrough with the given cells."""
    lab = load_lab("lab1")
    starter = tmp_path / "labs" / "lab1"
    starter.mkdir(parents=True)
    (starter / "README.md").write_text(sheet, "utf-8")
    shutil.copy(lab.starter / "webserver.py", starter)
    notebook = tmp_path / "lab1.ipynb"
    made = [nbformat.v4.new_markdown_cell("# Walkthrough"), *(nbformat.v4.new_code_cell(cell) for cell in cells)]  # type: ignore[no-untyped-call]
    nbformat.write(nbformat.v4.new_notebook(cells=made), notebook)  # type: ignore[no-untyped-call]
    return replace(lab, starter=starter, notebook=notebook if cells else None)


@pytest.mark.everything
def test_earlier_book_is_replaced(tmp_path: Path) -> None:
    """The files of the earlier book are removed; other files in the folder are kept."""
    target = tmp_path / "new" / "book"
    lab = lab_with(tmp_path)
    book.build([lab], target)
    assert (target / "lab1" / "README.html").is_file()
    with (target / book.MARK).open("a", encoding="utf-8") as mark:
        mark.write("lab0/README.html\n../../precious.txt\n")
    (target / "lab0").mkdir()
    (target / "lab0" / "README.html").touch()
    (target / "CNAME").write_text("labs.example.org")
    (tmp_path / "precious.txt").touch()
    (lab.starter / "README.md").write_text("# Lab 1\n\nAnother text.\n")
    book.build([lab], target)
    assert "Another text." in (target / "lab1" / "README.html").read_text("utf-8")
    assert not (target / "lab0").exists()
    assert (target / "CNAME").read_text() == "labs.example.org"
    assert (tmp_path / "precious.txt").exists()


def test_links_work_as_in_a_students_folder(tmp_path: Path) -> None:
    """A sheet can link to another sheet, to a heading, to a file of the lab and to its walkthrough."""
    sheet = (
        "# Lab 1\n\n[other](../lab2/README.md) [step](#a-step) [file](webserver.py) [look](lab1.ipynb)\n\n## A step\n"
    )
    target = tmp_path / "book"
    book.build([lab_with(tmp_path, sheet, "1 + 1"), replace(load_lab("lab2"), notebook=None)], target)
    page = Page(target / "lab1" / "README.html")
    links = {target for tag, target in page.links if tag == "a"}
    assert {"../lab2/README.html", "#a-step", "lab1.html"} <= links
    (download,) = [link for link in links if link.endswith("/webserver.py")]
    assert (target / "lab1" / download).read_bytes() == (load_lab("lab1").starter / "webserver.py").read_bytes()


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("sheet", "cells", "message"),
    [
        ("# Lab 1\n\n[gone](gone.md)\n", (), r"lab1/README\.md:3: WARNING: .*gone\.md"),
        ("# Lab 1\n\n[gone](#gone)\n", (), r"lab1/README\.md:3: WARNING: .*gone"),
        ("# Lab 1\n", ("a = 1", "\n1/0\n# end"), r"lab1\.ipynb, code cell 2 \(1/0\): ZeroDivisionError: division by"),
        ("# Lab 1\n", ("import os; os._exit(1)",), r"code cell 1 \(import os; os\._exit\(1\)\): its kernel died"),
        ("# Lab 1\n", ("import time", "time.sleep(600)"), r"code cell 2 \(time\.sleep\(600\)\): it took more than 5 s"),
    ],
)
def test_error_in_a_lab_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sheet: str, cells: tuple[str, ...], message: str
) -> None:
    """A broken link and a failing cell are errors in the lab: reported in one line, and no book is written."""
    monkeypatch.setattr(execute, "CELL_LIMIT", 5)
    with pytest.raises(SuiteError, match=message) as failure:
        book.build([lab_with(tmp_path, sheet, *cells)], tmp_path / "book")
    assert "\n" not in str(failure.value)
    assert not any((tmp_path / "book").iterdir())


def test_box_shows_what_a_program_had_printed_so_far(tmp_path: Path) -> None:
    """An output stays as its cell left it; what becomes of it is shown below the cell that changed it last."""
    cells = (
        "%%writefile greeter.py\nimport socket, sys\nlistener = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
        "print('ready', flush=True)\nclient, _ = listener.accept()\nprint('a client', flush=True)\nclient.close()\n"
        "listener.accept()",
        "import labcheck\ngreeter = labcheck.run('greeter.py')",
        "import socket\nsocket.create_connection((greeter.host, greeter.port)).recv(1)",
        "greeter.stop()",
    )
    place = tmp_path / "place"
    place.mkdir()
    executed = execute.execute(lab_with(tmp_path, "# Lab 1\n", *cells), place)
    _, started, _, stopped = (cell for cell in executed.cells if cell.cell_type == "code")
    (before,) = started.outputs
    assert "is running" in before.data["text/plain"]
    assert "ready" in before.data["text/plain"]
    assert "a client" not in before.data["text/plain"]
    ended, after = (output.data["text/plain"] for output in stopped.outputs)
    assert ended.startswith("ended with")
    assert ended in after
    assert "ready" in after
    assert "a client" in after


def test_unsuitable_folder_is_refused(labcheck: Callable[..., Result], tmp_path: Path) -> None:
    """A folder with other files, a file, and an impossible path get a one-line error message, and nothing is lost."""
    here = tmp_path / "here"
    (here / "full").mkdir()
    (here / "full" / "thesis.txt").write_text("three years")
    for name, said in {
        "full": "full is not empty and contains no book",
        "full/thesis.txt": "thesis.txt is a file",
        "full/thesis.txt/book": "cannot write a book to full/thesis.txt/book: Not a directory",
    }.items():
        refused = labcheck("book", name)
        assert (refused.status, refused.out, refused.err.count("\n")) == (2, "", 1)
        assert said in refused.err
    assert [(each.name, each.read_text()) for each in (here / "full").iterdir()] == [("thesis.txt", "three years")]


def test_other_file_is_not_overwritten(tmp_path: Path) -> None:
    """An existing file that is not part of the earlier book is not overwritten."""
    (tmp_path / "book" / "lab1").mkdir(parents=True)
    (tmp_path / "book" / book.MARK).write_text("index.html\n")
    (tmp_path / "book" / "lab1" / "README.html").write_text("mine")
    with pytest.raises(UsageError, match=r"README\.html exists and is not part of the earlier book"):
        book.build([lab_with(tmp_path)], tmp_path / "book")
    assert (tmp_path / "book" / "lab1" / "README.html").read_text() == "mine"


def test_missing_extra_is_reported(tmp_path: Path) -> None:
    """If a package for the book is missing, a one-line error message says how to install it."""
    code = (
        "import sys; sys.modules['myst_nb'] = None;from labcheck.cli.main import main; sys.exit(main(['book', 'book']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert f"the book needs myst_nb, which is not installed; run: {extras.command('book')}" in done.stderr
    assert not any(tmp_path.iterdir())


def test_book_needs_a_folder(tmp_path: Path) -> None:
    """Without DIR, an error message reports the missing argument."""
    refused = run_labcheck("book", cwd=tmp_path, XDG_STATE_HOME=os.devnull)
    assert (refused.status, refused.err.count("\n")) == (2, 1)
    assert "the following arguments are required: DIR" in refused.err
