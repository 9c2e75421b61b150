"""Answers with XML in an encoding that does not exist."""

import good

BODY = b"<?xml version='1.0' encoding='klingon'?><catalog/>"


def to_xml(root, media_type="application/xml"):
    return 200, media_type, BODY


good.to_xml = to_xml
good.main()
