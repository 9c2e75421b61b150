"""The version of labcheck."""

__version__ = "0.1.0"
