"""The protection `none`: no protection."""

from __future__ import annotations

from labcheck.sandbox.base import Sandbox
from labcheck.sandbox.protections import register

register(Sandbox)
