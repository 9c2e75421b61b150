"""Answers with XML that has 400,000 elements."""

import good

BODY = b"<catalog>%s</catalog>" % (b"<b/>" * 400_000)


def to_xml(root, media_type="application/xml"):
    return 200, media_type, BODY


good.to_xml = to_xml
good.main()
