"""Flask and lxml: elements with a prefix, XSLT for the page, XPath for the searches; a document type is refused."""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, abort, jsonify, request
from lxml import etree  # type: ignore[import-untyped]

app = Flask(__name__)
app.json.sort_keys = True  # type: ignore[attr-defined]

NS = {"b": "urn:labcheck:books", "a": "http://www.w3.org/2005/Atom"}
B = "{urn:labcheck:books}"
MONTHS = {name: number for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}
PART = r'"((?:[^"\\]+|\\.)*+)"'
REST = re.compile(rf"{PART} ([0-9]{{3}}) ([0-9]+|-)(?: {PART} {PART})?", re.DOTALL)
REQUEST = re.compile(r"([A-Z]+) (\*|/[^ ]*) HTTP/[0-9]+(?:\.[0-9]+)?")
WHEN = re.compile(r"([0-9]{2})/(...)/([0-9]{4}):([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([01][0-9]|2[0-3])([0-5][0-9])")


def when(text: str) -> int:
    """Return the hour in UTC; a ValueError or KeyError if the time does not exist."""
    found = WHEN.fullmatch(text)
    if not found:
        raise ValueError(text)
    day, month, year, hour, minute, second, sign, hours, minutes = found.groups()
    moment = datetime(int(year), MONTHS[month], int(day), int(hour), int(minute), int(second))
    # Only the hour is wanted: in a leap year far from the ends of the calendar, every offset can be subtracted.
    ahead = timedelta(hours=int(hours), minutes=int(minutes))
    moment = moment.replace(year=2000)
    return (moment - ahead if sign == "+" else moment + ahead).hour


def read(line: str) -> tuple[str, str, str, int, int]:
    """Return method, path, status, size and hour; a ValueError or KeyError if the line is broken."""
    try:
        host, ident, rest = line.split(" ", 2)
        # USER is not empty: so the bracket is looked for behind its first character.
        end = rest.index(" [", 1)
        moment, rest = rest[end + 2 :].split("] ", 1)
    except ValueError:
        raise ValueError(line) from None
    found = REST.fullmatch(rest)
    if not (host and ident and found):
        raise ValueError(line)
    asked = REQUEST.fullmatch(unescape(found[1]))
    if not asked:
        raise ValueError(line)
    return asked[1], asked[2].split("?")[0], found[2], int(found[3].replace("-", "0")), when(moment)


def unescape(text: str) -> str:
    return "\\".join(part.replace('\\"', '"') for part in text.split("\\\\"))


lines: list[str] = []
summary: dict[str, Any] = {"lines": 0, "broken": 0, "bytes": 0, "status": {}, "methods": {}}
paths: Counter[str] = Counter()
hours = [0] * 24


def load() -> None:
    with (Path(__file__).parent / "access.log").open(encoding="utf-8", newline="\n") as file:
        lines.extend(re.sub(r"\r?\n\Z", "", line) for line in file)
    for line in lines:
        summary["lines"] += 1
        try:
            method, path, status, size, hour = read(line)
        except (ValueError, KeyError):
            summary["broken"] += 1
            continue
        summary["bytes"] += size
        for counts, key in ((summary["status"], status), (summary["methods"], method)):
            counts[key] = counts.get(key, 0) + 1
        paths[path] += 1
        hours[hour] += 1


def found_in(pattern: str) -> Iterator[str]:
    """Search from left to right for each part between stars: the first place is as good as any other."""
    first, *others = pattern.split("*")

    def fits(part: str) -> re.Pattern[str]:
        return re.compile("".join("(?s:.)" if char == "?" else re.escape(char) for char in part))

    start, middle, end = fits(first), [fits(part) for part in others[:-1] if part], fits(others[-1] if others else "")
    for line in lines:
        if not others:
            if start.fullmatch(line):
                yield line
            continue
        found = start.match(line)
        for part in middle:
            if found is None:
                break
            found = part.search(line, found.end())
        last = len(line) - len(others[-1])
        if found is not None and found.end() <= last and end.match(line, last):
            yield line


@app.get("/log/summary")
def log_summary() -> Response:
    return jsonify(summary)


@app.get("/log/top")
def log_top() -> Response:
    number = request.args.get("n", "10")
    if number not in map(str, range(1, 1001)):
        abort(400, "n is not a number from 1 to 1000")
    top = sorted(paths, key=lambda path: (-paths[path], path))[: int(number)]
    return jsonify([{"path": path, "hits": paths[path]} for path in top])


@app.get("/log/hours")
def log_hours() -> Response:
    return jsonify(hours)


@app.get("/log/search")
def log_search() -> Response:
    if "like" not in request.args:
        abort(400, "like is missing")
    return jsonify(list(found_in(request.args["like"])))


class Builder:
    """Gets the events of the parser. A document type ends it before an entity is declared."""

    def __init__(self) -> None:
        self.depth = 0
        self.root = ""
        self.books: list[dict[str, str]] = []
        self.text: list[str] = []

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        raise ValueError("a document type is not accepted")

    def start(self, tag: str, attributes: Any) -> None:
        self.depth += 1
        self.text = []
        if self.depth == 1:
            self.root = tag
        elif self.depth == 2:
            self.books.append({"id": attributes.get("id", "")})
        elif "currency" in attributes:
            self.books[-1]["currency"] = attributes["currency"]

    def data(self, text: str) -> None:
        self.text.append(text)

    def end(self, tag: str) -> None:
        if self.depth == 3:
            self.books[-1][tag.split("}")[-1]] = re.sub(r"\A[ \t\r\n]+|[ \t\r\n]+\Z", "", "".join(self.text))
        self.depth -= 1

    def close(self) -> None:
        pass


def parse(body: bytes) -> Any:
    builder = Builder()
    parser = etree.XMLParser(target=builder, huge_tree=True, no_network=True)
    try:
        parser.feed(body)
        parser.close()
    except etree.XMLSyntaxError as error:
        line, column = error.position
        abort(400, f"{error.msg} (line {line}, column {column})")
    except ValueError as error:
        abort(400, str(error))
    if builder.root not in ("catalog", B + "catalog"):
        abort(422, f"the root element is not a catalog but {builder.root}")
    # In the service there is one namespace; what came in none is put into it.
    catalog = etree.Element(B + "catalog", nsmap={"b": NS["b"]})
    ids = set()
    for place, book in enumerate(builder.books, 1):
        name = book["id"]
        if not name.strip(" "):
            abort(422, f"book number {place} has no id")
        if name in ids:
            abort(422, f"{name}: this id is taken")
        ids.add(name)
        element = etree.SubElement(catalog, B + "book", id=name)
        for tag in ("title", "author", "year", "price"):
            if tag in ("title", "author") and not book.get(tag):
                abort(422, f"{name}: the {tag} is missing")
            if tag in book:
                etree.SubElement(element, B + tag).text = book[tag]
        if "price" in book and "currency" in book:
            element[-1].set("currency", book["currency"])
        if not re.fullmatch("-?[0-9]+", book.get("year", "0")):
            abort(422, f"{name}: the year is not a number")
    return catalog


store = {"catalog": etree.Element(B + "catalog", nsmap={"b": NS["b"]})}


def xml(element: Any, kind: str = "application/xml") -> Response:
    return Response(etree.tostring(element, xml_declaration=True, encoding="UTF-8", standalone=True), content_type=kind)


@app.post("/catalog")
def post_catalog() -> tuple[Response, int]:
    if (request.content_length or 0) > 10 * 2**20:
        abort(413, "a catalogue has 10 MiB at most")
    catalog = parse(request.get_data())
    store["catalog"] = catalog
    return jsonify(books=len(catalog)), 201


def year(name: str) -> int | None:
    text = request.args.get(name)
    if text is None:
        return None
    if not re.fullmatch("[+-]?[0-9]+", text):
        abort(400, f"{name} is not a year")
    return int(text)


@app.get("/catalog")
def get_catalog() -> Response:
    since, until = year("since"), year("until")
    author, title = (request.args.get(name, "").lower() for name in ("author", "title"))
    answer = etree.Element(B + "catalog", nsmap={"b": NS["b"]})
    for book in store["catalog"]:
        if author not in book.findtext(B + "author").lower() or title not in book.findtext(B + "title").lower():
            continue
        if since is not None or until is not None:
            text = book.findtext(B + "year")
            if text is None or (since is not None and int(text) < since) or (until is not None and int(text) > until):
                continue
        answer.append(etree.fromstring(etree.tostring(book), etree.XMLParser(huge_tree=True)))
    return xml(answer)


@app.get("/catalog/<path:name>")
def get_book(name: str) -> Response:
    # A variable of XPath is a value, and never a part of the expression.
    found = [] if "\0" in name else store["catalog"].xpath("b:book[@id = $id]", namespaces=NS, id=name)
    if not found:
        abort(404, "there is no such book")
    return xml(found[0])


@app.get("/feed.atom")
def feed() -> Response:
    now = datetime.now().astimezone().isoformat()
    A = "{" + NS["a"] + "}"  # noqa: N806

    def add(parent: Any, tag: str, text: str | None = None, **attributes: str) -> Any:
        child = etree.SubElement(parent, A + tag, **attributes)
        child.text = text
        return child

    root = etree.Element(A + "feed", nsmap={None: NS["a"]})
    add(root, "id", "tag:labcheck.example,2026:feed")
    add(root, "link", rel="self", href=request.base_url)
    add(root, "title", "Books")
    add(root, "updated", now)
    for book in store["catalog"]:
        entry = add(root, "entry")
        name = quote(book.get("id"), safe="")
        add(entry, "title", book.findtext(B + "title"))
        add(entry, "link", rel="alternate", type="application/xml", href=f"{request.host_url}catalog/{name}")
        add(entry, "id", f"tag:labcheck.example,2026:book/{name}")
        add(entry, "updated", now)
        add(add(entry, "author"), "name", book.findtext(B + "author"))
    return xml(root, "application/atom+xml; charset=utf-8")


PAGE = etree.XSLT(
    etree.XML("""
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:b="urn:labcheck:books">
  <xsl:output method="html" encoding="UTF-8"/>
  <xsl:template match="/b:catalog">
    <html><head><title>Books</title></head><body><table>
      <thead><tr><th>Title</th><th>Author</th><th>Year</th><th>Price</th></tr></thead>
      <tbody><xsl:for-each select="b:book"><tr>
        <td><xsl:value-of select="b:title"/></td><td><xsl:value-of select="b:author"/></td>
        <td><xsl:value-of select="b:year"/></td>
        <td><xsl:value-of select="b:price"/><xsl:text> </xsl:text><xsl:value-of select="b:price/@currency"/></td>
      </tr></xsl:for-each></tbody>
    </table></body></html>
  </xsl:template>
</xsl:stylesheet>""")
)


@app.get("/catalog.html")
def page() -> Response:
    return Response(bytes(PAGE(store["catalog"])), content_type="text/html; charset=utf-8")


@app.errorhandler(400)
@app.errorhandler(404)
@app.errorhandler(413)
@app.errorhandler(422)
def failed(error: Any) -> tuple[Response, int]:
    return jsonify(error=error.description), error.code


if __name__ == "__main__":
    load()
    app.run("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8005, threaded=True)
