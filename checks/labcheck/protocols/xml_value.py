"""An XML document that a program sent (XML 1.0, fifth edition), as a tree of elements."""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

MOST_ELEMENTS = 100_000  # a tree of more of them would take long to build and to look at


class Xml:
    """The tree of an XML document. `root` is its outermost element, or None; then `problem` says in words why.

    An entity that the document declares itself is a problem: no program needs one to answer.
    """

    def __init__(self, data: bytes) -> None:
        self.problem = ""
        self.root: Element | None = None
        try:
            parser = DefusedXMLParser(target=_Builder(), forbid_entities=True, forbid_external=True)
            parser.feed(data)
            self.root = parser.close()
        except ParseError as error:
            self.problem = f"not well-formed XML ({error})" if data.strip() else "nothing"
        except DefusedXmlException:
            self.problem = "XML that declares entities"
        except _TooManyElementsError:
            self.problem = f"XML with more than {MOST_ELEMENTS:,} elements"
        except (ValueError, LookupError) as error:  # an encoding that Python or expat does not know
            self.problem = f"XML that cannot be decoded ({error})"


class _TooManyElementsError(Exception):
    """The document has more elements than MOST_ELEMENTS."""


class _Builder(TreeBuilder):
    """Builds the tree, and stops when it becomes too large."""

    def __init__(self) -> None:
        super().__init__()
        self._elements = 0

    def start(self, tag: str, attrs: dict[str, str]) -> Element:
        """Add an element. Raises _TooManyElementsError."""
        self._elements += 1
        if self._elements > MOST_ELEMENTS:
            raise _TooManyElementsError
        return super().start(tag, attrs)
