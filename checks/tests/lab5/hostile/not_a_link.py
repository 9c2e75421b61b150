"""Answers with a feed whose links are no URLs."""

import xml.etree.ElementTree as ET

import good

LINKS = ["http://[", "http://127.0.0.1:port/", "http://127.0.0.1:99999/", "//[::1", "a\tb:\x85"]
feed = good.feed


def odd_feed(catalog):
    root = feed(catalog)
    for entry in root.findall("entry"):
        for link in LINKS:
            ET.SubElement(entry, "link", href=link)
        entry.remove(entry.find("link"))
    return root


good.feed = odd_feed
good.main()
