"""The recorded full-scale results: what the lessons print beside the reader's own numbers."""

import json

import numpy as np
import pandas as pd
from scipy.stats import ttest_ind

from sbert_lessons.data import DATA


def recorded(experiment: str) -> pd.DataFrame:
    """Every run of a recorded experiment: one row a run, with its `arm` and what was measured.

    Scores on STS sets are Spearman x 100; `auc...` and accuracies lie from 0 to 1. The rate of an
    arm, where several were tried, is the one that bundled dev chose. The tools that write the
    files, most of them `tools/record_*.py`, say what the other columns are; data, recipes and
    versions are in the file. LookupError for a name without a record, ValueError for a damaged
    file. Introduced in lesson 03.
    """
    arms = read_arms(experiment)
    return pd.DataFrame([{"arm": name} | run for name in arms for run in arms[name]["runs"]])


def rates_tried(experiment: str) -> pd.DataFrame:
    """The runs by which each arm's rate was chosen: seed 0 at every rate, with all scores.

    LookupError for an experiment that tried no rates. Introduced in lesson 03.
    """
    tried = {name: arm.get("rates_tried", {}) for name, arm in read_arms(experiment).items()}
    rows = [{"arm": name} | run for name, runs in tried.items() for run in runs.values()]
    if not rows:
        raise LookupError(f"'{experiment}' tried no rates: see its runs, `recorded`.")
    return pd.DataFrame(rows)


def read_arms(experiment: str) -> dict[str, dict]:
    """The arms of `data/results/NAME.json`, each with its `runs`.

    Raises LookupError, with the names there are, without such a file; ValueError for a damaged one.
    """
    folder = DATA / "results"
    path = folder / f"{experiment}.json"
    if not path.exists():
        names = ", ".join(sorted(file.stem for file in folder.glob("*.json")))
        raise LookupError(f"Nothing is recorded as '{experiment}': choose from {names}.")
    try:
        arms = json.loads(path.read_text(encoding="utf8"))["arms"]
        whole = all("runs" in arm for arm in arms.values())
    except (ValueError, LookupError, TypeError, AttributeError):
        whole = False
    if not whole:
        raise ValueError(f"{path} is damaged: restore it with `git checkout -- data/results`.")
    return arms


def mean_and_sd(runs: pd.DataFrame, score: str = "stsb_dev_cosine") -> pd.DataFrame:
    """Mean, standard deviation and number of seeds of a score, a row an arm, in recorded order.

    Introduced in lesson 03.
    """
    grouped = runs.groupby("arm", sort=False)[score]
    table = grouped.agg(["mean", "std", "count"])
    return table.rename(columns={"std": "sd", "count": "seeds"})


def gap(runs: pd.DataFrame, better: str, worse: str, score: str = "stsb_dev_cosine") -> pd.Series:
    """How far one arm's mean is above another's, with Welch's 95 % interval over seeds.

    NaN where an arm is not there, and for an interval that would need more seeds. Introduced in
    lesson 03.
    """
    a, b = (runs.loc[runs["arm"] == arm, score] for arm in (better, worse))
    if min(len(a), len(b)) < 2:
        return pd.Series({"gap": a.mean() - b.mean(), "low": np.nan, "high": np.nan})
    interval = ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    return pd.Series({"gap": a.mean() - b.mean(), "low": interval.low, "high": interval.high})


def average(experiment: str, arm: str, score: str = "stsb_dev_cosine") -> float:
    """Mean of a score over the seeds of a recorded arm; NaN while there is no such record.

    For `Claim(recorded=...)`: a difference of two averages is NaN until both are recorded, and the
    ledger then shows nothing. ValueError for a damaged record. Introduced in lesson 14.
    """
    try:
        runs = recorded(experiment)
    except LookupError:
        return float("nan")
    return float(runs[runs["arm"] == arm].get(score, pd.Series(dtype=float)).mean())


def lead(experiment: str, better: str, worse: str, score: str = "stsb_dev_cosine") -> float:
    """How far the average of one recorded arm is above another's: for `Claim(recorded=...)`.

    NaN while one of them is not recorded. Introduced in lesson 14.
    """
    return average(experiment, better, score) - average(experiment, worse, score)


def other_trainings(claim: str) -> list[float]:
    """A verdict's number with each other training of the shipped model on which it rests.

    Empty for a claim whose number is the same with all of them. Written by
    `tools/check_trainings.py`. Introduced in lesson 13.
    """
    runs = recorded("trainings")
    others = runs["arm"].str.endswith(f": {claim}") & (runs["seed"] > 0)
    return runs.loc[others, "number"].tolist()
