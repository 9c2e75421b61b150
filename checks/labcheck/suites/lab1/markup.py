"""The tags of a page, as a browser reads them, also where they are malformed."""

from __future__ import annotations

import re

# HTML, section 13.2.5 (tokenization). Both patterns take time in proportion to the text that they match.
TAG = re.compile(r"<[a-zA-Z][^\s/>]*+")
ATTRIBUTE = re.compile(r"""[\s/]*+([^\s/>=][^\s/>=]*+)(?:\s*+=\s*+(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^\s>]*+))?""")


def tags_with(word: str, page: str) -> list[str]:
    """Return the tags, as they are written, in which a word is a part of the tag's name or of an attribute's name.

    A word in the value of an attribute is text, and does not count.
    """
    found, place = [], 0
    while tag := TAG.search(page, place):
        names, place = [tag[0]], tag.end()
        while attribute := ATTRIBUTE.match(page, place):
            names.append(attribute[1])
            place = attribute.end()
        if any(word in name for name in names):
            found.append(page[tag.start() : place])
    return found
