"""Ends at once with status 0, without a word."""
