"""The exercises of every lesson in four states; their wrong answers stand in wrong_NN.py."""

from functools import cache
from importlib import import_module

import harness
import pytest
import states

from sbert_lessons.exercises import registry

setup = cache(harness.setup)
asked = cache(harness.asked)
LESSONS = registry.lessons()
EXERCISES = [(lesson, id) for lesson in LESSONS for id in registry.exercises(lesson)]
each_exercise = pytest.mark.parametrize(("lesson", "id"), EXERCISES)


@pytest.fixture(autouse=True)
def no_file(monkeypatch):
    monkeypatch.setenv("SBERT_LESSONS_PROGRESS", "off")


def given(lesson, id, solved):
    source = harness.source_of(lesson)
    return asked(source, solved)[id].given(setup(source))


@each_exercise
def test_open_and_solved(lesson, id):
    stub, solution = given(lesson, id, solved=False), given(lesson, id, solved=True)
    assert list(states.open_or_solved(id, stub, solution)) == []


@each_exercise
def test_wrong_answers(lesson, id):
    wrong = import_module(f"wrong_{lesson}").WRONG
    assert list(states.wrong(id, wrong.get(id, {}))) == []


@each_exercise
def test_raising_code(lesson, id):
    assert list(states.raising(id, given(lesson, id, solved=True))) == []


@pytest.mark.parametrize("lesson", LESSONS)
def test_wrong_answers_belong_to_an_exercise(lesson):
    assert list(import_module(f"wrong_{lesson}").WRONG) == list(registry.exercises(lesson))


@pytest.mark.parametrize("lesson", LESSONS)
def test_names_begin_with_the_lesson(lesson):
    for collection in (registry.exercises, registry.predictions, registry.claims):
        assert all(id.startswith(f"{lesson}.") for id in collection(lesson))
