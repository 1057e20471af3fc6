"""The harness notices exercises that break a rule; the demo lesson keeps them all."""

import sys
from pathlib import Path

import harness
import pytest
import states

from sbert_lessons import exercises
from sbert_lessons.exercises import registry

DEMO = Path(__file__).parents[1] / "notebooks" / "demo"


@pytest.fixture
def demo(monkeypatch):
    """The demo lesson 99, known to the registry; its source."""
    monkeypatch.setenv("SBERT_LESSONS_PROGRESS", "off")
    monkeypatch.setattr(exercises, "__path__", [*exercises.__path__, str(DEMO)])
    monkeypatch.syspath_prepend(str(DEMO))
    yield DEMO / "99_demo.py"
    sys.modules.pop("sbert_lessons.exercises.lesson_99", None)


@pytest.mark.parametrize("id", ["99.1", "99.2", "99.3", "99.4"])
def test_demo_exercises_hold_in_all_states(demo, id):
    from wrong_99 import WRONG

    names = harness.setup(demo)
    stub, solution = (harness.asked(demo, solved)[id].given(names) for solved in (False, True))
    assert list(states.open_or_solved(id, stub, solution)) == []
    assert list(states.wrong(id, WRONG[id])) == []
    assert list(states.raising(id, solution)) == []


def test_registry_knows_the_demo(demo):
    assert "99" in registry.lessons()
    assert list(registry.exercises("99")) == ["99.1", "99.2", "99.3", "99.4"]


def test_a_wrong_solution_or_a_filled_stub_is_noticed(demo):
    assert len(list(states.open_or_solved("99.1", stub=4, solution=...))) == 2


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"sum": 12, "middle": 2}, "three or more"),
        ({"sum": 12, "middle": 2, "right": 4}, "not told"),
        ({"sum": 12, "middle": 2, "open": ...}, "not told"),
        ({"sum": 12, "middle": 2, "word": "four"}, "not told"),
        ({"sum": 12, "again": 12, "middle": 2}, "the same as 'sum'"),
    ],
)
def test_weak_wrong_answers_are_noticed(demo, answers, words):
    found = list(states.wrong("99.1", answers))
    assert len(found) == 1 and words in found[0]


def test_a_judge_that_hides_errors_or_passes_anything_is_noticed(demo, monkeypatch):
    judge = registry.exercises("99")["99.2"]
    monkeypatch.setitem(vars(sys.modules[judge.judge.__module__]), "mean_in_code",
                        type(judge)(**{**vars(judge), "judge": lambda answer: None}))  # fmt: skip
    assert len(list(states.raising("99.2", len))) >= 2
