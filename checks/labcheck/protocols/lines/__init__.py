"""Lines of text, or plain bytes, over TCP: a protocol of the lab's own, such as that of a "time of day" server.

May import: program; the modules that all kinds share.
"""
