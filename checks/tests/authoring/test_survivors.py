"""labcheck verify --mutants: a mutant that passes is reported unless the sheet allows it, and so is a wrong list."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import psutil
import pytest

from authoring.author import words_of
from conftest import alive, until
from labcheck.authoring import survivors
from labcheck.authoring.mutants import Mutant
from labcheck.authoring.survivors import Allowed
from labcheck.errors import SuiteError
from labcheck.record.record import Outcome, RequirementResult
from labcheck.workbook.labs import lab_names, load_lab

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Result
    from labcheck.authoring.trials import Rows
    from labcheck.workbook.labs import Lab

LAB = load_lab("lab1")
LISTED = [name for name in lab_names() if (load_lab(name).suite / survivors.LIST).is_file()]
MUTANT = Mutant("webserver.py", "webserver.py f: a «1 → 2»", 7, "")
QUOTATION = "A query changes nothing"
SEED = 1
SAMPLE = 20  # mutants of each lab that a run of all tests checks: together 40 seconds on two cores


@pytest.mark.everything
@pytest.mark.parametrize("name", LISTED)
def test_sample_of_the_mutants_fails(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A sample fails as it should; always the same one, so that a commit that was green stays green."""
    consistent = survivors.verify_mutants(load_lab(name), SAMPLE, SEED)
    assert consistent, capsys.readouterr().out


@pytest.mark.parametrize("name", LISTED)
def test_list_of_survivors_is_right(name: str) -> None:
    """Every mutant in the list exists, and every quotation is from the sheet."""
    lab = load_lab(name)
    listed = survivors.allowed(lab)
    assert sum(len(each.mutants) for each in listed) > 30
    assert all(each.why for each in listed)
    assert list(survivors.complaints_of_list(lab, listed, survivors.mutants_of(lab))) == []


def rows(*outcomes: Outcome) -> Rows:
    """Return the results of requirements 2.1, 2.2 and so on with these outcomes."""
    ids = (f"2.{number}" for number in range(1, len(outcomes) + 1))
    return {id: RequirementResult(id, "Title", outcome) for id, outcome in zip(ids, outcomes, strict=True)}


@pytest.mark.parametrize(
    ("outcomes", "is_listed", "said"),
    [
        ([Outcome.PASSED, Outcome.PASSED], True, ""),
        ([Outcome.FAILED, Outcome.NOT_RUN], False, ""),
        ([Outcome.PASSED, Outcome.PASSED], False, "passes every requirement. If the sheet forbids it, add a check"),
        ([Outcome.FAILED, Outcome.FAILED], True, "fails 2.1, 2.2: remove it from the list"),
        ([Outcome.PASSED, Outcome.NOT_RUN], False, "neither right nor wrong, because 2.2 is not run"),
        ([Outcome.PASSED, Outcome.NOT_RUN], True, "neither right nor wrong, because 2.2 is not run"),
        ([Outcome.FAILED, Outcome.ERROR], False, "neither right nor wrong, because 2.2 is error"),
    ],
)
def test_result_is_compared_with_the_list(outcomes: list[Outcome], is_listed: bool, said: str) -> None:
    """A mutant passes if it is listed and fails otherwise; anything else is a problem, and so is an internal error."""
    problem = survivors.complaint_of_mutant(MUTANT, rows(*outcomes), is_listed=is_listed)
    assert said in problem
    assert bool(problem) == bool(said)
    if said:
        assert problem.startswith("webserver.py:7: a mutant ")
        assert MUTANT.key in problem
        assert "\n" not in problem


def test_list_with_mistakes_is_reported() -> None:
    """A quotation that is not in the sheet, a mutant that does not exist, and one that is listed twice are reported."""
    listed = [Allowed("These words", "", (MUTANT.key,)), Allowed(f"{QUOTATION}:\n `/a/b", "", (MUTANT.key, "gone"))]
    assert [problem.split(": ")[0] for problem in survivors.complaints_of_list(LAB, listed, [MUTANT])] == [
        "survivors.toml quotes words that are not in the sheet",
        "survivors.toml lists a mutant 2 times",
        "survivors.toml lists a mutant that does not exist",
    ]


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A lab whose suite is an empty folder."""
    return replace(LAB, suite=tmp_path)


def test_missing_list_is_empty(lab: Lab) -> None:
    """A lab without survivors needs no list."""
    assert survivors.allowed(lab) == []


@pytest.mark.parametrize("text", ["allowed = 1", "[[allowed]]\nwords = 'x'\nmutants = []", "[[allowed", "\xff"])
def test_invalid_list_is_an_error(lab: Lab, text: str) -> None:
    """A list that cannot be read, or an entry without a reason, is an error in the lab."""
    (lab.suite / "survivors.toml").write_text(text, "latin-1")
    with pytest.raises(SuiteError, match=r"^lab1: survivors\.toml: "):
        survivors.allowed(lab)


def test_sample_depends_on_its_seed_only() -> None:
    """The same seed gives the same mutants, in their order; a sample is never larger than what there is."""
    known = survivors.mutants_of(LAB)
    first, again, other = (survivors.sample_of(known, 20, seed) for seed in (1, 1, 2))
    assert first == again != other
    assert len(first) == 20
    assert first == sorted(first, key=known.index)
    assert survivors.sample_of(known, 10_000, 1) == known


def test_real_mutants_are_compared_with_the_list(
    lab: Lab, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two mutants do what the list says; one passes without being in the list, and one in the list fails."""
    passes, fails, new, wrongly = (
        f"webserver.py {change}"
        for change in (
            "Handler: timeout = «30 → 31»",
            "Handler.do_GET: self.send_error(«404 → 405»)",
            "Server: request_queue_size = «64 → 65»",
            "Handler.refuse_post: self.send_response(«405 → 406»)",
        )
    )
    chosen = [mutant for mutant in survivors.mutants_of(lab) if mutant.key in (passes, fails, new, wrongly)]
    monkeypatch.setattr(survivors, "mutants_of", lambda _: chosen)
    text = f"[[allowed]]\nwords = '{QUOTATION}'\nwhy = 'For the test.'\nmutants = ['{passes}', '{wrongly}']\n"
    (lab.suite / "survivors.toml").write_text(text, "utf-8")
    assert not survivors.verify_mutants(lab)
    *problems, summary = [line for line in capsys.readouterr().out.splitlines() if line.startswith("lab1: ")]
    assert summary == "lab1: 4 mutants, 2 of them without a failure: 2 problems"
    assert f"fails 5.3: remove it from the list: {wrongly}" in problems[0]
    assert problems[1].endswith(f"with the words of the sheet that allow it: '''{new}'''")
    assert len(problems) == 2


def test_sample_from_the_command_line(labcheck: Callable[..., Result]) -> None:
    """A sample without problems has exit status 0; the summary names its seed."""
    result = labcheck("verify", "lab1", "--mutants", "--sample", 2, "--seed", 3)
    assert (result.status, result.err) == (0, "")
    assert f"lab1: 2 of {len(survivors.mutants_of(LAB))} mutants (seed 3)," in result.out
    assert result.out.endswith(": consistent\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--sample", 2], "add --mutants"),
        (["--seed", 2], "add --mutants and --sample N"),
        (["--mutants", "--seed", 2], "--sample N"),
        (["--mutants", "--sample", 0], "expected a number from 1 to 9999"),
    ],
)
def test_wrong_usage_is_reported(labcheck: Callable[..., Result], words: list[str], said: str) -> None:
    """An option that has no effect, and a sample of 0, get one line."""
    result = labcheck("verify", "lab1", *words)
    assert (result.status, result.err.count("\n")) == (2, 1)
    assert said in result.err


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, the gradings that are running end first")
@pytest.mark.parametrize("option", ["--mutants", None], ids=["mutants", "variants"])
def test_ctrl_c_ends_it_at_once(option: str | None) -> None:
    """Ctrl+C does not wait for the hundreds of gradings that are left, and leaves no process."""
    command = [sys.executable, "-m", "labcheck", "verify", "lab2", *([option] if option else [])]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        labcheck = psutil.Process(process.pid)
        # labcheck, its second process, at least one that checks, and a program
        until(lambda: any("echo_" in " ".join(words_of(each)) for each in labcheck.children(recursive=True)))
        below = labcheck.children(recursive=True)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=20)[1]
    assert process.returncode == 130
    assert said == "\nlabcheck: interrupted\n"
    psutil.wait_procs(below, timeout=20)
    assert not any(alive(each.pid) for each in below)
