"""The student's working loop: what is shown while a lab is checked, `--watch`, hints, and what is remembered."""

from __future__ import annotations
