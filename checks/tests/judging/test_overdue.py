"""A check that does not end by itself: it is ended, and its author reads where it was; it costs no student a point."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import pytest

from authoring.author import author
from authoring.mini import SUITE
from labcheck.judging import run
from labcheck.judging.judge import Judgement, judge
from labcheck.judging.options import Options
from labcheck.record.record import Outcome
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from authoring.author import Author

__all__ = ["author"]

# The exception that ends a check may come just when a file has been opened, and before anything refers to it: Python
# closes it at once, and says so.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

FILE = f"{SUITE}/test_2_names.py"
GET = '    answer = server.get(f"/{draw.word()}")\n    assert answer.status == 404\n'
FIXTURE = "import time\n\nimport pytest\n\n\n@pytest.fixture\ndef page():\n    time.sleep(60)\n\n\n"
DEADLINE = 0.05  # times 10 seconds
LOOP = """\
    while True:
        try:
            server.answers()
        except Exception:
            pass
"""
ENDLESS = [
    ("a sleep", "    import time\n\n    time.sleep(60)\n", 19),
    ("a loop", "    while True:\n        pass\n", 18),
    (
        "a loop that catches its exceptions",
        "    while True:\n        try:\n            1 / 0\n        except Exception:\n            pass\n",
        17,
    ),
    ("a lock", "    import threading\n\n    threading.Event().wait()\n", 19),
]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without these tests waiting for long, a check is late."""
    monkeypatch.setattr(run, "GRACE", 0.3)


def checked(author: Author) -> Judgement:
    """Check the solution."""
    return judge(load_lab("mini"), author.root / "solutions" / "mini", Options(1, slow=DEADLINE))


def outcomes(judgement: Judgement) -> dict[str, Outcome]:
    """Return the outcomes of all requirements."""
    return {each.id: each.outcome for each in judgement.record.requirements}


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs the signals of Unix")
@pytest.mark.parametrize(("code", "line"), [each[1:] for each in ENDLESS], ids=[each[0] for each in ENDLESS])
def test_endless_check_is_an_error_of_its_author(author: Author, code: str, line: int) -> None:
    """The check is ended, its requirement is open, and the author reads the line; all others are checked."""
    author.change(FILE, (GET, code), ('needs=["1.2"]', 'needs=["2.2"]'))  # so that another check comes later
    before = signal.getsignal(signal.SIGALRM)
    judgement = checked(author)
    assert outcomes(judgement) == {
        "1.1": Outcome.PASSED,
        "1.2": Outcome.PASSED,
        "2.1": Outcome.PASSED,
        "2.2": Outcome.ERROR,
    }
    (mistake,) = judgement.mistakes
    place, _, said = mistake.partition(" (check of 2.2): ")
    assert place.startswith(f"{FILE}:")
    assert abs(int(place.rpartition(":")[2]) - line) <= (3 if "try" in code else 1)
    assert said.startswith("it was still running after ")
    assert said.endswith(" s; a check must not sleep or loop for ever")
    assert "answered and then" not in " ".join(each.verdict for each in judgement.record.programs)
    assert signal.getsignal(signal.SIGALRM) == before


# The exception may come at any line, also between the making of a socket and what closes it.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")
def test_endless_exchanges_end_with_the_budget(author: Author) -> None:
    """A loop of exchanges, each of which has a limit of its own, ends when the time for the submission is over."""
    author.change(FILE, (GET, LOOP))
    lab = load_lab("mini")
    for budget in (2, 8, 30):  # on a busy machine, the checks before it may need all of a short time
        found = outcomes(judge(lab, author.root / "solutions" / "mini", Options(1, budget=budget)))
        if found["2.2"] is not Outcome.NOT_RUN:
            break
    assert found["2.2"] is Outcome.ERROR


def test_endless_fixture_is_an_error_of_its_author(author: Author) -> None:
    """A suite's own fixture is ended as a check is."""
    author.change(
        FILE, ('@requirement("2.2"', f'{FIXTURE}@requirement("2.2"'), ("test_nowhere(", "test_nowhere(page, ")
    )
    judgement = checked(author)
    assert outcomes(judgement)["2.2"] is Outcome.ERROR
    assert judgement.mistakes[0].startswith(f"{FILE}:22 (check of 2.2): it was still running after ")


def test_endless_check_in_another_thread(author: Author) -> None:
    """Where no signal can be used, a loop is ended by an exception, too."""
    author.change(FILE, (GET, "    while True:\n        pass\n"))
    found: list[Judgement] = []
    thread = threading.Thread(target=lambda: found.append(checked(author)), daemon=True)
    thread.start()
    thread.join(60)
    (judgement,) = found
    assert outcomes(judgement)["2.2"] is Outcome.ERROR
    assert judgement.mistakes[0].startswith(f"{FILE}:1")


def test_slow_check_that_ends_in_time(author: Author) -> None:
    """A check that takes its time and ends before its deadline is left alone."""
    author.change(FILE, (GET, f"    import time\n\n    time.sleep(0.4)\n{GET}"))
    assert {*outcomes(checked(author)).values()} == {Outcome.PASSED}
