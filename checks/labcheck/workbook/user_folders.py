"""The folders of the user in which labcheck keeps something, as each system has them, and how a file is saved there."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def state_folder() -> Path:
    """Return the folder for what labcheck remembers. Raises RuntimeError if the user has no home."""
    return _folder("XDG_STATE_HOME", ".local/state", "Application Support")


def cache_folder() -> Path:
    """Return the folder for what labcheck can find out again. Raises RuntimeError if the user has no home."""
    return _folder("XDG_CACHE_HOME", ".cache", "Caches")


def replace_text(file: Path, text: str) -> None:
    """Write a file completely, or leave it as it was; its folder is made if it is missing. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(f".{os.getpid()}")
    try:
        new.write_text(text, "utf-8")
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)  # if there was no space left


def _folder(variable: str, below_home: str, on_macos: str) -> Path:
    """Source: the XDG Base Directory Specification, and what Windows and macOS have instead."""
    if given := os.environ.get(variable):
        base = Path(given)
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / on_macos
    else:
        base = Path.home() / below_home
    return base / "labcheck"
