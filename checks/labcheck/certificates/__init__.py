"""Certificates: what one says, its page, the key that signs it, and how it is verified.

This room knows nothing of classes and of progress: those who make a certificate bring along what it says. It imports
`workbook` and `errors`; the signature needs the extra `certificate`, which only `keys` imports.
"""
