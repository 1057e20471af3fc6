"""What a lesson declares (exercises, predictions, claims) and what a learner gets back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

NOT_DONE = "not done yet"
NOT_RIGHT = "not right yet"
RAISED = "your code raised"
PASSED = "passed"

KINDS = {
    "hand": "by hand",
    "code": "in code",
    "bug": "bug hunt",
    "experiment": "experiment",
}


class PlainText:
    """Shown as one plain line, which the tests of the notebooks compare."""

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True, repr=False)
class Exercise:
    """One exercise; `judge(answer)` returns None when right, else the misconception in words."""

    id: str
    title: str
    kind: str
    minutes: int
    level: int
    core: bool
    hints: tuple[str, ...]
    judge: Callable[[Any], str | None]

    def box(self) -> str:
        """The line under the heading: kind, minutes, level, core or extra."""
        kind = KINDS[self.kind].capitalize()
        path = "core" if self.core else "extra"
        minutes = f"{self.minutes} minute{'s' * (self.minutes > 1)}"
        return f"*{kind} · {minutes} · level {self.level} of 3 · {path}*"


def exercise(
    id: str,
    title: str,
    *,
    kind: str,
    minutes: int,
    level: int,
    hints: tuple[str, ...],
    core: bool = True,
) -> Callable[[Callable[[Any], str | None]], Exercise]:
    """Declare the decorated judge as an exercise of the lesson."""
    if kind not in KINDS:
        raise ValueError(f"exercise {id}: kind is one of {', '.join(KINDS)}, not {kind!r}.")
    if level not in (1, 2, 3):
        raise ValueError(f"exercise {id}: level is 1, 2 or 3, not {level!r}.")
    if not hints or isinstance(hints, str):
        raise ValueError(f"exercise {id}: hints is a tuple of one sentence or more.")
    return lambda judge: Exercise(id, title, kind, minutes, level, core, hints, judge)


@dataclass(frozen=True)
class Prediction:
    """A question that the learner answers before the experiment does."""

    id: str
    question: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class Claim:
    """A statement that a lesson tests. `kind` is "measured", "definition" or "literature".

    For the ledger of lesson 14: `paper`, what the source itself reports, in its own figures;
    `recorded`, which computes the verdict's number from the recorded full-scale runs.
    """

    id: str
    text: str
    source: str
    kind: str = "measured"
    paper: str = ""
    recorded: Callable[[], float] | None = None


@dataclass(frozen=True, repr=False)
class Outcome(PlainText):
    """What `check`, `hint`, `predict` and `measured` answer: a state, and a sentence about it."""

    id: str
    state: str
    message: str = ""
    note: str = ""

    def __str__(self) -> str:
        joint = " " if self.state == RAISED else ": "
        line = f"{self.id} {self.state}" + (joint + self.message if self.message else "")
        return f"{line}\n{self.note}" if self.note else line


@dataclass(frozen=True, repr=False)
class Verdict(PlainText):
    """A claim judged by a measured number; its values travel in the notebook output's metadata.

    `own`: a learner's run, for it was made while progress is kept.
    """

    claim: Claim
    state: str
    number: float
    margin: float
    reason: str = ""
    own: bool = False

    def __str__(self) -> str:
        because = f" ({self.reason})" if self.reason else ""
        numbers = f"measured {self.number:g}, margin {self.margin:g}"
        return f"{self.claim.id} {self.state}{because}: {self.claim.text}. [{numbers}]"

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict, dict]:
        values = {
            "claim": self.claim.id,
            "verdict": self.state,
            "number": self.number,
            "margin": self.margin,
            "reason": self.reason,
        }
        if self.own:
            values["own"] = True
        return {"text/plain": str(self)}, {"sbert_lessons": values}
