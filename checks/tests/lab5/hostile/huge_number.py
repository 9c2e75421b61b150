"""Answers with JSON whose number has a million digits."""

import good

BODY = b'{"lines": %s}' % (b"9" * 1_000_000)


def to_json(value, status=200):
    return status, "application/json", BODY


good.to_json = to_json
good.main()
