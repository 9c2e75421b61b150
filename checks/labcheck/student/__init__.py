"""The student's working loop: what is shown while a lab is checked."""

from __future__ import annotations
