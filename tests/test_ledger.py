"""The ledger: what it reads, what it refuses, and that the course's own claims are all in it."""

import json
import math
from fractions import Fraction
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbert_lessons import ledger, results
from sbert_lessons.exercises import registry, store, verdict
from sbert_lessons.exercises.model import Claim, Prediction
from sbert_lessons.plots.ledger import apart

CLAIMS = {
    "02.A": Claim("02.A", "MEAN | CLS", "a paper", paper="1 against 2", recorded=lambda: 40.96),
    "02.B": Claim("02.B", "Max is bad", "notes"),
    "02.C": Claim("02.C", "A mean is a mean", "itself", kind="definition"),
    "02.D": Claim("02.D", "It is said", "a book", kind="literature", recorded=lambda: None),
}
ASKED = {
    f"02.{i}": Prediction(f"02.{i}", "Which?", options)
    for i, options in enumerate([("a", "b"), ("a", "b", "c"), ("a", "b")], 1)
}


@pytest.fixture(autouse=True)
def one_lesson(monkeypatch):
    """A course of one lesson, 02, and no file of progress."""
    monkeypatch.setenv("SBERT_LESSONS_PROGRESS", "off")
    monkeypatch.setattr(store, "_memory", {})


@pytest.fixture
def small(monkeypatch, tmp_path):
    monkeypatch.setattr(registry, "lessons", lambda: ["02"])
    monkeypatch.setattr(registry, "claims", lambda lesson: CLAIMS)
    monkeypatch.setattr(registry, "predictions", lambda lesson: ASKED)
    for name in ("notebooks", "work"):
        (tmp_path / name).mkdir()
    return tmp_path


def record(id="02.A", state="supported", number=2.0, margin=1.0, reason="", own=False):
    values = {"claim": id, "verdict": state, "number": number, "margin": margin, "reason": reason}
    return values | ({"own": True} if own else {})


def write(folder, *records, name="02_pooling.ipynb"):
    outputs = [{"output_type": "execute_result", "metadata": {"sbert_lessons": r}} for r in records]
    first = {"cell_type": "markdown", "source": "# 02 Pooling\n\n**Question.** How? So?\nMore."}
    code = {"cell_type": "code", "outputs": [{"output_type": "stream"}, *outputs], "source": ""}
    path = folder / name
    path.write_text(json.dumps({"cells": [first, code]}))
    return path


def read(small, own=True):
    return ledger.read_ledger(small / "notebooks", small / "work" if own else None)


GOOD = record(), record("02.B", "undecided", 0.0)


def test_each_claim_once_with_all_its_figures(small):
    write(small / "notebooks", *GOOD)
    book = read(small)
    assert book.lines == ()
    assert book.claims.index.tolist() == ["02.A", "02.B", "02.C", "02.D"]
    states = ["supported", "undecided", "by definition", "by literature"]
    assert book.claims["verdict"].tolist() == states
    first = book.claims.loc["02.A"]
    assert (first["paper"], first["recorded"], first["course"]) == ("1 against 2", 40.96, "+2")
    assert (first["to margin"], first["reader"], first["lesson"]) == (1.0, "", "02")
    assert first["link"] == "02_pooling.ipynb#Verdicts"
    assert book.claims["recorded"].isna().tolist() == [False, True, True, True]


def test_a_missing_notebook(small):
    book = read(small)
    assert book.lines == ("Lesson 02: no notebook in notebooks; its claims are not run.",)
    assert book.claims["verdict"].tolist()[:2] == ["not run"] * 2
    assert ledger.counts(book.claims).loc["02", "not run"] == 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": 3}', '{"cells": [3]}', '"x"'])
def test_a_damaged_notebook(small, text):
    (small / "notebooks" / "02_pooling.ipynb").write_text(text)
    book = read(small)
    assert len(book.lines) == 1 and "notebooks/02_pooling.ipynb cannot be read" in book.lines[0]
    assert book.claims["verdict"].tolist()[:2] == ["not run"] * 2


def test_a_notebook_that_was_not_run_to_its_end(small):
    write(small / "notebooks", record())
    book = read(small)
    wanted = "02_pooling.ipynb: no verdict on 02.B; run it to its end, and save it."
    assert book.lines == (wanted,)
    assert book.claims["verdict"].tolist()[:2] == ["supported", "not run"]


FAULTY = {
    "damaged": ({"claim": "02.A"}, 3, record(margin="wide"), {**record(), "number": None}),
    "declares no": (record("02.Z"), record("02.C")),
    "the margin": (record(margin=0.0), record(number=float("nan")), record(margin=-1.0)),
    "means": (record(number=0.5), record(state="refuted"), record(state="softened")),
}


@pytest.mark.parametrize("said", FAULTY)
def test_a_record_that_cannot_be_right_is_left_out(small, said):
    for faulty in FAULTY[said]:
        write(small / "notebooks", *GOOD, faulty)
        book = read(small)
        assert len(book.lines) == 1 and said in book.lines[0], (faulty, book.lines)
        assert book.claims["verdict"].tolist()[:2] == ["supported", "undecided"]


def test_a_claim_counts_once_and_a_conflict_is_shown(small):
    write(small / "notebooks", *GOOD, GOOD[0])
    assert read(small).lines == ()
    write(small / "notebooks", *GOOD, record(state="refuted", number=-3.0), name="02_old.ipynb")
    book = read(small)
    said = "02.A: the course's notebooks hold 2 different records (+2 / -3)."
    assert book.lines == (said,)
    assert book.claims.loc["02.A", ["verdict", "course"]].tolist() == [
        "supported / refuted",
        "+2 / -3",
    ]


def test_the_readers_run(small):
    write(small / "notebooks", *GOOD)
    write(small / "work", record(own=True), record("02.B", "refuted", -1.5, own=True))
    book = read(small)
    assert book.claims["reader"].tolist()[:2] == ["+2", "-1.5"]
    assert book.claims["verdict"].tolist()[:2] == ["supported", "undecided"]  # the course's
    assert book.lines == ("02.B: undecided in the course (0), refuted in your run (-1.5).",)
    assert read(small, own=False).claims["reader"].tolist()[:2] == ["", ""]


def test_the_reader_alone(small):
    write(small / "work", *(kept | {"own": True} for kept in GOOD))
    book = read(small)
    assert book.claims["verdict"].tolist()[:2] == ["supported", "undecided"]
    assert len(book.lines) == 1


def test_what_was_handed_out_is_not_the_readers_run(small):
    write(small / "notebooks", *GOOD)
    write(small / "work", record(own=True), GOOD[1])
    assert read(small).claims["reader"].tolist()[:2] == ["+2", ""]


def test_a_verdict_knows_whose_run_it_is(monkeypatch, tmp_path):
    handed_out = verdict("01.A", 3, 1)._repr_mimebundle_()[1]["sbert_lessons"]
    monkeypatch.setenv("SBERT_LESSONS_PROGRESS", str(tmp_path / "progress.json"))
    own = verdict("01.A", 3, 1)._repr_mimebundle_()[1]["sbert_lessons"]
    assert own == handed_out | {"own": True}


def test_the_reader_is_looked_for_beside_the_progress_file(small, monkeypatch):
    write(small / "notebooks", *GOOD)
    write(small / "work", record(number=3.0, own=True))
    monkeypatch.setenv("SBERT_LESSONS_PROGRESS", str(small / "work" / "progress.json"))
    assert ledger.read_ledger(small / "notebooks").claims.loc["02.A", "reader"] == "+3"


def test_a_record_that_is_not_there_yields_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "DATA", tmp_path)
    assert math.isnan(results.average("table6", "NLI, max"))

    def fails():
        raise KeyError("arm")

    for lookup in (fails, lambda: results.recorded("none")["x"], lambda: float("nan"), None):
        assert math.isnan(ledger.recorded_figure(Claim("02.A", "", "", recorded=lookup)))


def test_average_by_hand(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "DATA", tmp_path)
    (tmp_path / "results").mkdir()
    runs = {"runs": [{"auc": 0.25, "seed": 0}, {"auc": 0.75, "seed": 1}]}
    (tmp_path / "results" / "nli.json").write_text(json.dumps({"arms": {"all": runs}}))
    assert results.average("nli", "all", "auc") == 0.5
    assert math.isnan(results.average("nli", "all")) and math.isnan(results.average("nli", "x"))


def test_the_page_links_and_escapes(small):
    write(small / "notebooks", *GOOD)
    book = read(small)
    text = str(ledger.page(book.claims, ledger.titles(small / "notebooks")))
    assert text.startswith("**02 Pooling** How? So?\n\n| | claim |")
    rows = text.splitlines()[4:]
    assert rows[0] == (
        "| [02.A](02_pooling.ipynb#Verdicts) | MEAN \\| CLS | **supported** | 1 against 2 "
        "| +41.0 | +2 | 1 | - |"
    )
    assert rows[2].count(" - ") == 5
    assert ledger.page(book.claims)._repr_markdown_().startswith("**Lesson 02**\n")
    wanted = "02.A **supported** (+2; recorded +41.0): MEAN \\| CLS"
    assert ledger.line(book.claims, "02.A") == wanted
    assert ledger.line(book.claims, "02.C") == "02.C **by definition**: A mean is a mean"
    assert ledger.line(book.claims, "09.A") == "09.A is not there yet"


@given(st.floats(-9, 9), st.floats(0.01, 9), st.floats(0.01, 9))
def test_wider_margins_never_turn_a_verdict_round(number, margin, factor):
    state = verdict("01.A", number, margin).state
    claims = pd.DataFrame({"verdict": [state], "number": number, "margin": margin, "reason": ""},
                          index=["01.A"])  # fmt: skip
    now = ledger.rejudge(claims, factor)["01.A"]
    assert now == verdict("01.A", number, factor * margin).state
    assert {state, now} != {"supported", "refuted"}


def test_rejudge_keeps_the_reason():
    claims = pd.DataFrame({"verdict": ["softened", "not run"], "number": [3.0, np.nan],
                           "margin": [1.0, np.nan], "reason": ["in part", ""]},
                          index=["01.A", "01.B"])  # fmt: skip
    assert ledger.rejudge(claims, 2).to_dict() == {"01.A": "softened"}
    assert ledger.rejudge(claims, 4).to_dict() == {"01.A": "undecided"}
    assert ledger.held(claims).to_dict() == {"01.A": True}


def test_predictions_are_scored_by_hand(small):
    kept = {
        "02.1": {"predicted": "a", "measured": "a"},
        "02.2": {"predicted": "a", "measured": "b"},
        "02.3": {"predicted": "a"},
        "07.1": {"predicted": "a", "measured": "a"},
    }
    for id, value in kept.items():
        store.record("predictions", id, value)
    found = ledger.score_predictions().loc["02"]
    assert found.tolist() == [3, 3, 2, 1, pytest.approx(1 / 2 + 1 / 3)]
    store.record("predictions", "02.1", "damaged")
    assert ledger.score_predictions().loc["02"].tolist()[:4] == [3, 2, 1, 0]


def test_no_predictions(small):
    assert ledger.score_predictions().loc["02"].tolist() == [3, 0, 0, 0, 0]


@given(st.lists(st.integers(2, 4), max_size=4), st.integers(0, 4))
def test_luck_against_counting(options, right):
    answers = [*product(*(range(n) for n in options))]  # 0 is the right one everywhere
    wins = sum(answer.count(0) >= right for answer in answers)
    assert ledger.luck(right, options) == pytest.approx(float(Fraction(wins, len(answers))))


def check_recorded_models(tmp_path):
    folder = tmp_path / "results"
    folder.mkdir(exist_ok=True)
    trained = {
        "recipe": {"start": None},
        "rates_tried": {"3e-5": {"seconds": 70}},
        "runs": [
            {"seconds": 99, "stsb_dev_cosine": 70.0},
            {"seconds": 80, "stsb_dev_cosine": 72.0},
        ],
    }
    later = {"recipe": {"start": "nli"}, "runs": [{"seconds": 10, "sts": 61.0}]}
    files = {
        "raw": {"mean": {"recipe": "not trained", "runs": [{"bundled_test": 60.0}]}},
        "nli": {"all": trained, "second": {"recipe": "", "runs": [{"seconds": 3}]}},
        "table2": {"then": later},
        "strange": {"x": {"runs": []}},
    }
    for name, arms in files.items():
        (folder / f"{name}.json").write_text(json.dumps({"arms": arms}))
    wanted = {"a": ("nli", "all"), "b": ("raw", "mean"), "c": ("table2", "then"),
              "no arm": ("raw", "cls"), "no file": ("flow", "x"),
              "strange": ("strange", "x")}  # fmt: skip
    models = ledger.recorded_models(wanted)
    assert models.index.tolist() == ["a", "b", "c"]
    assert models["seconds"].tolist() == pytest.approx([70, math.nan, 80], nan_ok=True)
    assert models["STS-B dev"].tolist() == pytest.approx([71, math.nan, math.nan], nan_ok=True)
    assert models["bundled test"].tolist() == pytest.approx([math.nan, 60, 61], nan_ok=True)
    assert models["seeds"].tolist() == [2, 1, 1]
    assert ledger.recorded_models({}).empty


def test_recorded_models(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "DATA", tmp_path)
    check_recorded_models(tmp_path)


def test_a_bubble_that_would_cover_another_of_equal_cost_moves_right():
    x, y = pd.Series([4.0, 4.0, 4.0, 9.0]), pd.Series([10.5, 10.0, 50.0, 10.2])
    assert apart(x, y).tolist() == [6.0, 4.0, 4.0, 9.0]


def test_the_frontier_by_hand():
    models = pd.DataFrame({"seconds": [0, 0, 5, 9, 9], "score": [1.0, 2, 1.5, np.nan, 3]})
    assert ledger.frontier(models, "score").tolist() == [False, True, False, False, True]


MUTANTS = {  # a wrong part, and the check that must refuse it
    "every record is believed": (
        {"fault_of": lambda values, lesson: ""},
        lambda small: test_a_record_that_cannot_be_right_is_left_out(small, "means"),
    ),
    "every copy is the reader's": (
        {"own_records": lambda folder, n: ledger.records(ledger.notebooks(folder, n), n)},
        test_what_was_handed_out_is_not_the_readers_run,
    ),
    "no dispute is shown": ({"disputes": lambda *_: []}, test_the_readers_run),
    "nothing is escaped": ({"plain": str}, test_the_page_links_and_escapes),
    "guessing is always half": (
        {"luck": lambda right, options: 0.5},
        lambda small: test_luck_against_counting(),
    ),
    "a start costs nothing": (
        {"seconds": lambda arm: arm["runs"][0].get("seconds", math.nan)},
        check_recorded_models,
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_mutants_are_refused(small, monkeypatch, name):
    parts, check = MUTANTS[name]
    monkeypatch.setattr(results, "DATA", small)
    check(small)
    for path in small.rglob("*.ipynb"):
        path.unlink()
    for part, wrong in parts.items():
        monkeypatch.setattr(ledger, part, wrong)
    with pytest.raises(AssertionError):
        check(small)


# ---- the course itself ------------------------------------------------------------------------

BUILT = [n for n in registry.lessons() if ledger.notebooks(ledger.NOTEBOOKS, n)]


@pytest.mark.parametrize("lesson", BUILT)
def test_every_measured_claim_has_one_sound_verdict_and_no_verdict_is_undeclared(lesson):
    found, lines = ledger.course_records(ledger.NOTEBOOKS, lesson)
    measured = {id for id, claim in registry.claims(lesson).items() if claim.kind == "measured"}
    assert lines == []
    assert {*found} == measured
    assert all(len(kept) == 1 for kept in found.values())


@pytest.mark.parametrize("lesson", registry.lessons())
def test_claims_are_well_formed(lesson):
    for claim in registry.claims(lesson).values():
        assert claim.kind in ("measured", *ledger.WITHOUT_RUN), claim.id
        assert claim.text and not claim.text.endswith("."), claim.id
        figure = ledger.recorded_figure(claim)
        assert math.isnan(figure) or math.isfinite(figure), claim.id


@pytest.mark.parametrize("lesson", registry.lessons())
def test_recorded_figures_may_all_be_missing(lesson, tmp_path, monkeypatch):
    monkeypatch.setattr(results, "DATA", tmp_path)
    for claim in registry.claims(lesson).values():
        assert math.isnan(ledger.recorded_figure(claim)), claim.id
