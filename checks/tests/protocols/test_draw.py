"""Random words, and a time zone that tells local time from UTC."""

from __future__ import annotations

import re
import time

import pytest

from labcheck.protocols.draw import Draw, LocalTime


def test_same_seed_gives_the_same_words() -> None:
    """A check draws the same words for the same seed, other words for another seed, and keeps a list of them."""
    first, again, other = Draw("7:2.1"), Draw("7:2.1"), Draw("8:2.1")
    words = [first.word() for _ in range(20)]
    assert [again.word() for _ in range(20)] == words == first.words
    assert [other.word() for _ in range(20)] != words
    assert all(re.fullmatch(r"([bdfgklmnprstvz][aeiou]){4}", word) for word in words)
    assert [len(first.word(letters)) for letters in (1, 4, 7, 12)] == [1, 4, 7, 12]


@pytest.mark.parametrize("hour", range(24))
def test_local_time_is_another_day(hour: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """At any hour the programs' date differs from the date in UTC, and TZ means the same to them."""
    now = 1_790_000_000 // 86_400 * 86_400 + hour * 3600
    monkeypatch.setattr(time, "time", lambda: now)
    utc = time.gmtime(now)
    monkeypatch.setattr(time, "gmtime", lambda seconds=now, original=time.gmtime: original(seconds))
    local = LocalTime()
    assert utc.tm_yday not in local.today()
    assert re.fullmatch(r"(Etc/GMT|LAB)[+-]?\d+", local.tz)
    assert int(re.findall(r"[+-]?\d+", local.tz)[0]) == -local.offset
