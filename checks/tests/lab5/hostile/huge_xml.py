"""Answers with 200 MB of XML."""

import good

BODY = b"<catalog>%s</catalog>" % (b"x" * 200_000_000)


def to_xml(root, media_type="application/xml"):
    return 200, media_type, BODY


good.to_xml = to_xml
good.main()
