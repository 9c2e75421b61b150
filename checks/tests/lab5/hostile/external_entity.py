"""Answers with XML that asks its reader for a file."""

import good

BODY = b"<!DOCTYPE catalog [<!ENTITY a SYSTEM 'file:///etc/hostname'>]><catalog>&a;</catalog>"


def to_xml(root, media_type="application/xml"):
    return 200, media_type, BODY


good.to_xml = to_xml
good.main()
