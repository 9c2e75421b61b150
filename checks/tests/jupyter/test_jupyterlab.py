"""The walkthrough of lab 1 in a real JupyterLab: all cells run; the report and the game appear, in light and dark."""

from __future__ import annotations

import contextlib
import importlib.util
import signal
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nbformat
import psutil
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from conftest import CONTRAST, OUTSIDE, alive, need, processes_in, run_labcheck, until
from labcheck.authoring.variants import variants
from labcheck.program.ports import Port
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIMIT = 180  # seconds for each wait, enough for a loaded machine
TOKEN = "token-of-a-test"
BREAKS = "5.2"  # the requirement that the student's program fails
SUMMARY = "28 of 29 requirements pass"
ENOUGH = 4.5  # WCAG 2.2, section 1.4.3

# Helpers for the scripts in a page: the open notebook and its cells.
NOTEBOOK = """
    const panel = jupyterapp.shell.currentWidget, notebook = panel.content;
    const sources = notebook.widgets.map(each => each.model.sharedModel.source);
    const cell = (text) => sources.includes(text) ? sources.indexOf(text)
        : sources.findIndex(source => source.startsWith(text));
    const show = (text) => { notebook.activeCellIndex = cell(text); return notebook.scrollToItem(cell(text)); };
    const output = (text) => notebook.widgets[cell(text)].outputArea?.node;
"""
OPEN = "return !!window.jupyterapp?.shell?.currentWidget?.context"


@dataclass
class JupyterLab:
    """A JupyterLab that serves a folder, shown in a browser."""

    browser: Any
    address: str
    folder: Path

    def open(self, name: str) -> None:
        """Open a notebook, and wait until it is loaded and has a kernel."""
        self.browser.get(f"{self.address}/lab/tree/{name}?token={TOKEN}&reset")
        WebDriverWait(self.browser, LIMIT).until(lambda page: page.execute_script(OPEN))
        self.do(
            "const panel = jupyterapp.shell.currentWidget;"
            "await panel.context.ready; await panel.sessionContext.ready; await panel.revealed;"
        )

    def do(self, script: str) -> Any:
        """Run an asynchronous script, and return its value."""
        found = self.browser.execute_async_script(
            f"const [done] = arguments; (async () => {{ {script} }})().then("
            "value => done({value}), error => done({error: String(error)}))"
        )
        assert "error" not in found, found
        return found.get("value")

    def text_of(self, cell: str, wanted: str) -> str:
        """Wait until the output of a cell is visible and contains a text. Return the whole output."""
        script = f"""{NOTEBOOK} await show({cell!r});
            const node = output({cell!r});
            return node?.checkVisibility() ? node.innerText : "";"""
        WebDriverWait(self.browser, LIMIT).until(lambda _: wanted in self.do(script))
        return str(self.do(script))

    def faint(self, cell: str) -> list[Any]:
        """Return the elements of a cell's output that have too little contrast to their plain background."""
        script = f"""{NOTEBOOK} {CONTRAST}
            const own = element => [...element.childNodes].some(node => node.nodeType == 3 && node.data.trim());
            const seen = [...output({cell!r}).querySelectorAll("*")].filter(
                element => own(element) && element.checkVisibility() && paper(element).startsWith("rgb("));
            return [seen.length, seen.map(element => [contrast(element), element.outerHTML.slice(0, 200)])
                .filter(([contrast]) => contrast < {ENOUGH})];"""
        looked, found = self.browser.execute_script(script)
        assert looked > 10
        return list(found)

    def change_theme(self, name: str) -> None:
        """Change the theme, and wait until its colors are applied."""
        self.do(f"await jupyterapp.commands.execute('apputils:change-theme', {{theme: {name!r}}});")
        light = "false" if "Dark" in name else "true"
        script = "return document.body.dataset.jpThemeLight"
        WebDriverWait(self.browser, LIMIT).until(lambda page: page.execute_script(script) == light)


@pytest.fixture
def jupyterlab(browser: Any, tmp_path: Path) -> Iterator[JupyterLab]:
    """Start JupyterLab in the folder that `labcheck notebook lab1` has filled around a student's program."""
    if importlib.util.find_spec("jupyterlab") is None:
        need("jupyter-lab")
    folder = tmp_path / "lab1"
    next(each for each in variants(load_lab("lab1")) if each.fails == BREAKS).write(load_lab("lab1"), folder)
    made = run_labcheck("notebook", "lab1", "--no-open", cwd=tmp_path)
    assert made.status == 0, made.err
    own = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "XDG_STATE_HOME")
    settings = tmp_path / "jupyter_config_dir" / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    # Do not ask whether to fetch news, which would cover the notebook, and do not use the network.
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}', "utf-8")
    port = Port()
    address = f"http://127.0.0.1:{port.number}"
    with (tmp_path / "log.txt").open("w") as log:
        server = subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "jupyterlab", "--no-browser", "--allow-root"),
                *(f"--port={port.number}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder}"),
                *(f"--IdentityProvider.token={TOKEN}", "--LabApp.expose_app_in_browser=True"),
            ],
            env={**OUTSIDE, **{name: str(tmp_path / name.lower()) for name in own}},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            until(lambda: server.poll() is not None or _answers(address), LIMIT)
            assert server.poll() is None, (tmp_path / "log.txt").read_text()
            browser.set_script_timeout(LIMIT)
            yield JupyterLab(browser, address, folder)
        finally:
            started = psutil.Process(server.pid).children(recursive=True) if server.poll() is None else []
            server.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(30)
            for process in started:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            server.kill()
            server.wait()
            port.release()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/api", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.mark.everything
def test_walkthrough_in_jupyterlab(jupyterlab: JupyterLab) -> None:
    """Run all cells: the report and the game appear. In a copy sent to another user, the report is still readable."""
    jupyterlab.open("lab1.ipynb")
    run_all(jupyterlab)
    check_report(jupyterlab, trusted=True)
    check_game(jupyterlab)

    jupyterlab.do("await jupyterapp.commands.execute('docmanager:save');")
    notebook = nbformat.read(jupyterlab.folder / "lab1.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    notebook.metadata["title"] = "not what JupyterLab has signed"
    nbformat.write(notebook, jupyterlab.folder / "sent_by_mail.ipynb")  # type: ignore[no-untyped-call]
    programs = processes_in(jupyterlab.folder.resolve())
    assert programs
    jupyterlab.do("await jupyterapp.serviceManager.sessions.shutdownAll();")
    until(lambda: not any(alive(each.pid) for each in programs), 60)

    jupyterlab.open("sent_by_mail.ipynb")
    check_report(jupyterlab, trusted=False)


def run_all(jupyterlab: JupyterLab) -> None:
    """Run all cells, wait until the kernel is idle, and assert that no cell has failed."""
    assert jupyterlab.do("return await jupyterapp.commands.execute('notebook:run-all-cells');")
    idle = f"{NOTEBOOK} return panel.sessionContext.session.kernel.status == 'idle'"
    WebDriverWait(jupyterlab.browser, LIMIT).until(lambda page: page.execute_script(idle))
    errors = f"""{NOTEBOOK} return notebook.widgets.flatMap(each => each.model.outputs?.toJSON() ?? [])
        .filter(each => each.output_type == "error")"""
    assert jupyterlab.browser.execute_script(errors) == []


def check_report(jupyterlab: JupyterLab, *, trusted: bool) -> None:
    """Assert that the report shows the outcomes in words, with enough contrast in light and dark."""
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        jupyterlab.change_theme(theme)
        report = " ".join(jupyterlab.text_of("%labcheck lab1", SUMMARY).split())
        script = f"{NOTEBOOK} return notebook.widgets[cell('%labcheck lab1')].model.trusted"
        assert jupyterlab.browser.execute_script(script) == trusted
        assert f"failed {BREAKS} Names and values are decoded as UTF-8 and shown as text." in report
        assert "expected a page without" in report
        assert "line-height" not in report
        assert jupyterlab.faint("%labcheck lab1") == []


def check_game(jupyterlab: JupyterLab) -> None:
    """Start the student's own server again, and assert that the frame shows the game."""
    browser = jupyterlab.browser
    for cell in ('server = labcheck.run("webserver.py")', "server.frame("):
        jupyterlab.do(f"{NOTEBOOK} await show({cell!r}); await jupyterapp.commands.execute('notebook:run-cell');")
    frame = f"{NOTEBOOK} return output('server.frame(')?.querySelector('iframe')"
    browser.switch_to.frame(WebDriverWait(browser, LIMIT).until(lambda page: page.execute_script(frame)))
    try:
        bricks = "return window.game?.state.bricks.length"
        assert WebDriverWait(browser, LIMIT).until(lambda page: page.execute_script(bricks)) > 10
        assert browser.find_element(By.TAG_NAME, "h1").text == "Breakout"
        assert browser.find_element(By.TAG_NAME, "canvas").is_displayed()
    finally:
        browser.switch_to.default_content()
