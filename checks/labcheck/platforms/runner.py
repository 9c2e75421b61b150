"""Detect the environment that runs labcheck. Every report needs this, so it does not import `actions`."""

from __future__ import annotations

import os


def in_workflow() -> bool:
    """Return whether this process runs in a step of a GitHub Actions workflow."""
    return os.environ.get("GITHUB_ACTIONS") == "true"
