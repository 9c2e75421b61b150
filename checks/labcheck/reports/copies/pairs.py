"""Finds the programs of a class that are equal or similar.

The unit is one program, that is one file, because a lab may have several. Programs with the same symbols (see `lexer`)
are one work. Each work has fingerprints of what is neither in the files that students were given nor in the lab sheet.
A fingerprint in the works of many is the task's own shape and does not count either.
"""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labcheck.reports.copies.lexer import symbols
from labcheck.reports.copies.winnowing import fingerprints, grams, own_runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from labcheck.record.gradebook import Entry
    from labcheck.record.people import Person
    from labcheck.record.sources import Source

# Measured: of the programs for lab 1 in checks/tests/lab1/right, which were written separately, no two share more than
# 24 %. For lab 2, whose programs are shorter, it is 47 %, apart from one pair with 66 %, one of which was made from the
# other. Of itself, a program shares 100 % after everything that `lexer` ignores has changed, 70 % if every 50th symbol
# (six lines) has changed as well, and half if every 25th has.
SIMILAR = 0.5  # shared fingerprints, as a share of those of the smaller work
FEWEST = 8  # fingerprints that are shared: about ten lines; with fewer, chance is as good an explanation
MOST_FILES = 3  # of a file that several students have named differently
COMMON = 1 / 3  # of the students: a fingerprint in the works of more than this share of them is common,
FEWEST_COMMON = 10  # if it is in at least this number of works


@dataclass(eq=False)
class Version:
    """The text of a program, byte for byte, and who submitted it. `file` is the name under which it was checked."""

    file: str
    packed: bytes | None  # None: it is too large to be compared
    symbols: bytes
    prints: frozenset[bytes]
    holders: list[Entry] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text."""
        return "" if self.packed is None else zlib.decompress(self.packed).decode()

    @property
    def files(self) -> str:
        """The names under which it was submitted; if there are many, the first ones."""
        return _files([self])


@dataclass(eq=False)
class Work:
    """Programs that are equal apart from names, values, comments and layout; `task` is the lab's program, if it is one.

    `prints` are the fingerprints that count.
    """

    task: str
    versions: list[Version]
    prints: frozenset[bytes]

    @property
    def people(self) -> set[Person | str]:
        """The people who have submitted it."""
        return {each.person or each.name for version in self.versions for each in version.holders}

    @property
    def names(self) -> list[str]:
        """Their names, each once."""
        return list(dict.fromkeys(each.name for version in self.versions for each in version.holders))

    @property
    def files(self) -> str:
        """The names under which its programs were submitted; if there are many, the first ones."""
        return _files(self.versions)


@dataclass(frozen=True)
class Pair:
    """Two works of different people that share fingerprints; `share` is that of the smaller one's fingerprints."""

    first: Work
    second: Work
    shared: int
    share: float


@dataclass(frozen=True)
class Similar:
    """What was found: works of several people, and pairs of works, those that share most first.

    - `programs`: the number of programs that were compared.
    - `ignored`: the grams that do not count.
    - `unread`: versions too large to be compared, except byte for byte.
    """

    programs: int
    groups: list[Work]
    pairs: list[Pair]
    ignored: set[bytes]
    unread: list[Version]

    def __str__(self) -> str:
        kinds = ((len(self.groups), "group", "equal"), (len(self.pairs), "pair", "similar"))
        return " and ".join(
            f"{number:,} {kind}{'' if number == 1 else 's'} of {how} programs" for number, kind, how in kinds if number
        )


class Programs:
    """The programs of a class, as they are read from the results."""

    def __init__(self, given: Sequence[Source], sheet: Iterable[str]) -> None:
        """Take what students were given: files, and the code in the sheet."""
        self._given = {each.file: each for each in given}
        texts = (*(each.text or "" for each in given), *sheet)
        self._known = {gram for text in texts for gram in grams(symbols(text).codes)}
        self._versions: dict[tuple[str, str], Version] = {}
        self._of: dict[str, list[tuple[str, str]]] = {}

    def add(self, key: str, sources: Iterable[Source]) -> None:
        """Add the files of a result; those of an earlier result with the same key no longer count."""
        digests = {each.digest for each in self._given.values()}
        self._of[key] = []
        for each in sources:
            if each.digest in digests:
                continue  # the student has not changed it
            place = each.file, each.digest
            self._of[key].append(place)
            if place not in self._versions:
                self._versions[place] = self._version(each)

    def _version(self, source: Source) -> Version:
        if source.text is None:
            return Version(source.file, None, b"", frozenset())
        codes = symbols(source.text).codes
        prints = fingerprints(codes, own_runs(codes, self._known))
        return Version(source.file, zlib.compress(source.text.encode()), codes, frozenset(prints))

    def compare(self, entries: Iterable[Entry]) -> Similar:
        """Return what the programs of these rows of a class share."""
        holders: dict[tuple[str, str], list[Entry]] = {}
        for entry in entries:
            for place in self._of.get(entry.key, ()):
                holders.setdefault(place, []).append(entry)
        works = self._works(holders)
        held = Counter(gram for work in works for gram in work.prints)
        people = len(set().union(*(work.people for work in works)))
        common = {gram for gram, number in held.items() if number >= FEWEST_COMMON and number > COMMON * people}
        counted = [Work(work.task, work.versions, work.prints - common) for work in works]
        return Similar(
            programs=sum(len(version.holders) for work in works for version in work.versions),
            groups=sorted(filter(_is_group, counted), key=lambda work: (-len(work.people), work.names)),
            pairs=sorted(_pairs(counted), key=lambda pair: (-pair.share, -pair.shared, pair.first.names)),
            ignored=self._known | common,
            unread=[version for work in works for version in work.versions if version.packed is None],
        )

    def _works(self, holders: Mapping[tuple[str, str], list[Entry]]) -> list[Work]:
        found: dict[tuple[str, bytes | str], Work] = {}
        for (file, digest), entries in holders.items():
            version = self._versions[file, digest]
            version.holders = entries
            task = file if file in self._given else ""
            work = found.setdefault((task, version.symbols or digest), Work(task, [], version.prints))
            work.versions.append(version)
        return list(found.values())


def _files(versions: Iterable[Version]) -> str:
    names = (submitted_as(entry, version.file) for version in versions for entry in version.holders)
    found = list(dict.fromkeys(names))
    if len(found) > MOST_FILES:
        found = [*found[: MOST_FILES - 1], f"{len(found) - MOST_FILES + 1} other names"]
    return " and ".join(filter(None, [", ".join(found[:-1]), *found[-1:]]))


def submitted_as(entry: Entry, file: str) -> str:
    """Return the name that a student gave to a file."""
    return file if entry.record is None else entry.record.originals.get(file, file)


def _is_group(work: Work) -> bool:
    """Return whether a work of several people says anything: it is long enough, or too large to be compared."""
    if len(work.people) < 2:
        return False
    if len(work.prints) >= FEWEST:
        return True
    equal = (each for each in work.versions if len({entry.person or entry.name for entry in each.holders}) > 1)
    return any(version.packed is None or len(version.prints) >= FEWEST for version in equal)


def _pairs(works: Sequence[Work]) -> Iterable[Pair]:
    """Yield the similar pairs. Only works that share a fingerprint are looked at."""
    having: dict[bytes, list[int]] = defaultdict(list)  # fingerprint -> the works before this one
    for place, work in enumerate(works):
        if len(work.prints) < FEWEST:
            continue
        shared: Counter[int] = Counter()
        for gram in work.prints:
            shared.update(having[gram])
            having[gram].append(place)
        for other, number in shared.items():
            before = works[other]
            share = number / min(len(work.prints), len(before.prints))
            is_alike = number >= FEWEST and share >= SIMILAR
            # Different programs of a lab resemble each other by nature. A student who copies them has a pair for each.
            if is_alike and work.task in ("", before.task or work.task) and len(before.people | work.people) > 1:
                yield Pair(before, work, number, share)
