"""Answers with a feed whose links lead to another server."""

import good

feed = good.feed


def odd_feed(catalog):
    root = feed(catalog)
    for link in root.iter("link"):
        link.set("href", "http://127.0.0.1:8005" + link.get("href"))
    return root


good.feed = odd_feed
good.main()
