"""What an author reads about a mistake in a suite's files: the file, the line, and what to do; nothing else."""

from __future__ import annotations

import os
import shutil
from textwrap import indent
from typing import TYPE_CHECKING

import pytest

from authoring.mini import NAMES, NULLS, SOLUTION, SUITE, TOML
from labcheck.judging import fixtures
from labcheck.record.record import Record

if TYPE_CHECKING:
    from authoring.author import Author

# How pytest refuses a check that is a generator: an error since 8.4, a warning before.
YIELD = "Failed: 'yield' keyword" if pytest.version_tuple >= (8, 4) else "pytest.PytestCollectionWarning: yield tests"
FIRST, SECOND = f"{SUITE}/test_1_hello.py", f"{SUITE}/test_2_names.py"
MATERIAL = f"{SUITE}/material.py"
PREPARE = "def prepare(work, draw):\n    return 1\n"
AT_22 = '@requirement("2.2", hints=["What is the status code for a page that is missing?", "It is 404."])'
TEST_22 = "def test_nowhere(server: Server, draw: Draw) -> None:"
IMPORT = "from labcheck.suite import Draw, Server, given, requirement"
GET_22 = '    answer = server.get(f"/{draw.word()}")\n'
LAST = "    assert answer.status == 404\n"

NOWHERE = NAMES[NAMES.index(AT_22) :]

# The mistake; its edits in test_2_names.py, or in the files that are named; what `verify` prints; and a part of what
# `labcheck mini` prints ("": it checks the program).
Edits = list[tuple[str, str]]
MISTAKES: list[tuple[str, Edits | dict[str, Edits | str], list[str], str]] = [
    (
        "a name that labcheck.suite does not have",
        [("Server,", "Sever,")],
        [f"{SECOND}:3: labcheck.suite has no 'Sever'. Did you mean 'Server'?"],
        f"{SECOND}:3: labcheck.suite has no 'Sever'. Did you mean 'Server'?",
    ),
    (
        "a module that does not exist",
        [(IMPORT, f"import reqeusts\n{IMPORT}")],
        [f"{SECOND}:3: there is no module reqeusts"],
        f"{SECOND}:3: there is no module reqeusts",
    ),
    (
        "a helper that is imported without its package",
        {SECOND: [(IMPORT, f"from talk import WORD\n{IMPORT}")], f"{SUITE}/talk.py": "WORD = 'x'\n"},
        [f"{SECOND}:3: there is no module talk; write: from suites.mini.talk import ..."],
        "there is no module talk; write: from suites.mini.talk",
    ),
    (
        "no Python",
        [(TEST_22, "def test_nowhere((server, draw):")],
        [f"{SECOND}:16: SyntaxError: "],
        f"{SECOND}:16: SyntaxError: ",
    ),
    (
        "an exception at import",
        [(IMPORT, f"{IMPORT}\nHALF = 1 / 0")],
        [f"{SECOND}:4: ZeroDivisionError: division by zero"],
        f"{SECOND}:4: ZeroDivisionError: division by zero",
    ),
    (
        "a check without hints",
        [(AT_22, '@requirement("2.2")')],
        [f"{SECOND}:15: 2.2 has no hints; add hints=[...]"],
        f"{SECOND}:15: TypeError: requirement() missing 1 required keyword-only argument: 'hints'",
    ),
    (
        "a check without id",
        [(AT_22, '@requirement(hints=["Why?"])')],
        [f'{SECOND}:15: @requirement lacks an id: @requirement("2.1", hints=["Why?"])'],
        f"{SECOND}:15: TypeError: requirement() missing 1 required positional argument: 'id'",
    ),
    (
        "a decorator without brackets",
        [(AT_22, "@requirement")],
        [f'{SECOND}:15: @requirement needs an id and hints: @requirement("2.1", hints=["Why?"])'],
        f"{SECOND}:15: TypeError: requirement() missing 1 required keyword-only",
    ),
    (
        "a test function without decorator",
        [(f"{AT_22}\n", "")],
        [f"{SECOND}:15: test_nowhere has no @requirement; the name of a helper must not begin with test_"],
        f"{SECOND}:15: test_nowhere has no @requirement; the name of a helper must not begin with test_",
    ),
    (
        "a decorator on a function that is no test",
        [("def test_nowhere", "def nowhere")],
        [f"{SECOND}:16: nowhere has @requirement; its name must begin with test_"],
        "there is no check of 2.2",
    ),
    ("an empty list of hints", [(AT_22, '@requirement("2.2", hints=[])')], [f"{SECOND}:15: 2.2 has no hints; add"], ""),
    (
        "empty hints",
        [(AT_22, '@requirement("2.2", hints=["", "Why?", " "])')],
        [f"{SECOND}:15: hint 1 of 2.2 is ''; expected a text", f"{SECOND}:15: hint 3 of 2.2 is ' '"],
        "",
    ),
    (
        "hints that are a text",
        [(AT_22, '@requirement("2.2", hints="Think!")')],
        [f"{SECOND}:15: the hints of 2.2 are a text; expected a list of texts"],
        f"{SECOND}:15: TypeError: hints of 2.2 is a text; expected a list of texts: hints=['Think!']",
    ),
    (
        "a check without docstring",
        [('    """Any other path answers 404."""\n', "")],
        [f"{SECOND}:16: test_nowhere has no docstring; write the sentence that the student reads"],
        "",
    ),
    (
        "needs in a circle",
        {FIRST: [('"1.2", ', '"1.2", needs=["2.1"], ')]},
        [f"{FIRST}:12: 1.2 needs 2.1, which needs 1.2: a circle"],
        "",
    ),
    ("a check that needs itself", [('needs=["1.2"]', 'needs=["2.1"]')], [f"{SECOND}:6: 2.1 needs itself"], ""),
    (
        "a need that is unknown",
        [('needs=["1.2"]', 'needs=["1.7"]')],
        [f"{SECOND}:6: 2.1 needs 1.7, which is not in lab.toml"],
        "",
    ),
    (
        "needs that are a text",
        [('needs=["1.2"]', 'needs="1.2"')],
        [f"{SECOND}:6: needs of 2.1 is a text; expected a list of texts"],
        f"{SECOND}:6: TypeError: needs of 2.1 is a text",
    ),
    (
        "a file of checks that is not read",
        {SECOND: [(AT_22, "NOTHING = 1\n"), (TEST_22, "def nowhere(server, draw):")], f"{SUITE}/checks_2.py": NAMES},
        [f"{SUITE}/checks_2.py:1: it has @requirement, but is not read; rename it to test_checks_2.py"],
        "there is no check of 2.2",
    ),
    (
        "checks in a class",
        [(NOWHERE, "class TestNowhere:\n" + indent(NOWHERE.replace("(server", "(self, server"), "    "))],
        [f"{SECOND}:15: TestNowhere is a class; checks are functions outside of classes"],
        "",
    ),
    (
        "imports from other rooms",
        [(IMPORT, f"{IMPORT}\nfrom labcheck.protocols.http.server import Server\nimport labcheck.judging.run")],
        [
            f"{SECOND}:4: labcheck.protocols.http.server is not for suites; Server is in labcheck.suite",
            f"{SECOND}:5: labcheck.judging.run is not for suites; a suite uses labcheck.suite",
        ],
        "",
    ),
    (
        "values that are others in each run",
        [(IMPORT, f"import random\n\n{IMPORT}")],
        [f"{SECOND}:3: random gives other values in each run; use the fixture draw"],
        "",
    ),
    (
        "a conftest.py",
        {f"{SUITE}/conftest.py": "import pytest\n\n\n@pytest.fixture\ndef page():\n    return 1\n"},
        [f"{SUITE}/conftest.py:1: conftest.py is not read in a grading; put its fixtures into the files of the checks"],
        "",
    ),
    (
        "a fixture of pytest",
        [(TEST_22, "def test_nowhere(server: Server, draw: Draw, tmp_path) -> None:")],
        [f"{SECOND}:16: test_nowhere uses a fixture 'tmp_path', which does not exist in a grading. Fixtures: server, "],
        f"{SECOND}:15 (check of 2.2): there is no fixture 'tmp_path' in a grading",
    ),
    (
        "an unknown fixture",
        [(TEST_22, "def test_nowhere(srever: Server, server, draw: Draw) -> None:")],
        [f"{SECOND}:16: test_nowhere uses a fixture 'srever', which does not exist in a grading. Did you mean 'ser"],
        f"{SECOND}:15 (check of 2.2): there is no fixture 'srever' in a grading",
    ),
    (
        "a mark without effect",
        [(AT_22, f"import pytest\n\n\n@pytest.mark.skip\n{AT_22}")],
        [f"{SECOND}:20: @pytest.mark.skip has no effect in a grading; remove it"],
        "",
    ),
    (
        "a mark with arguments and without effect",
        [(AT_22, f"import pytest\n\n\n@pytest.mark.xfail(reason='x')\n{AT_22}")],
        [f"{SECOND}:20: @pytest.mark.xfail has no effect in a grading; remove it"],
        "",
    ),
    (
        "an assert that is always true",
        [(LAST, '    assert (answer.status == 404, "no")\n')],
        [f"{SECOND}:19: this assert is always true; remove the parentheses"],
        "",
    ),
    (
        "a check that is a coroutine",
        [(TEST_22, f"async {TEST_22}")],
        [f"{SECOND}:16: test_nowhere is a coroutine; a check is an ordinary function: remove `async`"],
        f"{SECOND}:15 (check of 2.2): Failed: async def functions are not natively supported",
    ),
    (
        "a check with yield",
        [(LAST, f"{LAST}    yield\n")],
        [f"{SECOND}:20: test_nowhere has a yield; a check is an ordinary function"],
        f"{SECOND}: {YIELD}",
    ),
    (
        "a client's fixture for a server",
        [(TEST_22, "def test_nowhere(client, server, draw) -> None:")],
        [f"{SECOND}:16: the fixture client is for clients, but greeter is a http server (lab.toml)"],
        f"{SECOND}:15 (check of 2.2): the check uses greeter as a client, but it is a http server",
    ),
    (
        "material without material.py",
        [(TEST_22, "def test_nowhere(server, draw, material) -> None:")],
        [f"{SECOND}:16: test_nowhere uses material, but the suite has no material.py"],
        "",
    ),
    (
        "material.py without prepare",
        {MATERIAL: "PAGE = 1\n"},
        [f"{MATERIAL}:1: there is no function prepare(work, draw)"],
        f"{MATERIAL}: AttributeError: module 'suites.mini.material' has no attribute 'prepare'",
    ),
    (
        "prepare with other parameters",
        {MATERIAL: "def prepare(work):\n    return 1\n"},
        [f"{MATERIAL}:1: prepare has the parameters (work); expected (work, draw)"],
        f"{MATERIAL}: TypeError: prepare() takes 1 positional argument but 2 were given",
    ),
    (
        "a material.py that is no Python",
        {MATERIAL: "def prepare(work, draw:\n    return 1\n"},
        [f"{MATERIAL}:1: SyntaxError: "],
        f"{MATERIAL}:1: SyntaxError: ",
    ),
    (
        "prepare raises",
        {MATERIAL: "def prepare(work, draw):\n    raise ValueError('no site')\n"},
        [f"{MATERIAL}:2: ValueError: no site"],
        f"{MATERIAL}:2: ValueError: no site",
    ),
    (
        "a copied decorator",
        [('"2.2"', '"2.1"')],
        [f"{SECOND}:15: 2.1 has another check at {SECOND}:6, and 2.2 has none; was @requirement copied?"],
        "there is no check of 2.2, which lab.toml lists",
    ),
    (
        "two functions with one name",
        [("test_nowhere", "test_name")],
        [f"{SECOND}:16: test_name is defined a second time, after line 7; Python keeps only this one"],
        "there is no check of 2.1, which lab.toml lists",
    ),
    (
        "a check of an id that lab.toml and sheet lack",
        [("", '\n\n@requirement("2.9", hints=["Why?"])\ndef test_more(server):\n    """More."""\n')],
        [f"{SECOND}:22: 2.9 is not in lab.toml"],
        "",
    ),
    (
        "an id without a check",
        {TOML: [('"2.2"]', '"2.2", "2.3"]')], "labs/mini/README.md": [("", "| 2.3 | More. |\n")]},
        [f"{TOML}:14: there is no check of 2.3; write one into {SUITE}/test_2_....py"],
        "there is no check of 2.3, which lab.toml lists",
    ),
    (
        "several at once",
        {SECOND: [(AT_22, '@requirement("2.2")')], FIRST: [('"1.2", hints', '"1.2b", hints')]},
        [
            f"{FIRST}:12: '1.2b' is not an id; expected step.number, such as \"2.1\"",
            f"{SECOND}:15: 2.2 has no hints",
        ],
        "TypeError: requirement() missing 1 required keyword-only argument",
    ),
]


def make(author: Author, edits: Edits | dict[str, Edits | str]) -> None:
    """Make a mistake."""
    for file, changes in (edits if isinstance(edits, dict) else {SECOND: edits}).items():
        if isinstance(changes, str):
            author.write(file, changes)
        else:
            author.change(file, *changes)


@pytest.mark.sample(16)
@pytest.mark.parametrize(
    ("edits", "lines", "said"), [each[1:] for each in MISTAKES], ids=[each[0] for each in MISTAKES]
)
def test_mistake_in_a_suite(author: Author, edits: Edits | dict[str, Edits | str], lines: list[str], said: str) -> None:
    """`verify` names each mistake with its line and nothing else (2); so does checking a program that needs it (3)."""
    make(author, edits)
    found = author.verify()
    assert len(found) == len(lines), found
    for line, wanted in zip(found, lines, strict=True):
        assert line.startswith(wanted), line
    assert author.status == 2
    checked = author.labcheck("mini", "solutions/mini")
    if said:
        assert checked.status == 3
        assert "labcheck: error in the lab, not in your program: " in checked.err
        assert said in checked.err
        assert "internal error" not in checked.err
    else:
        assert checked.status == 0 or "error in the lab" in checked.err


RIGHT: list[tuple[str, Edits | dict[str, Edits | str]]] = [
    ("no change", []),
    ("two checks of an id", [("", '\n\n@requirement("1.2", hints=["Why?"])\ndef test_again(server):\n    """M."""\n')]),
    ("needs a later step", {FIRST: [('"1.2", ', '"1.2", needs=["2.2"], ')], SECOND: [('needs=["1.2"], ', "")]}),
    ("a helper", {SECOND: [(IMPORT, f"{IMPORT}\n\nfrom .talk import WORD")], f"{SUITE}/talk.py": "WORD = 'x'\n"}),
    (
        "a parametrized check",
        [
            (AT_22, f'import pytest\n\n\n@pytest.mark.parametrize("end", ["a", "b"])\n{AT_22}'),
            ('draw: Draw) -> None:\n    """Any', 'draw, end) -> None:\n    """Any'),
        ],
    ),
    (
        "a fixture of its own",
        [
            (AT_22, f"import pytest\n\n\n@pytest.fixture\ndef page(draw):\n    return draw.word()\n\n\n{AT_22}"),
            (TEST_22, "def test_nowhere(server, draw, page) -> None:"),
        ],
    ),
    ("a package", {f"{SUITE}/__init__.py": ""}),
    ("material", {MATERIAL: PREPARE, SECOND: [(TEST_22, "def test_nowhere(server, draw, material) -> None:")]}),
    ("one decorator for two checks", [(AT_22, f"nowhere = {AT_22[1:]}\n\n\n@nowhere")]),
]


@pytest.mark.parametrize("edits", [each[1] for each in RIGHT], ids=[each[0] for each in RIGHT])
def test_what_a_suite_may_have(author: Author, edits: Edits | dict[str, Edits | str]) -> None:
    """What is allowed is accepted by both readers of a suite."""
    make(author, edits)
    author.write(f"{SUITE}/wrong.toml", f"wrong = []\n\n{NULLS}")
    assert all(line.endswith("add more to wrong.toml") for line in author.verify())
    checked = author.labcheck("mini", "solutions/mini")
    assert (checked.status, checked.err) == (0, "")


def test_suite_without_folder(author: Author) -> None:
    """A lab without a suite is reported once, by all commands."""
    for file in (author.root / SUITE).iterdir():
        file.unlink()
    (author.root / SUITE).rmdir()
    assert author.verify() == [f"{SUITE}: there is no such folder; it holds the checks"]
    assert f"{SUITE}: there is no such folder" in author.labcheck("mini", "solutions/mini").err


def test_hint_without_hints(author: Author) -> None:
    """`hint` reports that there is no hint, or no check, as a mistake in the lab."""
    author.change(SECOND, (AT_22, '@requirement("2.2", hints=[])'))
    assert f"{SUITE}: the check of 2.2 has no hints" in author.labcheck("hint", "mini", "2.2").err
    author.change(TOML, ('"2.2"]', '"2.2", "2.3"]'))
    assert f"{SUITE}: there is no check of 2.3" in author.labcheck("hint", "mini", "2.3").err
    author.change(SECOND, ("hints=[]", 'hints="Think!"'))
    assert "hints of 2.2 is a text" in author.labcheck("hint", "mini", "2.2").err


TAKEN = "('127.0.0.1', 9)"
BINDS = "the check binds port 9, which may be in use: submissions are checked side by side; bind port 0, and the"

# What happens in a check: its line, what `verify` reports, and what `labcheck mini` does.
IN_CHECKS = [
    ("an attribute that does not exist", "    answer.statsu\n", "19", "AttributeError: 'Answer' object has no"),
    ("a name that does not exist", "    drwa\n", "19", "NameError: name 'drwa' is not defined"),
    ("an exception after the asserts", f"{LAST}    1 / 0\n", "20", "ZeroDivisionError: division by zero"),
    (
        "a method of another kind",
        "    server.join()\n",
        "19",
        "AttributeError: 'Server' object has no attribute 'join'",
    ),
    (
        "a fixed port",
        "    import socket\n\n    socket.create_connection(('127.0.0.1', 1))\n",
        "21",
        "ConnectionRefusedError: ",
    ),
    (
        "a port that others may need",
        f"    import socket\n\n    with socket.socket() as listener:\n        listener.bind({TAKEN})\n{LAST}",
        "22",
        BINDS,
    ),
    (
        "a server with a port that others may need",
        f"    import socketserver\n\n    with socketserver.TCPServer({TAKEN}, None):\n        pass\n{LAST}",
        "21",
        BINDS,
    ),
    (
        "the program is overwritten",
        f"    (server.program.folder / 'greeter.py').write_text('')\n{LAST}",
        "19",
        "the check writes greeter.py, the program that it checks; leave it as it was submitted, and write other",
    ),
]


@pytest.mark.parametrize(
    ("text", "line", "said"), [each[1:] for each in IN_CHECKS], ids=[each[0] for each in IN_CHECKS]
)
def test_check_that_raises(author: Author, text: str, line: str, said: str) -> None:
    """An exception of a check is reported once, with its line, and costs no point; nothing follows from it."""
    author.change(SECOND, (LAST, text))
    (found,) = author.verify()
    assert found.startswith(f"{SECOND}:{line} (check of 2.2): {said}")
    assert author.status == 1
    checked = author.labcheck("mini", "solutions/mini")
    assert "ERROR 2.2" in checked.out
    assert f"error in the lab, not in your program: {found}" in checked.err
    assert checked.status == 3


def test_check_may_use_what_nobody_else_needs(author: Author) -> None:
    """A port that the system chooses, other files beside the program, and a program of the same name elsewhere."""
    uses = """\
    import socket, tempfile
    with socket.create_server(("127.0.0.1", 0)), tempfile.TemporaryDirectory() as folder:
        for place in (server.program.folder / "notes.txt", server.program.folder / "a.py", f"{folder}/greeter.py"):
            open(place, "w").close()
        assert (server.program.folder / "greeter.py").read_text()
"""
    author.change(SECOND, (LAST, f"{uses}{LAST}"))
    assert author.verify() == []


def test_material_must_not_change_the_program(author: Author) -> None:
    """`prepare()` puts files beside the program, and does not replace it."""
    author.write(MATERIAL, "def prepare(work, draw):\n    (work / 'greeter.py').write_text('')\n")
    (found,) = author.verify()
    assert found.startswith(f"{MATERIAL}:2: the check writes greeter.py, the program that it checks")


def test_fixture_that_raises(author: Author) -> None:
    """So is an exception of a suite's own fixture."""
    fixture = "import pytest\n\n\n@pytest.fixture\ndef page(server):\n    return server.gett('/')\n\n\n"
    author.change(SECOND, (AT_22, fixture + AT_22), (TEST_22, "def test_nowhere(server, draw, page) -> None:"))
    (found,) = author.verify()
    assert found.startswith(f"{SECOND}:20 (check of 2.2): AttributeError: 'Server' object has no attribute 'gett'")


def test_class_with_a_broken_suite(author: Author) -> None:
    """A class is not graded with a suite that cannot be imported: the author reads why before anybody is."""
    author.change(SECOND, ("Server,", "Sever,"))
    result = author.labcheck("grade", "mini", "solutions", "--out", "results")
    assert f"{SECOND}:3: labcheck.suite has no 'Sever'" in result.err
    assert (result.status, result.out) == (3, "")
    assert not (author.root / "results").exists()


RAISES = '    {}["x"]\n'


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a class needs fork")
def test_class_with_a_check_that_raises(author: Author) -> None:
    """The grades are open, and the author reads the mistake: it is no error of labcheck."""
    author.change(SECOND, (LAST, f"{RAISES}{LAST}"))
    for name in ("ada", "bob"):
        author.write(f"class/{name}/greeter.py", SOLUTION)
    result = author.labcheck("grade", "mini", "class", "--out", "results", "--sandbox", "none")
    assert result.status == 3
    assert f"  2 × error in the lab: {SECOND}:19 (check of 2.2): KeyError: 'x'\n" in result.out
    assert "report errors of labcheck" not in result.out


@pytest.mark.skipif(not hasattr(os, "fork"), reason="an archive needs fork")
@pytest.mark.parametrize("mistake", ["a check", "prepare"])
def test_separate_process_with_a_suite_that_raises(author: Author, mistake: str) -> None:
    """The mistake is the author's there, too."""
    if mistake == "prepare":
        author.write(MATERIAL, "def prepare(work, draw):\n    raise ValueError('no site')\n")
        said = f"{MATERIAL}:2: ValueError: no site"
    else:
        author.change(SECOND, (LAST, f"{RAISES}{LAST}"))
        said = f"{SECOND}:19 (check of 2.2): KeyError: 'x'"
    shutil.make_archive("work", "zip", "solutions/mini")
    result = author.labcheck("mini", "work.zip")
    assert result.status == 3
    assert result.err.splitlines()[-1] == f"labcheck: error in the lab, not in your program: {said}"


def test_parameter_is_named(author: Author) -> None:
    """If a check runs for several values, a failure says for which one."""
    author.change(
        SECOND,
        ("from labcheck.suite", "import pytest\nfrom labcheck.suite"),
        (AT_22, f'{AT_22}\n@pytest.mark.parametrize("status", [404, 410])'),
        (TEST_22, TEST_22.replace("draw: Draw", "draw: Draw, status: int")),
        ("status == 404\n", 'status == status, "it is missing"\n'),
    )
    record = Record.from_json(author.labcheck("mini", "solutions/mini", "--json", "-").out)
    assert record.requirement("2.2").reason == "with status = 410: it is missing"


def test_fixtures_are_those_that_inspection_knows() -> None:
    """The lists of fixtures name each fixture of the engine, and nothing else."""
    known = {*fixtures.SERVERS, *fixtures.CLIENTS, *fixtures.OTHERS}
    found = {name for name in vars(fixtures) if type(vars(fixtures)[name]).__name__ == "FixtureFunctionDefinition"}
    assert known == found or not found  # before pytest 8.4, a fixture is a function
