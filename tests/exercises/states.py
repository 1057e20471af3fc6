"""What must hold of every exercise: open, solved, wrong and raising."""

from collections.abc import Iterator, Mapping
from typing import Any

from sbert_lessons.exercises import check
from sbert_lessons.exercises.model import NOT_DONE, NOT_RIGHT, PASSED, RAISED

UNFIT = "does not fit here"


def open_or_solved(id: str, stub: Any, solution: Any) -> Iterator[str]:
    """The stub is not done yet, the solution passes."""
    for answer, wanted in ((stub, NOT_DONE), (solution, PASSED)):
        outcome = check(id, answer)
        if outcome.state != wanted:
            yield f"wanted {wanted!r}: {outcome}"


def wrong(id: str, answers: Mapping[str, Any]) -> Iterator[str]:
    """Three wrong answers or more; each is not right yet, with a message of its own."""
    if len(answers) < 3:
        yield f"{id} has {len(answers)} wrong answers; three or more are wanted."
    said: dict[str, str] = {}
    for name, answer in answers.items():
        outcome = check(id, answer)
        if outcome.state != NOT_RIGHT or UNFIT in outcome.message:
            yield f"{name!r} is not told its misconception: {outcome}"
        if outcome.message in said:
            yield f"{name!r} is told the same as {said[outcome.message]!r}: {outcome}"
        said[outcome.message] = name


def raising(id: str, solution: Any) -> Iterator[str]:
    """Code that raises is reported; an answer of no known kind is not right yet; no exception."""

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("a broken answer")

    if callable(solution):
        outcome = check(id, broken)
        if outcome.state != RAISED or "RuntimeError: a broken answer" not in outcome.message:
            yield f"wanted {RAISED!r}: {outcome}"
    for strange in (object(), "", [], {}, -1, float("nan"), lambda *_, **__: None):
        outcome = check(id, strange)
        if outcome.state != NOT_RIGHT:
            yield f"{strange!r} is {outcome.state}."
