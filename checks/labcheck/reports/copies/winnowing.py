"""Chooses fingerprints of a program by winnowing, as MOSS does.

After S. Schleimer, D. S. Wilkerson and A. Aiken, "Winnowing: Local Algorithms for Document Fingerprinting", SIGMOD
2003. A gram is a run of `GRAM` symbols. Of each `WINDOW` grams in a row, the one with the smallest hash is a
fingerprint. So two programs that share a run of `GUARANTEED` symbols share a fingerprint of it, and no run shorter than
`GRAM` symbols counts.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Set

GRAM = 16
WINDOW = 9
GUARANTEED = GRAM + WINDOW - 1


def grams(codes: bytes) -> Iterator[bytes]:
    """Yield all grams of a program's symbols in order."""
    return (codes[start : start + GRAM] for start in range(len(codes) - GRAM + 1))


def own_runs(codes: bytes, given: Set[bytes]) -> list[tuple[int, int]]:
    """Return the runs of symbols that are in no given gram, as pairs of a start and an end."""
    runs = []
    start = 0  # of the present run
    for place, gram in enumerate(grams(codes)):
        if gram in given:
            if place > start:
                runs.append((start, place))
            start = place + GRAM
    if start < len(codes):
        runs.append((start, len(codes)))
    return runs


def fingerprints(codes: bytes, runs: Iterable[tuple[int, int]]) -> set[bytes]:
    """Return the fingerprints of these runs of symbols."""
    return {gram for start, end in runs for gram in winnow(list(grams(codes[start:end])))}


def winnow(row: list[bytes]) -> set[bytes]:
    """Return the chosen grams of a row of them: of a row shorter than a window, one."""
    hashes = [(zlib.crc32(gram), -place) for place, gram in enumerate(row)]
    chosen = set()
    smallest = (0, 1)  # the place is outside the row
    for start in range(max(1, len(row) - WINDOW + 1) if row else 0):
        end = start + WINDOW
        if -smallest[1] < start:  # it has left the window
            smallest = min(hashes[start:end])
        elif hashes[end - 1] <= smallest:
            smallest = hashes[end - 1]
        chosen.add(row[-smallest[1]])
    return chosen
