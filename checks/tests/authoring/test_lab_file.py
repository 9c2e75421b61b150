"""What an author reads about a mistake in lab.toml: the file, the line, and what to do."""

from __future__ import annotations

import copy
import json
import tomllib
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from authoring.mini import LAB, SHEET, TOML
from labcheck.authoring.nulls import FOLDER as NULL_PROGRAMS
from labcheck.workbook.labs import SCHEMA, lab_names, load_lab
from labcheck.workbook.places import root
from labcheck.workbook.toml_file import KEYWORDS, TomlFile, differences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authoring.author import Author

IDS_2 = 'requirements = ["2.1", "2.2"]'
STEP_2 = f'[[steps]]\ntitle = "Names"\n{IDS_2}\n'
# The mistake, its edits of lab.toml, and the lines that the author reads.
MISTAKES: list[tuple[str, list[tuple[str, str]], list[str]]] = [
    ("an id twice", [('"2.2"]', '"2.2", "2.1"]')], [":14: step 2 (Names): 2.1 is there twice"]),
    (
        "an id in two steps",
        [('"1.2"]', '"1.2", "2.1"]')],
        [
            ":10: step 1 (Hello): the ids of step 1 begin with 1., not 2.1",
            ":14: step 2 (Names): step 1 (Hello) already has 2.1",
        ],
    ),
    (
        "a step twice",
        [("", f"\n{STEP_2}")],
        [":18: step 3 (Names): step 2 (Names) already has 2.1 and 2.2"],
    ),
    (
        "steps in the wrong order",
        [('["1.1", "1.2"]', '["x"]'), ('["2.1", "2.2"]', '["1.1", "1.2"]'), ('["x"]', '["2.1", "2.2"]')],
        [
            ":10: step 1 (Hello): the ids of step 1 begin with 1., not 2.1, 2.2",
            ":14: step 2 (Names): the ids of step 2 begin with 2., not 1.1, 1.2",
        ],
    ),
    (
        "an id that is no id",
        [('"2.2"', '"2b"')],
        [
            ':14: step 2 (Names): one of requirements is "2b"; expected an id: the number of the step, a point, and a '
            'number within it, such as "2.1"'
        ],
    ),
    (
        "ids as numbers",
        [('["2.1", "2.2"]', "[2.1, 2.2]")],
        [
            ':14: step 2 (Names): one of requirements is 2.1; expected a text, such as "2.1"',
            ':14: step 2 (Names): one of requirements is 2.2; expected a text, such as "2.1"',
        ],
    ),
    (
        "a text without quotes",
        [('title = "Names"', "title = Names")],
        [":13: not valid TOML: invalid value; a text needs quotes"],
    ),
    ("a table twice", [("", '[programs.greeter]\nfile = "greeter.py"\n')], [":15: not valid TOML: cannot declare"]),
    (
        "an unknown kind",
        [('"greeter.py"', '"greeter.py"\nkind = "web server"')],
        [
            ":7: [programs.greeter]: unknown kind of program 'web server'. Did you mean 'websocket server'? Kinds: "
            "http client, http server, lines client, lines server, mixed server, websocket client, websocket server"
        ],
    ),
    (
        "an unknown key",
        [("port = 8009", 'port = 8009\nsuplies = ["site"]')],
        [":4: unknown key 'suplies'. Did you mean 'supplies'? Keys: title, minutes, port, supplies, budget, programs"],
    ),
    (
        "an unknown key of a program",
        [('"greeter.py"', '"greeter.py"\nearley = 2')],
        [":7: [programs.greeter]: unknown key 'earley'. Did you mean 'early'? Keys: file, kind"],
    ),
    (
        "an unknown key of a step",
        [('"Names"', '"Names"\nprogramm = "greeter"')],
        [":14: step 2 (Names): unknown key 'programm'. Did you mean 'program'? Keys: title"],
    ),
    (
        "without minutes",
        [("minutes = 10\n", "")],
        [": missing key 'minutes': about how many minutes the lab takes, such as minutes = 120"],
    ),
    (
        "a program without file",
        [('file = "greeter.py"\n', "")],
        [":5: [programs.greeter]: missing key 'file': the program's file, such as file = \"webserver.py\""],
    ),
    (
        "without programs",
        [('[programs.greeter]\nfile = "greeter.py"\n', "")],
        [": missing key 'programs': the programs that a student writes, such as [programs.webserver]"],
    ),
    ("without steps", [(LAB[LAB.index("[[steps") :], "")], [": missing key 'steps': the steps of the lab, in order"]),
    (
        "a step without requirements",
        [(f"{IDS_2}\n", "")],
        [":12: step 2 (Names): missing key 'requirements': the ids of the requirements, in order, such as req"],
    ),
    (
        "a step with an empty list",
        [(IDS_2, "requirements = []")],
        [':14: step 2 (Names): requirements is []; expected a list such as ["2.1", "2.2"]'],
    ),
    ("a step without title", [('title = "Names"\n', "")], [":12: step 2: missing key 'title': the title of the step"]),
    (
        "a file that does not exist",
        [("greeter.py", "greter.py")],
        [":6: greter.py is neither in labs/mini nor in solutions/mini. Did you mean 'greeter.py'?"],
    ),
    (
        "an unknown program",
        [('"Names"', '"Names"\nprogram = "greter"')],
        [":14: step 2 (Names): unknown program 'greter'. Did you mean 'greeter'? Programs: greeter"],
    ),
    (
        "a folder to supply that does not exist",
        [("8009", '8009\nsupplies = ["site"]')],
        [":4: labs/mini has no site, which the lab supplies"],
    ),
    ("a port in quotes", [("8009", '"8009"')], [':3: port is "8009"; expected a whole number, such as 8001']),
    ("a port that cannot be", [("8009", "80099")], [":3: port is 80099; expected a number from 1 to 65535"]),
    (
        "a line that is no list",
        [('"greeter.py"', '"greeter.py"\nlines = "Started"')],
        [':7: [programs.greeter]: lines is "Started"; expected a list, such as ["Started"]'],
    ),
    (
        "a number in quotes",
        [('"greeter.py"', '"greeter.py"\nearly = "2"')],
        [':7: [programs.greeter]: early is "2"; expected a whole number, such as 2'],
    ),
    ("an empty title", [('"Mini"', '""')], [':1: title is ""; expected a title, such as "Python web servers"']),
    ("points of an unknown id", [("", '[points]\n"2.7" = 2\n')], [":15: unknown requirement '2.7'; did you mean '2."]),
    (
        "several at once",
        [("minutes = 10", 'minutes = "10"'), ('"2.2"]', '"2.2", "2.2"]'), ("greeter.py", "greter.py")],
        [
            ':2: minutes is "10"; expected a whole number',
            ":6: greter.py is neither",
            ":14: step 2 (Names): 2.2 is there twice",
        ],
    ),
]


@pytest.mark.sample(12)
@pytest.mark.parametrize(("edits", "lines"), [each[1:] for each in MISTAKES], ids=[each[0] for each in MISTAKES])
def test_mistake_in_the_lab_file(author: Author, edits: list[tuple[str, str]], lines: list[str]) -> None:
    """`verify` names each mistake with its line and nothing else (2); checking a program reports the same (3)."""
    author.change(TOML, *edits)
    verified = author.labcheck("verify", "mini")
    *found, last = verified.out.splitlines()
    assert len(found) == len(lines), verified.out
    for line, wanted in zip(found, lines, strict=True):
        assert line.startswith(f"mini: {TOML}{wanted}"), line
    assert "so no program was run" in last
    assert (verified.status, verified.err) == (2, "")
    checked = author.labcheck("mini", "solutions/mini")
    assert checked.status == 3
    prefix = "labcheck: error in the lab, not in your program: "
    assert [line.removeprefix(prefix) for line in checked.err.splitlines()] == [
        line.removeprefix("mini: ") for line in found
    ]


def test_lab_without_lab_file(author: Author) -> None:
    """A folder in labs/ without a lab.toml is a lab that lacks it, and no typo of a command."""
    (author.root / TOML).unlink()
    assert author.labcheck("verify", "mini").out.startswith(f"mini: {TOML}: there is no such file\n")
    assert author.labcheck("mini").err == (
        f"labcheck: error in the lab, not in your program: {TOML}: there is no such file\n"
    )


def test_all_labs_are_those_of_the_course(author: Author) -> None:
    """Without the name of a lab, `verify` leaves labcheck's own labs alone."""
    (author.root / TOML).write_text("")
    author.write("labs/second/lab.toml", "")
    result = author.labcheck("verify")
    assert result.status == 2
    assert {line.split(":")[0] for line in result.out.splitlines()} == {"mini", "second"}


@pytest.mark.parametrize("name", ["mini-2", "mini.2"])
def test_name_of_a_lab_has_letters_and_digits(author: Author, name: str) -> None:
    """A lab whose folder has another name is reported with its folder."""
    author.write(f"labs/{name}/lab.toml", LAB)
    assert f"labs/{name}: the name of a lab may have letters, digits and _ only" in author.labcheck(name).err
    assert author.labcheck("verify", name).status == 2


@pytest.mark.parametrize("name", ["list", "grade", "help"])
def test_name_of_a_lab_is_no_command(author: Author, name: str) -> None:
    """A lab with the name of a command cannot be checked: its author reads why. The command goes on working."""
    author.write(f"labs/{name}/lab.toml", LAB)
    author.write(f"labs/{name}/greeter.py", "")
    said = f"labs/{name}: {name} is a command of labcheck; rename the folders of the lab"
    result = author.labcheck("verify", name)
    assert (result.status, result.err) == (2, "")
    assert result.out.splitlines()[:1] == [f"{name}: {said}"]
    for words in (("grade", name, "labs", "--out", "out"), ("ci", "github", name)):
        result = author.labcheck(*words)
        assert (result.status, result.err) == (3, f"labcheck: error in the lab, not in your program: {said}\n")
    listed = author.labcheck("list").out
    assert "Mini" in listed
    assert f"cannot be checked, because {name} is a command of labcheck; its author has to rename it" in listed
    assert f"labcheck start {name}" not in listed


def test_lab_with_the_name_of_a_command_does_not_replace_it(author: Author) -> None:
    """`labcheck grade` grades a class, also if a course has a lab `grade`."""
    author.write("labs/grade/lab.toml", LAB)
    assert "folder nowhere does not exist" in author.labcheck("grade", "mini", "nowhere", "--out", "out").err


def test_mistake_in_another_lab(author: Author) -> None:
    """A lab with a mistake does not keep others from being checked; `list` shows those before it."""
    author.write("labs/other/lab.toml", "title = x")
    listed = author.labcheck("list")
    assert "Mini" in listed.out
    assert (listed.status, "labs/other/lab.toml:1" in listed.err) == (3, True)
    assert author.labcheck("mini", "solutions/mini", "--only", "1.1").status == 0


def test_lines_of_keys() -> None:
    """Each table and key is found in its line, also after a text of several lines that looks like one."""
    text = "a = '''\n[b]\nc = 1\n'''\n\n[d.e]\n'f' = [\n  '1', # x = 3\n  '1',\n]\n[[g]]\nh = 1\n[[g]]\n h=2\n"
    file = TomlFile("x.toml", tomllib.loads(text), text)
    places = {("a",): 1, ("b",): None, ("d", "e"): 6, ("d", "e", "f"): 7, ("g", 1, "h"): 12, ("g", 2): 13}
    assert {path: file.lines.get(path) for path in places} == places
    assert file.at("g", 2, "h") == "x.toml:14"
    assert file.at("g", 2, "missing") == "x.toml:13"
    assert file.at("missing") == "x.toml"
    assert file.at("d", "e", "f", text="'1'", nth=2) == "x.toml:9"


def broken(value: Any) -> Iterator[Any]:
    """Yield copies of a table with one change each, at every place: without a key, with another, of another type."""
    if isinstance(value, dict):
        yield {**value, "another key": 1}
        for key in value:
            yield {name: each for name, each in value.items() if name != key}
            yield from ({**value, key: each} for each in broken(value[key]))
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from ([*value[:place], other, *value[place + 1 :]] for other in broken(each))
    others: list[Any] = ["", "x", -1, 70_000, 2.5, True, [], {}, [3]]
    yield from (other for other in others if other != value)


def schema_and_reader_agree(schema: dict[str, Any], table: dict[str, Any]) -> int:
    """Assert that labcheck and jsonschema accept the same changes of a table; return how many they refuse."""
    validator = jsonschema.Draft202012Validator(schema)
    cases = [table, *broken(copy.deepcopy(table))]
    refused = [bool(list(differences(case, schema))) for case in cases]
    for case, is_refused in zip(cases, refused, strict=True):
        assert is_refused != validator.is_valid(case), case
    assert not refused[0]
    return sum(refused)


def keywords(schema: Any) -> set[str]:
    """Return all keywords of a JSON Schema."""
    if not isinstance(schema, dict):
        return set()
    inside = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
    return {*schema}.union(*map(keywords, inside))


@pytest.mark.parametrize("name", lab_names())
def test_schema_says_what_the_reader_does(name: str) -> None:
    """The schema that editors use refuses what labcheck refuses; labcheck knows all keywords that it uses."""
    schema = json.loads(SCHEMA.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert keywords(schema) <= {*KEYWORDS}
    table = tomllib.loads((root() / "labs" / name / "lab.toml").read_text("utf-8"))
    table["points"] = {load_lab(name).requirements[0]: 2}
    assert schema_and_reader_agree(schema, table) > 100


def test_mini_is_right(author: Author) -> None:
    """Without a mistake, there is nothing to read."""
    assert SHEET.startswith("# Mini")
    assert load_lab("mini").requirements == ("1.1", "1.2", "2.1", "2.2")
    assert author.labcheck("mini", "solutions/mini").status == 0


@pytest.mark.parametrize(("words", "seconds"), [((), 1), (("--budget", "0.5"), 0.5)])
def test_budget_of_a_lab(author: Author, words: tuple[str, ...], seconds: float) -> None:
    """The checks of a lab have the time that its file allows, or that of the command line."""
    author.change(TOML, ("port = 8009\n", "port = 8009\nbudget = 1\n"))
    author.write("work/greeter.py", (NULL_PROGRAMS / "silent.py").read_text("utf-8"))
    checked = author.labcheck("mini", "work", *words)
    assert checked.status == 1
    assert f"out of time after {seconds:g} s" in checked.out
