"""Fails before it has done anything."""

raise RuntimeError("not today")
