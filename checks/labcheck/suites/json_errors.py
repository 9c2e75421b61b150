"""Errors in JSON, as several labs ask for them: an object in which `error` is a text that is not empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labcheck.suite import SOME_TEXT, Mismatch

if TYPE_CHECKING:
    from labcheck.suite import Answer

JSON = "application/json"


class Error:
    """The JSON of an error: an object in which `error` is a text that is not empty."""

    def fits(self, value: object) -> bool:
        """Return whether a JSON value is an error."""
        return isinstance(value, dict) and SOME_TEXT.fits(value.get("error"))

    def __repr__(self) -> str:
        return 'an object with "error": a text'


ERROR = Error()


class Refusal:
    """An answer that should be an error: it equals a status if it has it, and an error in JSON.

    `with_json` is unset if the program sends no errors in JSON at all, which is the subject of another requirement.
    """

    def __init__(self, answer: Answer, *, with_json: bool = True) -> None:
        self._answer = answer
        self._with_json = with_json

    def __eq__(self, status: object) -> bool:
        return self._answer.status == status and (not self._with_json or self._is_json)

    def __hash__(self) -> int:
        return hash(self._answer.status)

    @property
    def _is_json(self) -> bool:
        return self._answer.media_type == JSON and self._answer.json == ERROR

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say what was expected of it, and what came."""
        if self._answer.status != wanted:
            return self._answer.status.mismatch(operator, wanted)
        if self._answer.media_type != JSON:
            return self._answer.media_type.mismatch(operator, JSON)
        return self._answer.json.mismatch(operator, ERROR)
