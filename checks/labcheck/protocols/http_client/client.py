"""The student's HTTP client as a check sees it, with labcheck's server: each run fetches one URL, and ends."""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
import stat
import time
from typing import TYPE_CHECKING

from labcheck.errors import ExchangeError, NotReadyError, Trouble, Verdict
from labcheck.program import clock
from labcheck.program.evidence import Complaint, ExitStatus, Growth, Said
from labcheck.program.output import TRACEBACK
from labcheck.protocols.http_client.evidence import Output
from labcheck.protocols.http_client.peer import Page, Peer
from labcheck.record.text import shorten

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from labcheck.program.program import Program
    from labcheck.protocols.check import Check
    from labcheck.protocols.http_client.reply import Reply
    from labcheck.protocols.http_client.request import Requests
    from labcheck.protocols.started import Runs, Started
    from labcheck.record.transcript import Transcript

POLL = 0.005  # seconds between two looks
AT_ONCE = 4  # runs side by side: with more, the imports of each take so long on a busy machine that it seems stuck
LEFT_BEHIND = 3.0  # seconds for what a run has started, once the run itself has ended
MANY_REQUESTS = 100  # in one check; up to this number, each request gives the runs their whole time again
SHOWN = 600  # bytes of a reply that a command sends by hand
HOSTS = {"127.0.0.1": ("127.0.0.1", "localhost"), "::1": ("[::1]",)}  # the names of each loopback address


class Run:
    """One run of the client, which has ended. `who` is its name in the transcript, if there are several."""

    def __init__(self, program: Program, status: ExitStatus, transcript: Transcript, who: str) -> None:
        self.program = program
        self._status = status
        self._transcript = transcript
        self._who = who

    @property
    def output(self) -> Output:
        """What it printed on standard output; compare it with `bytes`."""
        self._transcript.bring_last(self._who)
        stdout, lines = self.program.stdout, self._said.strip().splitlines()
        return Output(*stdout.kept(), stdout.total, shorten(lines[-1]) if lines else "")

    @property
    def stderr(self) -> Said:
        """What it printed on standard error: `assert "404" in run.stderr`."""
        self._transcript.bring_last(self._who)
        return self._said

    @property
    def status(self) -> ExitStatus:
        """Its exit status; compare it with a number."""
        self._transcript.bring_last(self._who)
        return self._status

    @property
    def _said(self) -> Said:
        return Said(self.program.diagnosis.shown(self.program.stderr.text()))

    def traceback(self) -> Complaint:
        """Return the last line of its traceback, with the place in the student's file; empty without one."""
        self._transcript.bring_last(self._who)
        found = self.program.stderr.has(TRACEBACK)
        return self.program.diagnosis.explain(self.program.stderr.text()) if found else Complaint("")


class HttpClient:
    """The student's client, and labcheck's server, which answers as the check says.

    A check gets it from the fixture `client`. Runs one after the other share a folder, in which nothing else runs; runs
    side by side have a folder each.
    """

    def __init__(self, check: Check, runs: Runs) -> None:
        assert isinstance(runs.peer, Peer)
        self._check = check
        self._runs = runs
        self._peer = runs.peer
        self._peer.transcript = check.transcript

    @property
    def folder(self) -> Path:
        """The folder in which `run` runs the client: a copy of the submission."""
        return self._runs.folder(0)

    @property
    def port(self) -> int:
        """The port of the server."""
        return self._peer.port

    @property
    def hosts(self) -> list[str]:
        """The names of this machine in URLs: `127.0.0.1`, `localhost`, and `[::1]` if the machine has it."""
        return [host for address in self._peer.addresses for host in HOSTS[address]]

    @property
    def requests(self) -> Requests:
        """All requests that labcheck's server has got in this check."""
        return self._peer.requests

    def page(self, reply: Reply, target: str = "") -> Page:
        """Add a page to the server, and return it; by default its path is random.

        `target` is a path, with its query if it has one. The server answers any other with status 404.
        """
        target = target or f"/{self._check.draw.word()}/{self._check.draw.word()}"
        page = Page(f"http://127.0.0.1:{self._peer.port}{target}", reply, self._check.transcript)
        self._peer.add(page)
        return page

    @contextlib.contextmanager
    def nowhere(self) -> Iterator[str]:
        """Yield a URL of a port on which no process listens, for the duration of the block."""
        with socket.socket() as taken:  # bound, so that no other program can listen there
            taken.bind(("127.0.0.1", 0))
            yield f"http://127.0.0.1:{taken.getsockname()[1]}/{self._check.draw.word()}"

    def run(self, url: Page | str) -> Run:
        """Run the client once with a URL, and wait until it has ended, with all that it started.

        Raises ExchangeError if it does not end: it has 10 s from its start and from each of its requests. Raises
        NotReadyError if it has not asked for a page of the server, and fails or prints nothing.
        """
        return self.run_all(url)[0]

    def run_all(self, *urls: Page | str) -> list[Run]:
        """Run the client once with each URL, some of them side by side, and wait as `run` does.

        Each run has a folder of its own. In another call, the first URL has the folder of the first again, and so on.
        """
        urls_as_text = [str(url) for url in urls]
        names = [f"run {place}" if len(urls) > 1 else "" for place, _ in enumerate(urls, start=1)]
        pages = [self._peer.page(url) if f":{self._peer.port}/" in url else None for url in urls_as_text]
        asked = [len(page.requests) if page else 0 for page in pages]
        self._by_hand(pages, urls_as_text)
        begun: list[Started] = []
        for place, (name, page, url) in enumerate(zip(names, pages, urls_as_text, strict=True)):
            self._wait(begun, names, AT_ONCE - 1)
            if page is not None:
                page.who = name
            self._check.transcript.note(f"python {self._runs.spec.called} {url}", name)
            begun.append(self._check.programs.run(self._runs, self._runs.folder(place), [url]))
            begun[-1].program.end_input()
        self._wait(begun, names)
        self._wait_for_left_behind()
        found = [self._result(*each) for each in zip(begun, names, strict=True)]
        for started, page, before in zip(begun, pages, asked, strict=True):
            # Without a request, it may have printed what it has kept.
            asks, program = page is None or len(page.requests) > before, started.program
            if not asks and (program.exit_status != 0 or (before == 0 and program.stdout.total == 0)):
                raise self._why_it_never_asked(program, page)
        return found

    def growth(self, name: str, since: int) -> Growth:
        """Return by how many bytes a folder has grown, compared with what `size` returned before."""
        return Growth(self.size(name) - since, "in the folder")

    def size(self, name: str) -> int:
        """Return the size in bytes of all files in a folder below `folder`, and of their names; 0 without it.

        Links are not followed.
        """
        size, folders = 0, [str(self.folder / name)]
        while folders:
            with contextlib.suppress(OSError), os.scandir(folders.pop()) as entries:
                for entry in entries:
                    size += len(os.fsencode(entry.name))
                    with contextlib.suppress(OSError):
                        mode = entry.stat(follow_symlinks=False)
                        size += mode.st_size if stat.S_ISREG(mode.st_mode) else 0
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(entry.path)
        return size

    def _wait(self, begun: list[Started], names: list[str], most: int = 0) -> None:
        """Wait until at most `most` runs have not ended. Raises ExchangeError if they do not end."""
        deadline, asked, before = self._check.deadline, len(self.requests), len(begun)
        deadline.renew()
        while (left := sum(not started.program.has_exited for started in begun)) > most:
            self._peer.raise_fault()
            if asked < len(self.requests) < MANY_REQUESTS or left < before:
                asked, before = len(self.requests), left
                deadline.renew()
            if deadline.passed():
                raise self._never_ended(begun, names)
            time.sleep(POLL)

    def _wait_for_left_behind(self) -> None:
        """Wait for what the runs have started; end it if it does not end soon."""
        limit = clock.now() + LEFT_BEHIND * self._check.slow
        while (left := self._check.programs.left_behind()) and clock.now() < limit:
            time.sleep(POLL)
        if left:
            self._check.transcript.note(f"{len(left)} processes that it had started were still running, and were ended")
            self._check.programs.end_left_behind()

    def _never_ended(self, begun: list[Started], names: list[str]) -> ExchangeError:
        """Return the error for runs that have not ended."""
        pairs = zip(begun, names, strict=True)
        started, name = next(each for each in pairs if not each[0].program.has_exited)
        doing = started.program.activity.doing()
        seconds = self._check.deadline.seconds
        text = f"the program was still running after {seconds:.3g} s"
        self._print(started, name)
        self._check.transcript.missed(f"no end of the program within {seconds:.3g} s", seconds, who=name)
        for each in begun:
            each.program.verdict = each.program.verdict or Verdict.STUCK
            each.program.kill()
        return ExchangeError(Trouble.SLOW, "; ".join(filter(None, (text, doing))))

    def _result(self, started: Started, name: str) -> Run:
        program = started.program
        for stream in (program.stdout, program.stderr):
            stream.catch_up()
        self._print(started, name)
        started.manners.answered = True
        program.verdict = program.verdict or Verdict.READY
        status = ExitStatus(program.exit_status, self._check.deadline.seconds, "")
        self._check.transcript.note(str(status), name)
        return Run(program, status, self._check.transcript, name)

    def _print(self, started: Started, name: str) -> None:
        """Add to the transcript what a run has printed."""
        program = started.program
        for stream, title in ((program.stdout, "standard output"), (program.stderr, "standard error")):
            if stream.total:
                self._check.transcript.printed(program.diagnosis.shown(stream.text()), title, name)

    def _why_it_never_asked(self, program: Program, page: Page | None) -> NotReadyError:
        """Return the error for a run that has failed without having asked for its page."""
        error = program.why_it_never_connected(None, came=0)
        others = [str(request) for request in self.requests if self._peer.page(request.target) is None]
        if error.verdict is Verdict.ENDED_EARLY or others:
            said = program.stderr.text().strip()
            asked = f"sent {shorten(others[-1])}, but the URL is {page}" if others else "asked for nothing"
            text = f"{program.spec.called} ended with exit status {program.exit_status}, and {asked}"
            last = shorten(said.splitlines()[-1] if others and said else said)
            text += f"; on standard error: {last}" if said else "; it printed nothing on standard error"
            error = NotReadyError(error.verdict, text, error.place)
        return error

    def _by_hand(self, pages: list[Page | None], urls: list[str]) -> None:
        """Set the command that repeats a first run by hand, if the reply is short: netcat is the server."""
        self._check.transcript.by_hand = ""
        if len(urls) != 1 or len(self._runs.started) > 0:
            return
        url, page = urls[0], pages[0]
        command = f"python {self._runs.spec.called} {{}}; echo exit status $?"
        if page is None:
            self._check.transcript.by_hand = command.format(shlex.quote(url))
            return
        raw = page.reply.raw if page.reply.raw is not None else _without_date(page.reply)
        try:
            text = raw.decode().replace("\\", "\\\\").replace("%", "%%").replace("\r", "\\r").replace("\n", "\\n")
        except UnicodeDecodeError:
            return
        if len(raw) <= SHOWN and text.isprintable():
            there = f"http://localhost:{self._check.port}/{url.partition('//')[2].partition('/')[2]}"
            server = f"printf {shlex.quote(text)} | nc -l {self._check.port} >/dev/null &"
            self._check.transcript.by_hand = f"{server} sleep 1; {command.format(shlex.quote(there))}"


def _without_date(reply: Reply) -> bytes:
    """Return the bytes of a reply for a client that accepts no coding; netcat knows no clock."""
    from labcheck.protocols.http_client.request import Request

    sent = reply.sent(Request("GET", "/", "HTTP/1.1", ()))
    head, end, body = sent.partition(b"\r\n\r\n")
    kept = [line for line in head.split(b"\r\n") if not line.startswith(b"Date:")]
    return b"\r\n".join(kept) + end + body
