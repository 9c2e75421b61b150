"""The command `certificate`: a page that says who has passed all labs of a course; made, signed and verified."""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.cli.options import FAILED, PASSED, Command, wants_help
from labcheck.errors import RefusedError, UsageError
from labcheck.workbook.labs import lab_names, load_lab
from labcheck.workbook.nearest import nearest
from labcheck.workbook.places import OWN_TITLE, main_place

if TYPE_CHECKING:
    from labcheck.cli.options import Parser
    from labcheck.workbook.places import Place

FILE = "certificate.html"
ACTIONS = ("key", "verify")
USAGE = """\
%(prog)s --name NAME [--out FILE]
       labcheck certificate key FILE
       labcheck certificate RESULTS ... --key FILE --out FOLDER
       labcheck certificate verify FILE --public-key KEY"""
ABOUT = """\
With --name, a student makes a page that says which labs are passed. It is not signed. An instructor makes signed
pages for all students of a class who have passed all labs: first a pair of keys with `labcheck certificate key FILE`,
then the pages from the results of `labcheck grade`. Anyone who has the public key can verify such a page."""


def _arguments(parser: Parser, words: list[str]) -> None:
    action = words[0] if words and words[0] in ACTIONS else ""
    parser.set_defaults(action=action)
    if action:
        parser.prog = f"{parser.prog} {action}"
        parser.add_argument("action", metavar=action, choices=[action], help=argparse.SUPPRESS)
    if action == "key":
        parser.description = "Make a pair of keys: a private one, which signs, and a public one, which verifies."
        parser.add_argument("file", metavar="FILE", type=Path, help="new file for the private key; FILE.pub is public")
        return
    if action == "verify":
        parser.description = "Verify a signed certificate: nothing on the page was changed after it was signed."
        parser.add_argument("file", metavar="FILE", type=Path, help="the page")
        _add_public_key(parser)
        return
    parser.usage, parser.description = USAGE, ABOUT
    parser.add_argument(
        "results",
        metavar="RESULTS",
        nargs="*",
        help="for a class: the --out folders of `labcheck grade`, one for each lab",
    )
    parser.add_argument("--name", metavar="NAME", help="for yourself: the name on the certificate")
    parser.add_argument("--key", metavar="FILE", type=Path, help="for a class: the private key that signs")
    parser.add_argument(
        "--out", metavar="FILE", type=Path, help=f"file to write (default: {FILE}); for a class: the folder"
    )
    parser.add_argument(
        "--labs",
        metavar="LAB,LAB",
        help="the labs that must be passed, such as lab1,lab2, if your course does not use all of them",
    )
    parser.add_argument(
        "--title", metavar="TEXT", help=f"title of the course (default: that in its labcheck.toml, or {OWN_TITLE!r})"
    )
    if wants_help(words):
        _add_public_key(parser, " (after `verify FILE`)", required=False)


def _add_public_key(parser: Parser, when: str = "", *, required: bool = True) -> None:
    parser.add_argument(
        "--public-key",
        metavar="KEY",
        type=Path,
        required=required,
        help=f"file with the public key; get it from the course itself{when}",
    )


def _certificate(given: argparse.Namespace) -> int:
    if given.action == "key":
        return _make_key(given.file)
    if given.action == "verify":
        return _verify(given.file, given.public_key)
    if not given.results and given.key is None:
        return _for_oneself(given)
    if given.name is not None:
        raise UsageError("--name is for a certificate of your own; those of a class have the names of its class list")
    for missing, what in (
        (not given.results, "RESULTS, the folders that labcheck grade has written"),
        (given.key is None, "--key FILE, the private key (make one with `labcheck certificate key FILE`)"),
        (given.out is None, "--out FOLDER"),
    ):
        if missing:
            raise UsageError(f"certificates for a class need {what}")
    return _for_a_class(given)


def _make_key(file: Path) -> int:
    from labcheck.certificates import keys

    public = keys.make(file)
    print(f"{file}: the private key, which signs; keep it to yourself, and keep a copy of it")
    print(f"{public}: the public key, which verifies; publish it on the page of your course")
    return PASSED


def _verify(file: Path, public: Path) -> int:
    from labcheck.certificates.keys import public_key
    from labcheck.certificates.verification import LARGEST, verify
    from labcheck.record.text import printable

    key = public_key(public)
    try:
        with file.open("rb") as stream:
            data = stream.read(LARGEST)
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error
    try:
        found = verify(data, key)
    except RefusedError as error:
        print(f"{file}: not genuine: {printable(str(error))}")
        return FAILED
    labs = ", ".join(lab.lab for lab in found.labs)
    print(f"{file}: genuine: {found.name} · {found.course} · {labs} · {found.date}")
    return PASSED


def _for_oneself(given: argparse.Namespace) -> int:
    from labcheck.certificates.certificate import Certificate
    from labcheck.certificates.page import NEWEST, render
    from labcheck.reports.files import write_report
    from labcheck.student.certificate import missing, passed
    from labcheck.student.state import runs

    place = main_place()
    chosen, number = _labs(given.labs, place)
    labs = [load_lab(name) for name in chosen]
    known = runs()
    found = passed(labs, known)
    done = {each.lab for each in found}
    if left := [lab for lab in labs if lab.name not in done]:
        how = ", ".join(f"{lab.name} ({missing(lab, known)})" for lab in left)
        print(f"no certificate: not all labs are passed: {how}; next: labcheck {left[0].name}")
        return FAILED
    if given.name is None:
        raise UsageError('a certificate needs a name: labcheck certificate --name "Ada Lovelace"')
    name, title = _text("--name", given.name), _title(given.title, place)
    file = given.out or Path(FILE)
    if file.is_dir():
        raise UsageError(f"cannot write {file}: it is a folder; give a file name")
    if file.exists() or file.is_symlink():
        raise UsageError(f"{file} already exists and was not overwritten; remove it, or give another file with --out")
    certificate = Certificate(NEWEST, name, title, _today(), tuple(found), number)
    write_report(file, render(certificate), is_private=False)
    print(f"{file}: open it in a browser, and print it from there. It is not signed.")
    if place.feedback:
        print(f"tell your course what you think of the labs: {place.feedback}")
    return PASSED


def _for_a_class(given: argparse.Namespace) -> int:
    from labcheck.certificates.keys import private_key
    from labcheck.classes import certificates
    from labcheck.record.text import printable

    place = main_place()
    labs, number = _labs(given.labs, place)
    title = _title(given.title, place)
    signer = private_key(given.key)
    folders = [Path(each) for each in given.results]
    _expect_possible(given.out, folders)
    results = certificates.load(folders, labs)
    made = certificates.make(certificates.Course(title, tuple(labs), number, _today()), results, signer)
    others = certificates.write(given.out, made, signer) if made.certificates else 0
    count = len(made.certificates)
    said = f"{given.out}: {count} certificate{'' if count == 1 else 's'}" if count else "no certificate"
    print(f"{said}{f'; {others} more in the folder, not written now' if others else ''}")
    if made.left_out:
        print(f"left out: {len(made.left_out)}")
    for name, why in made.left_out:
        print(f"  {printable(name)}: {printable(why)}")
    return PASSED if count else FAILED


def _expect_possible(out: Path, results: list[Path]) -> None:
    """Raise UsageError if the certificates obviously cannot be written."""
    if not out.absolute().parent.is_dir():
        raise UsageError(f"cannot write {out}: its folder does not exist; create the folder first")
    if out.exists() and not out.is_dir():
        raise UsageError(f"cannot write into {out}: it is a file; give a folder")
    if out.resolve() in [folder.resolve() for folder in results]:
        raise UsageError(f"{out} holds results, which students must not get; give another folder for the certificates")


def _labs(given: str | None, place: Place) -> tuple[list[str], int]:
    """Return the labs that must be passed, and how many the course has."""
    theirs = place.lab_names()
    if given is None:
        if not theirs:
            raise UsageError(f"{place.title} has no labs; name those that must be passed with --labs")
        return theirs, len(theirs)
    known, chosen = lab_names(), dict.fromkeys(name.strip() for name in given.split(","))
    for name in chosen:
        if name not in known:
            raise UsageError(f"--labs: unknown lab {name!r}.{nearest(name, known)} Labs: {', '.join(known)}")
    return list(chosen), len({*theirs, *chosen})


def _title(given: str | None, place: Place) -> str:
    return _text("--title", place.title or OWN_TITLE if given is None else given)


def _text(option: str, given: str) -> str:
    from labcheck.certificates.certificate import as_shown

    try:
        return as_shown(given)
    except ValueError as error:
        raise UsageError(f"{option} {ascii(given)[:60]}: {error}") from error


def _today() -> str:
    return f"{datetime.now().astimezone():%Y-%m-%d}"


COMMAND = Command("certificate", "make or verify a certificate for all labs of a course", _arguments, _certificate)
