"""Recorded results: read as they were written, and compared by known formulas."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest

from sbert_lessons import ledger, results
from sbert_lessons.exercises.model import Claim

RUNS = {"mean": [70.0, 71.0, 72.0], "cls": [60.0, 64.0]}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    arms = {
        name: {
            "runs": [{"seed": i, "stsb_dev_cosine": x} for i, x in enumerate(scores)],
            "rates_tried": {"3e-05": {"seed": 0, "rate": 3e-5}, "0.0001": {"seed": 0}},
        }
        for name, scores in RUNS.items()
    }
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "table6.json").write_text(json.dumps({"arms": arms}))
    monkeypatch.setattr(results, "DATA", tmp_path)


def test_a_row_a_run(folder):
    runs = results.recorded("table6")
    assert runs["arm"].tolist() == ["mean"] * 3 + ["cls"] * 2
    assert runs["stsb_dev_cosine"].tolist() == [70, 71, 72, 60, 64]
    assert results.rates_tried("table6")["arm"].tolist() == ["mean"] * 2 + ["cls"] * 2


def test_mean_and_sd_by_hand(folder):
    table = results.mean_and_sd(results.recorded("table6"))
    assert table.index.tolist() == ["mean", "cls"]
    np.testing.assert_allclose(table.to_numpy(), [[71, 1, 3], [62, 8**0.5, 2]])


def test_gap_is_welchs_interval():
    """Two equal groups of five: the pooled t interval with 8 degrees of freedom, t = 2.306."""
    scores = [1.0, 2, 3, 4, 5]
    runs = pd.DataFrame(
        {"arm": ["a"] * 5 + ["b"] * 5, "stsb_dev_cosine": [*scores, *(x - 4 for x in scores)]}
    )
    found = results.gap(runs, "a", "b")
    half = 2.306 * (2.5 / 5 + 2.5 / 5) ** 0.5
    np.testing.assert_allclose(found, [4, 4 - half, 4 + half], atol=1e-3)


@pytest.mark.parametrize("worse, gap", [("cls", 6.0), ("max", np.nan)])
def test_gap_without_enough_seeds_has_no_interval_and_warns_of_nothing(worse, gap):
    runs = pd.DataFrame({"arm": ["mean", "mean", "cls"], "stsb_dev_cosine": [70.0, 72, 65]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = results.gap(runs, "mean", worse)
    np.testing.assert_equal(found.tolist(), [gap, np.nan, np.nan])


def test_an_experiment_that_was_not_recorded_is_named(folder):
    with pytest.raises(LookupError, match="Nothing is recorded as 'table9': choose from table6"):
        results.recorded("table9")


def test_an_experiment_without_rates_is_one_sentence(folder):
    arms = {"live": {"runs": [{"seed": 0}]}, "other": {"runs": [], "rates_tried": {}}}
    (results.DATA / "results" / "live.json").write_text(json.dumps({"arms": arms}))
    with pytest.raises(LookupError, match="'live' tried no rates: see its runs, `recorded`"):
        results.rates_tried("live")


DAMAGED = ["", '{"arms": {"mean"', "{}", "[]", '{"arms": []}', '{"arms": {"mean": {}}}', "\xff"]


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_record_is_not_one_that_is_missing(folder, text):
    path = results.DATA / "results" / "table6.json"
    path.write_text(text, encoding="latin1")
    lost = Claim("02.A", "", "", recorded=lambda: results.average("table6", "mean"))
    readers = (
        lambda: results.recorded("table6"),
        lambda: results.rates_tried("table6"),
        lambda: results.average("table6", "mean"),
        lambda: ledger.recorded_figure(lost),
        lambda: ledger.recorded_models({"a": ("table6", "mean")}),
    )
    for read in readers:
        with pytest.raises(ValueError, match="table6.json is damaged: restore it with `git ch"):
            read()


@pytest.mark.parametrize("worse, points", [("cls", 9.0), ("max", np.nan)])
def test_lead_is_the_difference_of_averages_or_nan(folder, worse, points):
    np.testing.assert_equal(results.lead("table6", "mean", worse), points)
    np.testing.assert_equal(results.lead("features", "mean", worse), np.nan)


def test_other_trainings_of_a_claim_are_those_of_later_seeds(folder):
    def arm(*numbers: float) -> dict:
        return {"runs": [{"seed": i, "number": x} for i, x in enumerate(numbers)]}

    arms = {"mini_sbert: 01.E": arm(-2, -3, -4), "mini_sbert: 11.E": arm(5, 6)}
    (results.DATA / "results" / "trainings.json").write_text(json.dumps({"arms": arms}))
    assert results.other_trainings("01.E") == [-3, -4]
    assert results.other_trainings("01.F") == []
