"""What an author reads about wrong.toml, sheet, starter and solution, and what `verify` finds by running programs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import jsonschema
import pytest

from authoring.mini import DONE, NULLS, README, SOLUTION, START, SUITE, WRONG
from authoring.test_lab_file import keywords, schema_and_reader_agree
from conftest import processes_in, until
from labcheck.authoring.variants import SCHEMA
from labcheck.workbook.toml_file import KEYWORDS

if TYPE_CHECKING:
    from authoring.author import Author

FILE, NAMES = f"{SUITE}/wrong.toml", f"{SUITE}/test_2_names.py"
LAST = 'why = "410"\nedits = [["404", "410"]]'  # of the last variant, which begins in line 59
V_22 = "wrong variant of 2.2 (410)"
NO_VARIANTS = "wrong = []\n"
FEW = ", expected at least 3: add more to wrong.toml"

Edits = dict[str, list[tuple[str, str]] | str | None]
# Mistakes that show without running a program: the edits (None: the file is removed), and the lines that are printed.
BEFORE: list[tuple[str, Edits, list[str]]] = [
    (
        "a text that is not in the solution",
        {FILE: [(LAST, LAST.replace("404", "405"))]},
        [f"{FILE}:59: {V_22}: the text to replace occurs 0 times in greeter.py, expected 1: '405'"],
    ),
    (
        "a text that is there three times",
        {FILE: [(LAST, LAST.replace('"404"', '"send_text"'))]},
        [f"{FILE}:59: {V_22}: the text to replace occurs 4 times in greeter.py (lines 10, 12, 14, 16), expected 1: 's"],
    ),
    (
        "two variants with a wrong text",
        {FILE: [(LAST, LAST.replace("404", "405")), ('[["404", "200"]]', '[["406", "200"]]')]},
        [
            f"{FILE}:49: wrong variant of 2.2 (200): the text to replace occurs 0 times in greeter.py, expected 1: ",
            f"{FILE}:59: {V_22}: the text to replace occurs 0 times in greeter.py, expected 1: '405'",
        ],
    ),
    (
        "an edit that changes nothing",
        {FILE: [(LAST, LAST.replace('"410"]', '"404"]'))]},
        [f"{FILE}:59: {V_22}: the edits change nothing"],
    ),
    (
        "also names an unknown id",
        {FILE: [(LAST, f'also = ["2.7"]\n{LAST}')]},
        [f"{FILE}:61: {V_22}: also names 2.7, which is not in lab.toml."],
    ),
    (
        "also is a text",
        {FILE: [(LAST, f'also = "2.1"\n{LAST}')]},
        [f'{FILE}:61: {V_22}: also is "2.1"; expected a list, such as ["2.2"]'],
    ),
    (
        "fails names an unknown id",
        {FILE: [(f'"2.2"\n{LAST}', f'"2.7"\n{LAST}')]},
        [f"{FILE}:60: wrong variant of 2.7 (410): fails names 2.7, which is not in lab.toml."],
    ),
    (
        "an unknown key",
        {FILE: [(LAST, f'allso = ["2.1"]\n{LAST}')]},
        [f"{FILE}:61: {V_22}: unknown key 'allso'. Did you mean 'also'? Keys: fails, why, edits, also, breaks, file"],
    ),
    (
        "a file that is no program",
        {FILE: [(LAST, f'file = "server.py"\n{LAST}')]},
        [f"{FILE}:61: {V_22}: server.py is not a program in lab.toml. Programs: greeter.py"],
    ),
    (
        "an edit that makes no Python",
        {FILE: [(LAST, LAST.replace('["404", "410"]', "['(404', '((404']"))]},
        [f"{FILE}:59: {V_22}: with its edits, line 14 of greeter.py is not Python: '(' was never closed"],
    ),
    (
        "no TOML",
        {FILE: [(LAST, f"also = 2.1 2.2\n{LAST}")]},
        [f"{FILE}:61: not valid TOML: expected newline or end of document after a statement"],
    ),
    (
        "without why",
        {FILE: [('why = "410"\n', "")]},
        [f"{FILE}:59: wrong variant of 2.2: missing key 'why': the mistake in words, such as why = "],
    ),
    (
        "without edits",
        {FILE: [('\nedits = [["404", "410"]]', "")]},
        [f"{FILE}:59: {V_22}: missing key 'edits': pairs of a text that occurs once in the solution, and its replacem"],
    ),
    (
        "edits that are no pairs",
        {FILE: [('[["404", "410"]]', '["404", "410"]')]},
        [
            f'{FILE}:62: {V_22}: one of edits is "404"; expected a list, such as ["200", "201"]',
            f'{FILE}:62: {V_22}: one of edits is "410"; expected a list, such as ["200", "201"]',
        ],
    ),
    (
        "edits with three texts",
        {FILE: [('["404", "410"]', '["404", "410", "411"]')]},
        [f'{FILE}:62: {V_22}: one of edits is ["404", "410", "411"]; expected a list such as ["200", "201"]'],
    ),
    (
        "another heading",
        {FILE: WRONG.replace("[[wrong]]", "[[wrongs]]")},
        [f"{FILE}:1: unknown key 'wrongs'. Did you mean 'wrong'? Keys: wrong"],
    ),
    ("no wrong.toml", {FILE: None}, [f"{FILE}: there is no such file"]),
    (
        "a TODO of an unknown id",
        {START: [("TODO 2.2", "TODO 2.8")]},
        [f"{START}:11: a TODO 2.8, which is not in lab.toml"],
    ),
    ("no starter", {START: None}, [f"{START}: there is no such file, which is in lab.toml"]),
    ("a starter that is no Python", {START: [("", "else\n")]}, [f"{START}:25: SyntaxError: "]),
    ("a solution that is no Python", {DONE: [("", "else\n")]}, [f"{DONE}:27: SyntaxError: "]),
    ("no solution", {DONE: None}, [f"{DONE}: there is no such file, which is in lab.toml"]),
    ("no folder of the solution", {"solutions/mini": None}, ["solutions/mini: there is no such folder; it holds the"]),
    ("no sheet", {README: None}, [f"{README}: there is no such file; it is the sheet"]),
    (
        "a heading is missing",
        {README: [("## Step 2: names\n", "")]},
        [f'{README}: there is no heading "## Step 2: ..." for Names'],
    ),
    (
        "a heading of another step",
        {README: [("## Step 2: names", "## Step 3: goodbye")]},
        [
            f'{README}: there is no heading "## Step 2: ..." for Names',
            f"{README}:10: a heading of step 3; lab.toml has the steps 1 to 2",
        ],
    ),
    (
        "an id that only the sheet has",
        {README: [("", "| 2.3 | More. |\n")]},
        [f"{README}:16: a row of 2.3, which is not in lab.toml"],
    ),
    (
        "an id that the sheet lacks",
        {README: [("| 2.2 | Any other path answers 404. |\n", "")]},
        [f'{README}: there is no row "| 2.2 | ..." in a table for 2.2, which is in lab.toml'],
    ),
    (
        "mistakes in several files",
        {README: None, START: [("TODO 2.2", "TODO 2.8")], NAMES: [("Server,", "Sever,")], FILE: None},
        [
            f"{NAMES}:3: labcheck.suite has no 'Sever'. Did you mean 'Server'?",
            f"{README}: there is no such file; it is the sheet",
            f"{START}:11: a TODO 2.8, which is not in lab.toml",
            f"{FILE}: there is no such file",
        ],
    ),
]
MADE = 'if __name__ == "__main__":'
ENDS = f'{MADE}\n    sys.exit("not yet")'
# Mistakes that show when programs run. Each wrong.toml has only what is needed: the lack of variants is left out here.
RUNNING: list[tuple[str, Edits, list[str]]] = [
    (
        "a variant that no check catches",
        {FILE: f'[[wrong]]\nfails = "2.2"\n{LAST.replace("410", "0x194")}\n'},
        [f"{FILE}:1: wrong variant of 2.2 (0x194) does not fail 2.2: correct the check or the variant"],
    ),
    (
        "a variant that another requirement catches",
        {FILE: '[[wrong]]\nfails = "2.2"\nwhy = "x"\nedits = [[\'"Hello!"\', \'"Bye!"\']]\n'},
        [f"{FILE}:1: wrong variant of 2.2 (x) fails 1.2, but not 2.2: correct `fails`, the check or the variant"],
    ),
    (
        "a variant that one more requirement catches",
        {FILE: '[[wrong]]\nfails = "2.2"\nwhy = "x"\nedits = [["404", "410"], [\'"Hello!"\', \'"Bye!"\']]\n'},
        [
            f"{FILE}:1: wrong variant of 2.2 (x) fails 1.2, too: correct the check, name 2.2 in its `needs`, or add "
            "1.2 to `breaks`; failed; expected a page that shows Hello"
        ],
    ),
    (
        "also names a requirement that passes",
        {FILE: f'[[wrong]]\nfails = "2.2"\nalso = ["2.1"]\n{LAST}\n'},
        [f"{FILE}:1: {V_22} passes 2.1: remove it from `also`"],
    ),
    (
        "a precondition without needs",
        {
            FILE: '[[wrong]]\nfails = "1.2"\nwhy = "x"\nedits = [[\'"Hello!"\', \'"Bye!"\']]\n',
            NAMES: [
                (
                    '    answer = server.get(f"/{draw',
                    "    given(server.serves('/', 'Hello'))\n    answer = server.get(f\"/{draw",
                )
            ],
        },
        [
            f"{FILE}:1: wrong variant of 1.2 (x) fails 2.2, too: correct the check, name 1.2 in its `needs`, or add "
            "2.2 to `breaks`; failed; a precondition of this check does not hold"
        ],
    ),
    ("the starter is the solution", {START: SOLUTION}, ["the starter passes everything: there is nothing to do"]),
    (
        "the starter is the solution with TODOs",
        {START: f"{SOLUTION}# TODO 2.2\n"},
        [f"{START}:27: the starter passes 2.2, although it has a TODO 2.2: put it on a line that does not work"],
    ),
    (
        "a TODO is missing",
        {START: [("        # TODO 2.2: any other path answers 404.\n", "")]},
        ["the starter does not pass 2.2, but has no TODO 2.2: failed; expected status 404; received 200 OK"],
    ),
    (
        "a starter that ends at once",
        {START: [(MADE, ENDS)]},
        ["the starter does not start, and has no TODO 1.1; a starter runs: failed; greeter.py ended with exit status "],
    ),
    (
        "a solution that fails one",
        {DONE: [('"Hello, "', '"Hallo, "')], FILE: NO_VARIANTS},
        ["the solution does not pass 2.1: failed; expected a page that shows Hello, "],
    ),
    (
        "a solution that ends at once",
        {DONE: [(MADE, ENDS)], FILE: NO_VARIANTS},
        ["the solution does not pass 1.1: failed; greeter.py ended with exit status 1 before it listened: not yet"],
    ),
    (
        "a check that proves nothing",
        {
            NAMES: [("assert answer.status == 404", "assert server.host")],
            FILE: f'[[wrong]]\nfails = "2.2"\n{LAST}\n',
        },
        [
            f"{START}:11: the starter passes 2.2, although it has a TODO 2.2",
            f"{FILE}:1: {V_22} does not fail 2.2: correct the check or the variant",
        ],
    ),
    (
        "a check that cannot fail",
        {
            NAMES: [("assert answer.status == 404", "assert answer.status == 404 or 200")],
            FILE: f'[[wrong]]\nfails = "2.2"\n{LAST}\n',
        },
        [
            f"{START}:11: the starter passes 2.2, although it has a TODO 2.2",
            f"{FILE}:1: {V_22} does not fail 2.2: correct the check or the variant",
        ],
    ),
    (
        "a check that catches its own failure",
        {
            NAMES: [
                (
                    "    assert answer.status == 404",
                    "    try:\n        assert answer.status == 404\n    except Exception:\n        pass",
                )
            ],
            FILE: f'[[wrong]]\nfails = "2.2"\n{LAST}\n',
        },
        [
            f"{START}:11: the starter passes 2.2, although it has a TODO 2.2",
            f"{FILE}:1: {V_22} does not fail 2.2: correct the check or the variant",
        ],
    ),
    (
        "a check without assert",
        {NAMES: [("    assert answer.status == 404\n", "")], FILE: f'[[wrong]]\nfails = "2.2"\n{LAST}\n'},
        [
            f"{START}:11: the starter passes 2.2, although it has a TODO 2.2",
            f"{FILE}:1: {V_22} does not fail 2.2: correct the check or the variant",
        ],
    ),
    (
        "a check that writes into the submission",
        {
            NAMES: [
                (
                    "    assert answer.status",
                    "    open('solutions/mini/trace.txt', 'w').close()\n    assert answer.status",
                )
            ]
        },
        ["a check has changed solutions/mini/trace.txt; it must not write into the folder of a submission"],
    ),
]


def make(author: Author, edits: Edits) -> None:
    """Make a mistake."""
    for file, changes in edits.items():
        path = author.root / file
        if changes is None and path.is_dir():
            (path / "greeter.py").unlink()
            path.rmdir()
        elif changes is None:
            path.unlink()
        elif isinstance(changes, str):
            author.write(file, changes)
        else:
            author.change(file, *changes)


def expect(found: list[str], lines: list[str]) -> None:
    """Assert that the lines that were found are these, each with more after it."""
    assert len(found) == len(lines), found
    for line, wanted in zip(found, lines, strict=True):
        assert line.startswith(wanted), line


@pytest.mark.sample(12)
@pytest.mark.parametrize(("edits", "lines"), [each[1:] for each in BEFORE], ids=[each[0] for each in BEFORE])
def test_mistake_that_shows_without_running(author: Author, edits: Edits, lines: list[str]) -> None:
    """`verify` prints a line for each mistake in the files, and runs nothing; the exit status is 2."""
    make(author, edits)
    expect(author.verify(), lines)
    assert author.status == 2


@pytest.mark.sample(8)
@pytest.mark.parametrize(("edits", "lines"), [each[1:] for each in RUNNING], ids=[each[0] for each in RUNNING])
def test_mistake_that_shows_when_programs_run(author: Author, edits: Edits, lines: list[str]) -> None:
    """`verify` prints each problem in one line, and not what follows from it; the exit status is 1."""
    make(author, {FILE: NO_VARIANTS, **edits})
    author.change(FILE, ("", f"\n{NULLS}"))
    found = author.verify()
    expect([line for line in found if not line.endswith(FEW)], lines)
    assert author.status == 1


def test_lab_without_a_mistake(author: Author) -> None:
    """`mini` is consistent."""
    assert author.verify() == []
    assert author.status == 0


def test_variants_are_counted(author: Author) -> None:
    """A requirement with two wrong variants is reported; the others are still checked."""
    author.write(FILE, WRONG.replace(f'[[wrong]]\nfails = "2.2"\n{LAST}\n', "") + NULLS)
    assert author.verify() == [f"2.2 has 2 wrong variants{FEW}"]
    assert author.status == 1


def test_schema_says_what_the_reader_does() -> None:
    """The schema that editors use refuses what labcheck refuses; labcheck knows all keywords that it uses."""
    schema = json.loads(SCHEMA.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert keywords(schema) <= {*KEYWORDS}
    table = tomllib.loads(f'{WRONG}file = "greeter.py"\nbreaks = ["1.2"]\n')
    assert schema_and_reader_agree(schema, table) > 100


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, the gradings that are running end first")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_verify_ends_at_once(author: Author, number: int, status: int) -> None:
    """Ctrl+C and SIGTERM end it while a check sleeps, without waiting for anything, and no program is left."""
    author.change(NAMES, ("    answer = server", "    import time\n\n    time.sleep(60)\n    answer = server"))
    author.write("temporary/mark", "")
    command = [sys.executable, "-P", "-c", "from labcheck.cli.main import command; command()", "verify", "mini"]
    environment = {**os.environ, "TMPDIR": str(author.root / "temporary")}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        until(lambda: len(processes_in(author.root / "temporary")) >= 2, 60)
        process.send_signal(number)
        process.communicate(timeout=20)
    assert process.returncode == status
    until(lambda: not processes_in(author.root / "temporary"))
