"""Answers with XML of 90,000 elements, each inside the one before it."""

import good

BODY = b"<catalog>%s%s</catalog>" % (b"<b>" * 90_000, b"</b>" * 90_000)


def to_xml(root, media_type="application/xml"):
    return 200, media_type, BODY


good.to_xml = to_xml
good.main()
