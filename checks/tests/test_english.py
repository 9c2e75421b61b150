"""The phrases that this project does not use: each has a plainer one that a learner understands at first reading."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PHRASES = {  # a regular expression, and what to write instead
    r"so many|at most so (?:long|many|much)": "the given number of; up to N",
    r"whoever|who waits|nobody listens": "a client that waits; a program that; no process listens",
    r"(?:is|are|was|were|be|been) told|tells? of|says that it is": "is reported; reports; prints",
    r"(?:is|are|was) (?-i:none)|no \w+ at all": "is missing; is not an X",
    r"it was (?:given|handed)": "its argument; its input",
    r"yet": "still",
    r"meanwhile|thereafter|in the end": "while that runs; then; finally",
    r"(?:can|to) be had": "is available",
    r"stands? (?:in|there)": "is in; appears",
    r"whatever|wherever|however(?!,)": "any; in any; no matter how",
    r"(?:get|gets|got) theirs": "name the thing again",
    r"visitors?|guests?(?! ?book)": "client, peer",
    r"judged|condemned|dismissed": "checked; marked as failed; stopped",
    r"faults? of (?:labcheck|ours)|labcheck's own faults?": "an internal error in labcheck",
    r"(?:is|are|was|not|requirements?) met": "passes; fails",
}
TEXTS = {".css", ".html", ".ipynb", ".jinja", ".js", ".json", ".md", ".py", ".toml", ".txt", ".yml"}
NOT_OURS = ("tests/record/earlier", "tests/test_english.py")  # results of version 1, and the phrases themselves
BETWEEN = r"[\s#*>\"']+"  # between two words there may be the end of a line and the sign of a comment
NEGATED = re.compile(r"\b(?:not|no|never|nothing|nobody|neither)\b|n't")


def texts() -> Iterator[Path]:
    """Go through every text of the checkout that a person reads."""
    files = [CHECKOUT / "README.md", CHECKOUT / "pyproject.toml", CHECKOUT / ".ci" / "run"]
    for folder in (".ci", ".github", "checks", "labs", "notebooks", "solutions"):
        files += sorted((CHECKOUT / folder).rglob("*"))
    for file in files:
        if file.is_file() and (file.suffix in TEXTS or file.name == "run"):
            name = file.relative_to(CHECKOUT).as_posix()
            if "__pycache__" not in name and not any(part in name for part in NOT_OURS):
                yield file


def found(phrase: str, text: str) -> Iterator[re.Match[str]]:
    """Go through the places of a phrase; `yet` is plain English after a negation."""
    for match in re.finditer(rf"\b(?:{phrase.replace(' ', BETWEEN)})\b", text, re.IGNORECASE):
        if match[0].lower() != "yet" or not NEGATED.search(text[max(0, match.start() - 80) : match.start()]):
            yield match


BY_NAME = re.compile(  # a command that installs labcheck by its name, perhaps with a version or an extra
    rf"(?:pip3?|pipx|uv(?: tool)?){BETWEEN}install"
    rf"(?:{BETWEEN}|(?P<options>(?: +(?!labcheck)[^\s`;&|)]+)+) +[\"']?)"  # options are on the same line
    r"labcheck(?:\[\w*\])?(?![\w/.-])(?! *@)"
)


def installed_by_name(text: str) -> list[str]:
    """Return the commands in a text that install labcheck by its name from an index that is not named."""
    return [match[0] for match in BY_NAME.finditer(text) if " --index-url" not in (match["options"] or "")]


@pytest.mark.parametrize("phrase", PHRASES, ids=[*PHRASES.values()])
def test_phrase_is_not_used(phrase: str) -> None:
    """None of the texts has it: messages, hints, sheets, documents, docstrings and comments."""
    places = []
    for file in texts():
        text = file.read_text("utf-8")
        for match in found(phrase, text):
            line = text.count("\n", 0, match.start()) + 1
            places.append(f"{file.relative_to(CHECKOUT)}:{line}: {' '.join(match[0].split())}")
    assert not places, "write: " + PHRASES[phrase] + "\n" + "\n".join(places)


def test_phrases_are_found_across_lines() -> None:
    """A phrase that is broken by a comment's line, or written in capitals, is found; plain English is not."""
    assert [match[0] for match in found("is told", "# this Is\n    # told")] == ["Is\n    # told"]
    assert not [*found("yet", "it has not answered yet")]
    assert [*found("yet", "an exception, yet it looks like one")]


@pytest.mark.parametrize(
    ("text", "is_by_name"),
    [
        ("pip install labcheck", True),
        ("/opt/labcheck/bin/python -I -m pip install labcheck==[= version =]", True),
        ("run: pip install 'labcheck[book]'", True),
        ('pip install --upgrade -q "labcheck>=0.1"', True),
        ("uv tool install labcheck", True),
        ("# call `pip\n# install labcheck`", True),
        ("pip install --extra-index-url https://example.org/simple labcheck==0.1.0", True),
        ("pip install --index-url https://example.org/simple labcheck==0.1.0", False),
        ("pip install -q -e . && .venv/bin/labcheck lab1", False),
        ("pip install ./labcheck-0.1.0-py3-none-any.whl", False),
        ("pip install '/home/ada/labcheck[book]'", False),
        ("pip install 'labcheck-0.1.0-py3-none-any.whl[jupyter]'", False),
        ("pip install 'labcheck @ git+https://example.org/labcheck'", False),
        ("Use `pip install`. Then labcheck runs.", False),
    ],
)
def test_installing_by_name_is_recognized(text: str, is_by_name: bool) -> None:
    """A name is found after any options; a file, an address and a named index are not names."""
    assert bool(installed_by_name(text)) == is_by_name


def test_no_text_installs_labcheck_by_its_name() -> None:
    """Anyone can register the name `labcheck` on a package index, so no command may look for it there."""
    found = {file.relative_to(CHECKOUT).as_posix(): installed_by_name(file.read_text("utf-8")) for file in texts()}
    assert {name: commands for name, commands in found.items() if commands} == {}
