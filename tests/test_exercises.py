"""check, hint, predict, measured, verdict, progress, and the file that remembers."""

import dataclasses
import json
import math
import os
import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sbert_lessons import exercises
from sbert_lessons.exercises import (
    agreed,
    check,
    hint,
    learner,
    measured,
    predict,
    progress,
    registry,
    store,
    sure_part,
    verdict,
)
from sbert_lessons.exercises.judging import close, compare
from sbert_lessons.exercises.model import Claim, Outcome, Prediction, exercise


@exercise("97.1", "Four", kind="hand", minutes=1, level=1, hints=("Even.", "Two times two."))
def four(answer):
    return compare(answer, 4, mistakes={"You doubled once.": 2}, otherwise="Count again.")


@exercise("97.2", "Double", kind="code", minutes=1, level=2, hints=("Times two.",), core=False)
def double(answer):
    mistakes = {"You squared it.": 9, "You left it.": 3}
    return compare(answer(3), 6, mistakes=mistakes, otherwise="Multiply by 2.")


@exercise("97.3", "An endless loop", kind="bug", minutes=1, level=3, hints=("Stop it.",))
def interrupted(answer):
    raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def lesson(monkeypatch, tmp_path):
    """Lesson 97, known to the registry, and a progress file of its own."""
    module = ModuleType("sbert_lessons.exercises.lesson_97")
    module.four, module.double, module.interrupted = four, double, interrupted
    module.PREDICTIONS = (Prediction("97.1", "The curve", ("rises", "falls")),)
    module.CLAIMS = (Claim("97.A", "More is more", "nowhere, section 0"),)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    (tmp_path / "lessons").mkdir()
    (tmp_path / "lessons" / "lesson_97.py").touch()
    monkeypatch.setattr(exercises, "__path__", [str(tmp_path / "lessons"), *exercises.__path__])
    monkeypatch.setenv("SBERT_LESSONS_PROGRESS", str(tmp_path / "work" / "progress.json"))
    learner._hints_given.clear()
    store._memory.clear()
    yield
    store._memory.clear()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "work" / "progress.json"


def kept(file):
    return json.loads(file.read_text(encoding="utf-8"))


def states():
    return dict(zip(progress("97").title, progress("97").state, strict=True))


# --- check ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [..., None, (1, ...), [1, [2, ...]], {"a": ...}, (None, 1)])
def test_an_open_answer_is_not_done(answer, file):
    said = "97.1 not done yet: write your answer above, run that cell, then this one again."
    assert repr(check("97.1", answer)) == said
    assert not file.exists()


def test_a_stub_is_not_done():
    def stub(x):
        raise NotImplementedError

    assert check("97.2", stub).state == "not done yet"


def test_an_unsupported_operation_is_not_mistaken_for_the_stub():
    def broken(x):
        raise NotImplementedError("'cumsum' not implemented for 'Bool'")

    assert check("97.2", broken).state == "your code raised"


def test_wrong_answers_are_told_their_misconception():
    assert repr(check("97.1", 2)) == "97.1 not right yet: You doubled once."
    assert repr(check("97.1", 3)) == "97.1 not right yet: Count again."
    assert repr(check("97.2", lambda x: x * x)) == "97.2 not right yet: You squared it."


def test_right_answers_pass():
    assert repr(check("97.1", 4)) == "97.1 passed"
    assert repr(check("97.2", lambda x: 2 * x)) == "97.2 passed"


def test_raising_code_is_reported_with_its_own_line():
    def broken(x):
        return x + "one"

    said = str(check("97.2", broken))
    assert said.startswith("97.2 your code raised TypeError: unsupported operand type(s) for +")
    assert said.endswith(f'(line {broken.__code__.co_firstlineno + 1}: return x + "one")')


def test_the_line_that_failed_is_named_not_the_one_that_called_it():
    def inner(x):
        return 1 / 0

    def outer(x):
        return inner(x)

    assert str(check("97.2", outer)).endswith(f"{inner.__code__.co_firstlineno + 1}: return 1 / 0)")


def test_an_error_without_words_and_without_source():
    names = {}
    exec(compile("def f(x):\n    assert x == 0", "<nowhere>", "exec"), names)
    assert str(check("97.2", names["f"])) == "97.2 your code raised AssertionError (line 2)"


@pytest.mark.parametrize("answer", [object(), "four", "", [], float("nan"), 4j, [[1], [1, 2]]])
def test_an_answer_of_a_strange_kind_never_raises_or_passes(answer):
    assert check("97.1", answer).state == "not right yet"


def test_an_answer_that_does_not_fit_is_named_by_its_type():
    said = str(check("97.1", "four"))
    assert said.startswith("97.1 not right yet: an answer of type str does not fit here (TypeErr")
    assert "type int does not fit" in str(check("97.2", 6))


@pytest.mark.parametrize("answer", [lambda x: "four", lambda: 4])
def test_of_a_function_what_it_takes_or_returns_is_named(answer):
    said = str(check("97.2", answer))
    assert "not right yet: what your function takes or returns does not fit here (" in said


def test_a_function_without_return_is_told_so():
    assert "does it end with `return ...`?" in str(check("97.2", lambda x: None))


def test_ctrl_c_stops_a_check():
    with pytest.raises(KeyboardInterrupt):
        check("97.3", 1)


@pytest.mark.parametrize("id", ["97.9", "42.1", "", None, 97.1])
def test_unknown_names_are_answered_not_raised(id, file):
    for call in (lambda: check(id, 1), lambda: hint(id), lambda: predict(id, "rises")):
        assert call().state == "unknown"
    assert not file.exists()


def test_unknown_names_list_what_there_is():
    assert "lesson 97: it has 97.1, 97.2, 97.3." in str(check("97.9", 1))


def test_outcome_is_frozen_plain_text():
    outcome = check("97.1", 4)
    assert repr(outcome) == str(outcome)
    with pytest.raises(dataclasses.FrozenInstanceError):
        outcome.state = "passed"
    assert not hasattr(outcome, "_repr_html_")


@given(st.one_of(st.integers(), st.floats(), st.text(), st.lists(st.floats()), st.binary()))
def test_check_passes_four_and_nothing_else(answer):
    right = isinstance(answer, (int, float)) and abs(answer - 4) < 4e-4
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SBERT_LESSONS_PROGRESS", "off")
        assert (check("97.1", answer).state == "passed") is right


# --- hints ---------------------------------------------------------------------------------------


def test_hints_come_one_by_one_and_begin_again():
    assert [str(hint("97.1")) for _ in range(3)] == [
        "97.1 hint 1 of 2: Even.",
        "97.1 hint 2 of 2: Two times two.",
        "97.1 hint 1 of 2: Even.",
    ]
    assert str(hint("97.2")) == "97.2 hint 1 of 1: Times two."


# --- predictions ---------------------------------------------------------------------------------


def test_an_open_prediction_lists_the_options(file):
    said = "97.1 no prediction yet: The curve: replace ... by one of 'rises', 'falls'."
    assert str(predict("97.1", ...)) == str(predict("97.1")) == str(predict("97.1", None)) == said
    assert not file.exists()


@pytest.mark.parametrize("answer", ["up", "", 3, ["rises"], object])
def test_a_wrong_option_lists_the_options(answer, file):
    said = str(predict("97.1", answer))
    assert "97.1 not an option" in said and "'rises', 'falls'" in said
    assert not file.exists()


def test_a_prediction_is_kept_and_may_change_until_the_experiment(file):
    assert predict("97.1", " Falls ").state == "predicted"
    assert predict("97.1", "rises").state == "predicted"
    assert kept(file)["predictions"] == {"97.1": {"predicted": "rises"}}
    assert states()["The curve"] == "rises; not measured yet"


@pytest.mark.parametrize("number", registry.lessons())
def test_every_option_can_be_chosen(number):
    for id, asked in registry.predictions(number).items():
        for option in asked.options:
            for answer in (option, f" {option.upper()} "):
                assert predict(id, answer).state == "predicted", (id, answer)
        assert measured(id, option).message.endswith("as you said."), id


def test_a_measurement_is_compared_and_fixes_the_prediction(file):
    predict("97.1", "rises")
    assert str(measured("97.1", "falls")) == "97.1 measured: 'falls', you said 'rises'."
    assert states()["The curve"] == "you said rises; measured: falls"
    assert str(predict("97.1", "falls")) == (
        "97.1 stays as it was: you said 'rises' before the experiment ran."
    )
    assert kept(file)["predictions"]["97.1"] == {"predicted": "rises", "measured": "falls"}


def test_a_right_prediction():
    predict("97.1", "rises")
    assert str(measured("97.1", "rises")) == "97.1 measured: 'rises', as you said."
    assert states()["The curve"] == "right: rises"


def test_a_measurement_without_a_prediction_leaves_the_question_open(file):
    assert str(measured("97.1", "falls")) == "97.1 measured: 'falls'."
    assert not file.exists()
    assert predict("97.1", "rises").state == "predicted"


def test_measured_is_the_authors_and_refuses_a_slip():
    with pytest.raises(ValueError, match="'down' is not among the options"):
        measured("97.1", "down")
    with pytest.raises(LookupError, match="no '97.9'"):
        measured("97.9", "falls")


# --- verdicts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "state"),
    [(1.0, "supported"), (0.9, "undecided"), (-0.9, "undecided"), (-1.0, "refuted")],
)
def test_a_verdict_follows_from_number_and_margin(number, state):
    assert verdict("97.A", number, margin=1.0).state == state


def test_a_reason_softens_only_what_is_supported():
    softened = verdict("97.A", 2, margin=1, softened="on Mondays")
    assert str(softened) == (
        "97.A softened (on Mondays): More is more. [measured 2, margin 1]"
    )
    refuted = verdict("97.A", -2, margin=1, softened="on Mondays")
    assert (refuted.state, refuted.reason) == ("refuted", "")


@pytest.mark.parametrize(
    "low, high, sure", [(1, 3, 1), (-3, -1, -1), (-1, 2, 0), (0, 2, 0), (-2, 0, 0)]
)
def test_of_a_difference_only_the_end_nearest_to_zero_is_sure(low, high, sure):
    assert sure_part(low, high) == sure


@pytest.mark.parametrize("numbers, found", [((3, 1, 2), 1), ((-3, -1), -1), ((-1, 2), 0)])
def test_the_smallest_effect_is_the_one_nearest_to_zero(numbers, found):
    assert agreed(*numbers) == found


@pytest.mark.parametrize("place", range(3))
def test_a_measurement_that_failed_agrees_with_nothing(place):
    numbers = [1.0, 2.0]
    numbers.insert(place, math.nan)
    assert math.isnan(agreed(*numbers))


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_has_no_verdict(number):
    with pytest.raises(ValueError, match=f"97.A: the number is {number}: find out which"):
        verdict("97.A", number, margin=1)


def test_a_verdict_carries_its_values_in_the_outputs_metadata():
    data, metadata = verdict("97.A", np.float32(2.5), margin=1)._repr_mimebundle_()
    assert data == {"text/plain": "97.A supported: More is more. [measured 2.5, margin 1]"}
    assert json.loads(json.dumps(metadata)) == {
        "sbert_lessons": {
            "claim": "97.A", "verdict": "supported", "number": 2.5, "margin": 1.0, "reason": "",
            "own": True,
        }
    }  # fmt: skip


def test_verdict_refuses_a_margin_of_zero_and_unknown_claims():
    for margin in (0, math.nan, math.inf):
        with pytest.raises(ValueError, match="above 0"):
            verdict("97.A", 1, margin=margin)
    with pytest.raises(LookupError, match="it has 97.A"):
        verdict("97.B", 1, margin=1)


# --- progress and its file -----------------------------------------------------------------------


def test_progress_of_a_new_learner():
    assert states() == {
        "Four": "not done yet",
        "Double": "not done yet",
        "An endless loop": "not done yet",
        "The curve": "no prediction yet",
    }
    assert list(progress("97").index) == ["97.1", "97.2", "97.3", "97.1"]
    assert set(progress("97").index) <= set(progress().index)


def test_progress_is_remembered_and_passed_stays_passed(file):
    check("97.1", 3)
    assert states()["Four"] == "not right yet"
    check("97.1", 4)
    assert check("97.1", 3).state == "not right yet"
    assert states()["Four"] == "passed"
    assert kept(file) == {"exercises": {"97.1": "passed"}, "predictions": {}}
    assert os.listdir(file.parent) == ["progress.json"]


def test_two_sessions_add_up(file):
    check("97.1", 4)
    store._memory.clear()
    check("97.2", lambda x: 6)
    assert kept(file)["exercises"] == {"97.1": "passed", "97.2": "passed"}


def test_off_keeps_nothing_on_disk(monkeypatch, file):
    monkeypatch.setenv("SBERT_LESSONS_PROGRESS", "off")
    assert str(check("97.1", 4)) == "97.1 passed"
    assert states()["Four"] == "passed"
    assert not file.parent.exists()


def test_the_file_is_in_the_projects_work_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("SBERT_LESSONS_PROGRESS")
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr(store, "ROOT", tmp_path)
    assert store.location() == tmp_path / "work" / "progress.json"


def test_away_from_the_project_it_is_in_a_work_folder_here(monkeypatch, tmp_path):
    monkeypatch.delenv("SBERT_LESSONS_PROGRESS")
    monkeypatch.setattr(store, "ROOT", tmp_path / "site-packages")
    monkeypatch.chdir(tmp_path)
    assert store.location() == tmp_path / "work" / "progress.json"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"exercises": 3, "predictions": {}}',
        '{"exercises": {}, "predictions": {"97.1": "rises"}}',
        '{"exercises": {}, "predictions": {"97.1": {"measured": "rises"}}}',
        '{"exercises": {}, "predictions": []}',
        '"text"',
        "\x00",
    ],
)
def test_a_damaged_file_is_set_aside_with_one_sentence(file, text):
    file.parent.mkdir()
    file.write_text(text, encoding="utf-8")
    assert states()["Four"] == "not done yet"
    outcome = check("97.1", 4)
    assert outcome.state == "passed"
    assert outcome.note == (
        "progress.json could not be read: it is kept as progress.damaged.json, "
        "and a new one is begun."
    )
    assert (file.parent / "progress.damaged.json").read_text(encoding="utf-8") == text
    assert kept(file)["exercises"] == {"97.1": "passed"}
    assert check("97.2", lambda x: 6).note == ""


def test_a_folder_that_cannot_be_written_is_one_sentence(file, monkeypatch):
    file.parent.mkdir()

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(store, "write_whole", refuse)
    assert str(check("97.1", 4)) == (
        "97.1 passed\nYour progress counts until this notebook closes, but cannot be saved in "
        "progress.json: Permission denied. Make the folder of that file writable."
    )
    assert states()["Four"] == "passed"
    assert not file.exists()


def test_what_could_not_be_saved_is_saved_later(file):
    file.parent.write_text("not a folder", encoding="utf-8")
    predict("97.1", "rises")
    assert check("97.1", 4).note and check("97.1", 4).note
    file.parent.unlink()
    assert check("97.2", lambda x: 5).note == ""
    assert kept(file) == {
        "exercises": {"97.1": "passed", "97.2": "not right yet"},
        "predictions": {"97.1": {"predicted": "rises"}},
    }
    file.unlink()
    assert states()["Four"] == "not done yet"  # from here on the file alone counts


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_a_read_only_folder(file):
    file.parent.mkdir()
    file.parent.chmod(0o500)
    assert "cannot be saved" in check("97.1", 4).note
    assert states()["Four"] == "passed"
    file.parent.chmod(0o700)


def test_a_work_folder_that_is_a_file_is_one_sentence(file):
    file.parent.write_text("not a folder", encoding="utf-8")
    assert "cannot be saved in progress.json" in predict("97.1", "rises").note
    assert str(measured("97.1", "rises")).startswith("97.1 measured: 'rises', as you said.")
    assert states()["The curve"] == "right: rises"


def test_a_kill_while_writing_leaves_the_old_file(file, monkeypatch):
    check("97.1", 4)

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, "replace", killed)
        check("97.2", lambda x: 6)
    assert kept(file)["exercises"] == {"97.1": "passed"}
    assert os.listdir(file.parent) == ["progress.json"]


# --- judging and declaring -----------------------------------------------------------------------


def test_close_reads_numbers_lists_arrays_and_tensors():
    tensor = torch.tensor([1.0, 2.0], requires_grad=True)
    assert close([1, 2], tensor) and close(tensor, np.array([1, 2.00001]))
    assert not close([1, 2.01], tensor)
    assert not close([[1, 2]], tensor)
    assert not close(1.0, tensor)
    assert close(1, True) and close(torch.tensor(3), 3)


def test_close_takes_a_tolerance():
    assert close(10.0, 10.4, tolerance=0.05)
    assert not close(10.0, 11.2, tolerance=0.05)


def test_compare_names_the_shape():
    said = compare(np.ones((2, 3)), np.ones((3, 2)), mistakes={}, otherwise="Turn it.")
    assert said == "The shape is (2, 3), wanted is (3, 2). Turn it."


def test_right_wins_over_a_mistake_of_the_same_value():
    assert compare(4, 4, mistakes={"Wrong.": 4}, otherwise="Wrong.") is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "quiz"}, "kind is one of hand, code, bug, experiment"),
        ({"level": 4}, "level is 1, 2 or 3"),
        ({"hints": ()}, "hints is a tuple"),
        ({"hints": "one sentence"}, "hints is a tuple"),
    ],
)
def test_a_slip_in_a_declaration_is_one_sentence(change, words):
    good = {"kind": "hand", "minutes": 1, "level": 1, "hints": ("Look.",)}
    with pytest.raises(ValueError, match=words):
        exercise("97.8", "Slip", **{**good, **change})


def test_the_box_tells_effort():
    assert four.box() == "*By hand · 1 minute · level 1 of 3 · core*"
    assert double.box() == "*In code · 1 minute · level 2 of 3 · extra*"


def test_outcome_needs_only_a_name_and_a_state():
    assert str(Outcome("97.1", "passed")) == "97.1 passed"
