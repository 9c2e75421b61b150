"""Answers with JSON of 100,000 lists, each inside the one before it."""

import good

BODY = b"[" * 100_000 + b"]" * 100_000


def to_json(value, status=200):
    return status, "application/json", BODY


good.to_json = to_json
good.main()
