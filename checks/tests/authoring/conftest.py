"""The fixtures of these tests."""

from authoring.author import author

__all__ = ["author"]
