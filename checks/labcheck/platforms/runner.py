"""What runs labcheck: asked at every report, so without what is needed only there (`actions`)."""

from __future__ import annotations

import os


def in_workflow() -> bool:
    """Return whether this is a step of a workflow of GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"
