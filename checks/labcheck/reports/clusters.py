"""Finds equal wrong answers in a class, and requirements whose failures may be caused by the suite.

Each submission is checked with its own random words, ports and sizes. The signature of an answer does not depend on
them: a drawn word is replaced by its position among the words of the answer, and a number by its rank among the
numbers, which still shows equal and larger numbers. What has a meaning in a protocol stays unchanged: status
codes, close codes, exit statuses, versions, names of charsets.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from labcheck.record.record import Outcome

if TYPE_CHECKING:
    from labcheck.record.gradebook import Entry, Gradebook
    from labcheck.record.record import RequirementResult

LOOKED_AT = 2_000  # characters of each text of an answer that are compared
FEWEST = 5  # checked submissions; with fewer, there is no suspicion
DIFFERENT = 0.9  # clusters per failure; from this share on, failures look random,
MANY = 0.2  # if at least this share of the checked submissions fail: rare mistakes are often all different

# Where a token may begin: not inside a word, except after a percent-encoded byte such as %2f.
START = r"(?:(?<![A-Za-z])|(?=…)|(?<=%[0-9A-Fa-f]{2}))"
# The first kind that matches counts. Possessive quantifiers (++) keep the time linear in the length of the text.
KINDS = {
    "kept": r"(?:(?:status(?:\ from)?|code:?|Errno|sent|received)\ |HTTP/\d\.)\d+(?:(?:,\ |\ or\ |\ to\ )\d+)*+"
    r"|[1-5]\d\d(?=\ [A-Z])"
    r"|\(1\d{3}\)"
    r"|(?i:utf|iso|windows|cp|us|latin)-?\d[\d-]*+"
    r"|127\.0\.0\.1\b",
    "line": r"line\ \d++",  # of a program; it differs between programs
    "zone": r"UTC[+-]\d++",
    "time": r"\d\d?:\d\d(?::\d\d)?\b|\d{4}-\d\d-\d\d\b"
    r"|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*+,?\ (?:\d\d?\ [A-Z][a-z]{2}|[A-Z][a-z]{2}\ +\d\d?)(?:\ \d{4})?",
    "address": r"0x[0-9a-f]{5,}+\b",
    "dump": r"(?<!\w)(?:[0-9a-f]{2}\ ){4,}+(?:[0-9a-f]{2}\b)?",
    "folder": r"(?:tmp|labcheck-)[a-z0-9_]{8}(?![a-z0-9_])",
    "cut": r"(?:(?<![^\W\d_])[^\W\d_]*+['\"]?\ ?)?…\ ?[^\W\d_]*+",  # the words around the place where a text was cut
    "number": r"(?<![\d.])\d++(?:,\d{3})*+(?:\.\d+)?+",
}
WORD = "\ue000{}\ue001"  # stands for a drawn word; holds its position among those of the answer
TOKEN = re.compile(
    rf"(?P<word>\ue000\d++\ue001)|{START}(?:{'|'.join(f'(?P<{name}>{kind})' for name, kind in KINDS.items())})",
    re.VERBOSE,
)


@dataclass
class Cluster:
    """The submissions whose wrong answers to a requirement are equal; `first` is one of the answers."""

    first: RequirementResult
    entries: list[Entry] = field(default_factory=list)


@dataclass
class Tally:
    """The outcomes of a requirement in a class, and its failures as clusters, the largest first."""

    counts: Counter[Outcome]
    clusters: list[Cluster]
    errors: list[Cluster]  # internal errors with equal reasons

    @property
    def checked(self) -> int:
        """The number of submissions that were checked, or that could not be checked because of an internal error."""
        return sum(number for outcome, number in self.counts.items() if outcome is not Outcome.NOT_RUN)


def signature(requirement: RequirementResult) -> str:
    """Return a text that is the same for equal wrong answers to a requirement, no matter what was drawn."""
    texts = (requirement.expected, requirement.received, requirement.reason)
    return _signature("\0".join([requirement.outcome, *(text[:LOOKED_AT] for text in texts)]), tuple(requirement.drawn))


def tallies(gradebook: Gradebook) -> dict[str, Tally]:
    """Return the outcomes of each requirement, by its id. A student who is excused is not counted."""
    counts: dict[str, Counter[Outcome]] = {each.id: Counter() for each in gradebook.requirements}
    found: dict[tuple[str, Outcome], dict[str, Cluster]] = defaultdict(dict)
    for entry in gradebook.entries:
        for each in entry.record.requirements if entry.record and not entry.is_excused else ():
            if each.id not in counts:
                continue
            counts[each.id][each.outcome] += 1
            if each.outcome in (Outcome.FAILED, Outcome.ERROR):
                cluster = found[each.id, each.outcome].setdefault(signature(each), Cluster(each))
                cluster.entries.append(entry)
                if each.transcript and not cluster.first.transcript:
                    cluster.first = each
    return {
        id: Tally(number, _sorted(found[id, Outcome.FAILED]), _sorted(found[id, Outcome.ERROR]))
        for id, number in counts.items()
    }


def suspicion(tally: Tally) -> str:
    """Return in a sentence why a requirement's failures may be the suite's error, or an empty text."""
    checked, failed, errors = tally.checked, tally.counts[Outcome.FAILED], tally.counts[Outcome.ERROR]
    if checked < FEWEST:
        return ""
    if errors:
        return f"labcheck could not check {errors:,} of {checked:,} (internal error in labcheck)."
    if failed == checked:
        alike = ", all with the same answer" if len(tally.clusters) == 1 else ""
        return f"All {checked:,} that were checked fail{alike}: is the check or the lab sheet wrong?"
    if failed >= max(FEWEST, MANY * checked) and len(tally.clusters) >= DIFFERENT * failed:
        return f"{failed:,} fail, hardly two of them in the same way: is it chance, or the load of the machine?"
    return ""


@lru_cache(10_000)  # each text is needed when the results are read, and again for the page
def _signature(text: str, drawn: tuple[str, ...]) -> str:
    if drawn:
        known: dict[str, str] = {}  # a word in another case counts as another word
        # The longest first, because one word may be the beginning of another.
        pattern = "|".join(map(re.escape, sorted(drawn, key=len, reverse=True)))
        text = re.sub(
            pattern, lambda match: known.setdefault(match[0], WORD.format(len(known))), text, flags=re.IGNORECASE
        )
    found = [(match, match.lastgroup, match[0]) for match in TOKEN.finditer(text)]
    words = {word: place for place, word in enumerate(dict.fromkeys(word for _, kind, word in found if kind == "word"))}
    numbers = sorted({_number(number) for _, kind, number in found if kind == "number"})
    rank = {number: place for place, number in enumerate(numbers)}
    parts, end = [], 0
    for match, kind, token in found:
        parts.append(text[end : match.start()])
        end = match.end()
        if kind == "kept":
            parts.append(token)
        elif kind == "word":
            parts.append(f"<word {words[token]}>")
        elif kind == "number":
            parts.append(f"<number {rank[_number(token)]}>")
        else:
            parts.append(f"<{kind}>")
    return "".join([*parts, text[end:]])


def _sorted(clusters: dict[str, Cluster]) -> list[Cluster]:
    return sorted(clusters.values(), key=lambda cluster: -len(cluster.entries))


def _number(text: str) -> float:
    return float(text.replace(",", ""))
