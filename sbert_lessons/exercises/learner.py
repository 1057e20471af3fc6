"""What a learner calls: check, hint, predict, measured, verdict, progress."""

import math
import os
import sysconfig
import traceback
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pandas as pd

from . import registry, store
from .model import NOT_DONE, NOT_RIGHT, PASSED, RAISED, Exercise, Outcome, Verdict

_hints_given: Counter[str] = Counter()
_LIBRARIES = (Path(__file__).parents[1], *map(sysconfig.get_path, ("stdlib", "purelib", "platlib")))
_NOT_THE_LEARNER = tuple(f"{folder}{os.sep}" for folder in _LIBRARIES)


def check(id: str, answer: Any) -> Outcome:
    """Judge an answer to the exercise `id`, such as "02.1". Never raises.

    Says one of: not done yet, not right yet (and which misconception), your code raised ...,
    passed. An exercise once passed stays passed.
    """
    try:
        task = registry.find(registry.exercises, id)
    except registry.Unknown as error:
        return Outcome(str(id), "unknown", f"{error}")
    outcome = _judge(task, answer)
    best = outcome.state == PASSED or store.read()["exercises"].get(id) != PASSED
    if outcome.state == NOT_DONE or not best:
        return outcome
    note = store.record("exercises", id, outcome.state)
    return Outcome(id, outcome.state, outcome.message, note)


def hint(id: str) -> Outcome:
    """The next hint for the exercise `id`; after the last one it begins again."""
    try:
        hints = registry.find(registry.exercises, id).hints
    except registry.Unknown as error:
        return Outcome(str(id), "unknown", f"{error}")
    number = _hints_given[id] % len(hints)
    _hints_given[id] += 1
    return Outcome(id, f"hint {number + 1} of {len(hints)}", hints[number])


def predict(id: str, answer: Any = ...) -> Outcome:
    """Keep what you expect, before the experiment: one of the options of the prediction `id`.

    Never raises. The prediction that stood when the experiment first ran is the one that counts.
    """
    try:
        asked = registry.find(registry.predictions, id)
    except registry.Unknown as error:
        return Outcome(str(id), "unknown", f"{error}")
    options = asked.options
    choose = f"replace ... by one of {', '.join(map(repr, options))}."
    if answer is ... or answer is None:
        return Outcome(id, "no prediction yet", f"{asked.question.rstrip('?')}: {choose}")
    said = {option.lower(): option for option in options}.get(str(answer).strip().lower())
    if said is None:
        return Outcome(id, "not an option", f"{answer!r} is none of them; {choose}")
    kept = store.read()["predictions"].get(id, {})
    if "measured" in kept:
        first = kept["predicted"]
        return Outcome(id, "stays as it was", f"you said {first!r} before the experiment ran.")
    note = store.record("predictions", id, {"predicted": said})
    return Outcome(id, "predicted", f"{said!r}. Now run the experiment.", note)


def measured(id: str, option: str) -> Outcome:
    """Say which option the experiment chose, and compare it with the prediction `id`."""
    options = registry.find(registry.predictions, id).options
    if option not in options:
        raise ValueError(f"{id}: measured {option!r} is not among the options {options}.")
    kept = store.read()["predictions"].get(id)
    if kept is None:
        return Outcome(id, "measured", f"{option!r}.")
    note = store.record("predictions", id, {**kept, "measured": option})
    right = "as you said" if kept["predicted"] == option else f"you said {kept['predicted']!r}"
    return Outcome(id, "measured", f"{option!r}, {right}.", note)


def sure_part(low: float, high: float) -> float:
    """How much of a difference is sure: the end of its interval nearest to 0; 0 if it holds 0.

    What most lessons hand to `verdict`. Introduced in lesson 01.
    """
    return max(low, 0.0) + min(high, 0.0)


def agreed(*numbers: float) -> float:
    """What several measurements of one effect agree on: the nearest to 0; 0 if signs differ.

    NaN if one of them is. For a verdict that has to hold in all of them. Introduced in lesson 04.
    """
    return sure_part(np.min(numbers), np.max(numbers))  # Python's own min and max may lose a NaN


def verdict(id: str, number: float, margin: float, softened: str = "") -> Verdict:
    """Judge the claim `id` by a measured effect, positive in the claim's favour.

    supported: number >= margin; refuted: number <= -margin; undecided: between.
    `softened` is the reason why a supported claim is true only in part. Raises ValueError for a
    number that is not finite, and for a margin that is not a number above 0.
    """
    claim = registry.find(registry.claims, id)
    if not 0 < margin < math.inf:
        raise ValueError(
            f"{id}: the margin is the smallest effect that counts: give a number above 0."
        )
    if not math.isfinite(number):
        raise ValueError(f"{id}: the number is {number}: find out which measurement failed.")
    if number >= margin:
        state = "softened" if softened else "supported"
    else:
        state = "refuted" if number <= -margin else "undecided"
    reason = softened if state == "softened" else ""
    own = store.location() is not None
    return Verdict(claim, state, float(number), float(margin), reason, own)


def progress(lesson: str | None = None) -> pd.DataFrame:
    """A table of the exercises and predictions of one lesson, or of all, and where you stand."""
    kept = store.read()
    rows = []
    for number in [lesson] if lesson else registry.lessons():
        for id, task in registry.exercises(number).items():
            rows.append((id, "exercise", task.title, kept["exercises"].get(id, NOT_DONE)))
        for id, question in registry.predictions(number).items():
            state = _prediction_state(kept["predictions"].get(id, {}))
            rows.append((id, "prediction", question.question, state))
    return pd.DataFrame(rows, columns=["id", "what", "title", "state"]).set_index("id")


def _prediction_state(kept: Mapping[str, str]) -> str:
    if not kept:
        return "no prediction yet"
    said, seen = kept["predicted"], kept.get("measured")
    if seen is None:
        return f"{said}; not measured yet"
    return f"right: {said}" if said == seen else f"you said {said}; measured: {seen}"


def _judge(task: Exercise, answer: Any) -> Outcome:
    if _is_open(answer):
        return _not_done(task.id)
    try:
        misconception = task.judge(answer)
    except Exception as error:
        return _explain(task, answer, error)
    if misconception is None:
        return Outcome(task.id, PASSED)
    return Outcome(task.id, NOT_RIGHT, misconception)


def _is_open(answer: Any) -> bool:
    if isinstance(answer, (tuple, list)):
        return any(_is_open(part) for part in answer)
    if isinstance(answer, dict):
        return any(_is_open(part) for part in answer.values())
    return answer is ... or answer is None


def _not_done(id: str) -> Outcome:
    return Outcome(id, NOT_DONE, "write your answer above, run that cell, then this one again.")


def _explain(task: Exercise, answer: Any, error: Exception) -> Outcome:
    """The stub, the learner's own error, or an answer that the judge could not work with."""
    if isinstance(error, NotImplementedError) and not error.args:  # torch's own has a reason
        return _not_done(task.id)
    said = f"{type(error).__name__}: {error}".rstrip(": ")
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_own(frame, task)]
    if not own:
        kind = f"an answer of type {type(answer).__name__}"
        what = "what your function takes or returns" if isinstance(answer, FunctionType) else kind
        return Outcome(task.id, NOT_RIGHT, f"{what} does not fit here ({said}).")
    where = f"line {own[-1].lineno}" + (f": {own[-1].line}" if own[-1].line else "")
    return Outcome(task.id, RAISED, f"{said} ({where})")


def _is_own(frame: traceback.FrameSummary, task: Exercise) -> bool:
    """Is this frame the learner's code: neither a library, nor this package, nor the judge?"""
    judge = task.judge.__code__
    is_judge = (frame.filename, frame.name) == (judge.co_filename, judge.co_name)
    return not is_judge and not frame.filename.startswith(_NOT_THE_LEARNER)
