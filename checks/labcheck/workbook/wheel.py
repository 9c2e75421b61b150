"""A wheel of the labcheck that is running: one file that installs the same labcheck, with its labs, elsewhere.

It is put together from labcheck's own files, so it needs neither a build tool nor a network. In a checkout,
pyproject.toml says which files belong into it; for a labcheck that was installed from a wheel, they are the installed
ones. Equal files make an equal wheel, on every machine and day, so its hash can be compared.

The format is the binary distribution format, https://packaging.python.org/en/latest/specifications/.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
import tomllib
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labcheck.errors import UsageError
from labcheck.version import __version__
from labcheck.workbook.places import PACKAGE, root
from labcheck.workbook.withheld import without_solutions

if TYPE_CHECKING:
    from pathlib import Path

NAME = f"labcheck-{__version__}-py3-none-any.whl"
INFO = f"labcheck-{__version__}.dist-info"
WHEEL = f"Wheel-Version: 1.0\nGenerator: labcheck {__version__}\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the earliest date in a zip


@dataclass(frozen=True)
class Wheel:
    """A wheel of labcheck. Its file name has to stay NAME: pip reads the version from it."""

    data: bytes

    @property
    def sha256(self) -> str:
        """The hash of the file, in hexadecimal digits."""
        return hashlib.sha256(self.data).hexdigest()

    def write(self, folder: Path) -> Path:
        """Write the file into a folder, and return its path. Raises UsageError if that is impossible.

        A wheel without solutions has the same name as one with them, so none is replaced.
        """
        file = folder / NAME
        if os.path.lexists(file):
            raise UsageError(f"{file} already exists and was not overwritten; give another DIR")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with file.open("xb") as new:
                new.write(self.data)
        except OSError as error:
            raise UsageError(f"cannot write {file}: {error.strerror}") from error
        return file


def assemble(ask: str = "") -> Wheel:
    """Return a wheel of this labcheck. Raises UsageError if labcheck's own files are not complete.

    If `ask` is given, the wheel has no solutions, and says whom to ask for them.
    """
    try:
        table = project()
        files = _from_checkout(table) if table else _from_installed()
    except OSError as error:
        raise UsageError(f"cannot make a wheel of this labcheck: {error.filename}: {error.strerror}") from error
    if ask:
        files = without_solutions(files, ask)
    files[f"{INFO}/WHEEL"] = WHEEL.encode()
    # The metadata come last: a reader of a zip begins at its end.
    names = sorted(files, key=lambda name: (name.startswith(INFO), name))
    record = [f"{name},sha256={_digest(files[name])},{len(files[name])}" for name in names]
    files[f"{INFO}/RECORD"] = "\n".join([*record, f"{INFO}/RECORD,,", ""]).encode()
    return Wheel(packed({name: (files[name], 0o644) for name in [*names, f"{INFO}/RECORD"]}))


def read(file: Path) -> Wheel:
    """Return the wheel in a file. Raises UsageError if it is not a wheel of this version of labcheck."""
    if file.name != NAME:
        raise UsageError(f"{file} is not a wheel of labcheck {__version__}; its name would be {NAME}")
    try:
        data = file.read_bytes()
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            archive.getinfo(f"{INFO}/METADATA")
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error
    except (zipfile.BadZipFile, KeyError):
        raise UsageError(f"{file} is damaged: it is not a wheel of labcheck") from None
    return Wheel(data)


def packed(files: dict[str, tuple[bytes, int]]) -> bytes:
    """Return a zip of files, each given by its name, with its mode. Equal files make an equal zip.

    They are not compressed, because the result would depend on the version of zlib.
    """
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, (data, mode) in files.items():
            entry = zipfile.ZipInfo(name, LONG_AGO)
            entry.create_system = 3  # Unix: the mode is in the upper half of the attributes
            entry.external_attr = (0o100000 | mode) << 16
            archive.writestr(entry, data)
    return target.getvalue()


def project() -> dict[str, Any]:
    """Return the content of pyproject.toml if labcheck runs from a checkout, and {} if it is installed."""
    file = root() / "pyproject.toml"
    return tomllib.loads(file.read_text("utf-8")) if file.is_file() else {}


def info() -> Path:
    """Return the folder with the metadata of an installed labcheck."""
    return PACKAGE.parent / INFO


def _from_checkout(table: dict[str, Any]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for folder, name in table["tool"]["hatch"]["build"]["targets"]["wheel"]["sources"].items():
        files |= _below(root() / folder, name)
    said = table["project"]
    files[f"{INFO}/METADATA"] = _metadata(said, (root() / said["readme"]).read_text("utf-8")).encode()
    scripts = "".join(f"{name} = {place}\n" for name, place in said["scripts"].items())
    files[f"{INFO}/entry_points.txt"] = f"[console_scripts]\n{scripts}".encode()
    for name in said["license-files"]:
        files[f"{INFO}/licenses/{name}"] = (root() / name).read_bytes()
    return files


def _from_installed() -> dict[str, bytes]:
    # What the installer has added, such as direct_url.json with a path of this machine, stays here.
    own = {f"{INFO}/{name}": (info() / name).read_bytes() for name in ("METADATA", "entry_points.txt")}
    return _below(PACKAGE, PACKAGE.name) | own | _below(info() / "licenses", f"{INFO}/licenses")


def _below(folder: Path, name: str) -> dict[str, bytes]:
    """Return the files below a folder, under their names in the wheel. What an editor or Python leaves is left out."""
    found = ((file, file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
    return {
        f"{name}/{relative.as_posix()}": file.read_bytes()
        for file, relative in found
        if not any(part.startswith(".") or part == "__pycache__" for part in relative.parts)
        and relative.suffix != ".pyc"
    }


def _metadata(said: dict[str, Any], readme: str) -> str:
    """Return the METADATA that follow from the table `project` of pyproject.toml."""
    fields = [
        ("Metadata-Version", "2.4"),
        ("Name", said["name"]),
        ("Version", said["version"]),
        ("Summary", said["description"]),
        ("License-Expression", said["license"]),
        *(("License-File", name) for name in said["license-files"]),
        ("Keywords", ",".join(said["keywords"])),
        *(("Classifier", each) for each in said["classifiers"]),
        ("Requires-Python", said["requires-python"]),
        *(("Requires-Dist", each) for each in said["dependencies"]),
    ]
    extras = said["optional-dependencies"]
    for extra in extras:
        fields.append(("Provides-Extra", extra))
        fields += [("Requires-Dist", _only_with(extra, each)) for each in _with_extra(extras, extra)]
    fields.append(("Description-Content-Type", "text/markdown"))
    return "".join(f"{name}: {value}\n" for name, value in fields) + f"\n{readme}"


def _with_extra(extras: dict[str, list[str]], name: str) -> list[str]:
    """Return what an extra of labcheck requires, with the requirements of the extras that it includes."""
    required: list[str] = []
    for each in extras[name]:
        included = re.fullmatch(r"labcheck\[([\w,]+)\]", each)
        names = included[1].split(",") if included else []
        required += [one for name in names for one in _with_extra(extras, name)] or [each]
    return required


def _only_with(extra: str, requirement: str) -> str:
    what, _, condition = requirement.partition(";")
    return f"{what}; {f'({condition.strip()}) and ' if condition else ''}extra == '{extra}'"


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
