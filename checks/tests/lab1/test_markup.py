"""Tags in which a word is markup, not text."""

from __future__ import annotations

import time

import pytest

from labcheck.suites.lab1.markup import tags_with

FOUND = {
    "a tag": ("<p><xmark>", ["<xmark"]),
    "an attribute": ('<p title="" mark="">', ['<p title="" mark=""']),
    "an attribute after one in single quotes": ("<p title='' mark=''>", ["<p title='' mark=''"]),
    "an attribute without a space before it": ('<p title=""mark="">', ['<p title=""mark=""']),
    "an attribute in a malformed tag": ("<p title=''mark' \"", ["<p title=''mark' \""]),
    "an attribute without a value": ("<p mark>", ["<p mark"]),
}
NOT_FOUND = {
    "text": "mark=\"mark\" 'mark' &lt;mark&gt; < mark>",
    "a value": "<a href='/mark/\" mark=\"'>mark</a><a href=\"/mark/' mark='\"></a><a href=/mark/x></a>",
    "a value with a >": '<a href="/> mark="></a>',
    "an end tag": "</p>mark",
}


@pytest.mark.parametrize(("page", "tags"), FOUND.values(), ids=FOUND)
def test_word_in_a_name_is_markup(page: str, tags: list[str]) -> None:
    """A word in the name of a tag or of an attribute is found."""
    assert tags_with("mark", page) == tags


@pytest.mark.parametrize("page", NOT_FOUND.values(), ids=NOT_FOUND)
def test_word_elsewhere_is_text(page: str) -> None:
    """A word in a text or in the value of an attribute is not found."""
    assert tags_with("mark", page) == []


@pytest.mark.parametrize("part", ["<a", "<a b='", '<a "', "<a =", "<a b=c ", "<a/"])
def test_malformed_page_takes_no_longer(part: str) -> None:
    """A megabyte of broken tags is read in a few seconds: the time grows with the size, not with its square."""
    started = time.process_time()
    tags_with("mark", part * (1_000_000 // len(part)))
    assert time.process_time() - started < 5
