"""Lesson 14: exercises, predictions and claims."""

from itertools import combinations

import pandas as pd

from ..ledger import STATES, read_ledger, rejudge
from .judging import compare
from .model import Claim, Prediction, exercise


@exercise("14.1", "Four verdicts by hand", kind="hand", minutes=4, level=1, hints=(
    "Compare the number with +margin and with -margin. Both ends count.",
    "A reason softens what is supported. It changes nothing about the other verdicts.",
))  # fmt: skip
def by_hand(answer):
    right = ["supported", "undecided", "softened", "refuted"]
    said = [str(word).strip().lower() for word in answer]
    if said == right:
        return None
    if len(said) != 4 or not {*said} <= {*right}:
        return "Give four words, each one of: supported, softened, refuted, undecided."
    why = (
        "First: a number that equals the margin counts as supported.",
        "Second: -0.9 has not reached -1, so nothing is decided.",
        "Third: it would be supported, and there is a reason that limits it.",
        "Fourth: a reason softens only what is supported; -1.2 is at or below -1.",
    )
    return next(text for text, a, b in zip(why, said, right, strict=True) if a != b)


def join(claims, records, mistakes=()):
    """The join of exercise 14.2, with some of the mistakes that its judge knows."""
    found = dict(records)
    said = {}
    for id, kind in claims:
        if kind != "measured" and "by the records" not in mistakes:
            said[id] = f"by {kind}"
        elif id in found or "drops" not in mistakes:
            said[id] = found.get(id, "undecided" if "fills" in mistakes else "not run")
    strangers = {id: state for id, state in records if id not in dict(claims)}
    return said | (strangers if "strangers" in mistakes else {})


FAULTS = {
    "strangers": "a record whose claim nobody declared must not get in",
    "drops": "a claim without a record must stay, as 'not run'",
    "fills": "a claim without a record is 'not run', not 'undecided': nobody has measured it",
    "by the records": "a claim by definition or by literature needs no record: 'by ' + its kind",
}


@exercise("14.2", "The join", kind="code", minutes=7, level=1, hints=(
    "Go through the claims, not through the records: each claim gives exactly one entry.",
    "`found = dict(records)` makes the records a dictionary; `found.get(id, 'not run')`.",
    "Look at the kind first: `f'by {kind}'` if it is not 'measured'.",
))  # fmt: skip
def my_join(answer):
    claims = [("1.A", "measured"), ("1.B", "definition"), ("1.C", "measured"),
              ("1.D", "literature"), ("1.E", "measured")]  # fmt: skip
    records = [("1.E", "refuted"), ("9.Z", "supported"), ("1.A", "softened")]
    said = answer(claims, records)
    if not isinstance(said, dict):
        return "Give back a dictionary: claim -> verdict."
    if said == join(claims, records):
        return None if [*said] == [*join(claims, records)] else "Keep the order of the claims."
    some = [faults for n in range(1, 4) for faults in combinations(FAULTS, n)]
    for faults in some:
        if said == join(claims, records, faults):
            return f"{'; and '.join(FAULTS[fault] for fault in faults)}.".capitalize()
    return f"For these records you found {said}; wanted is {join(claims, records)}."


BUGS = {
    "twice": "a claim with two equal records counts twice",
    "open": "an undecided claim counts as one that held",
    "not run": "a claim that was not run counts below the line",
    "left out": "an undecided claim is left out, though it has a verdict and counts below the line",
}


def share_held(records, bugs=()):
    """Share of the claims with a verdict that held, with some of the bugs of exercise 14.4."""
    table = records if "twice" in bugs else records.drop_duplicates()
    if "not run" not in bugs:
        table = table[table["verdict"] != "not run"]
    if "left out" in bugs:
        table = table[table["verdict"] != "undecided"]
    good = ["supported", "softened"] + ["undecided"] * ("open" in bugs)
    return float(table["verdict"].isin(good).mean())


@exercise("14.4", "A ledger that flatters", kind="bug", minutes=7, level=2, hints=(
    "Work out the right share of `small` by hand: which claims have a verdict, which of them held?",
    "There are three bugs. `drop_duplicates` mends one.",
    "`isin(['supported', 'softened'])` says what held; drop the rows that were not run.",
))  # fmt: skip
def flattering(answer):
    rows = [("a", "supported"), ("a", "supported"), ("b", "refuted"), ("c", "undecided"),
            ("d", "softened"), ("e", "not run"), ("f", "refuted"), ("g", "undecided"),
            ("d", "softened"), ("h", "refuted"), ("i", "not run"), ("j", "supported"),
            ("k", "supported"), ("l", "undecided")]  # fmt: skip
    records = pd.DataFrame(rows, columns=["claim", "verdict"])
    some = [bugs for n in range(1, 4) for bugs in combinations(BUGS, n)]
    some = [bugs for bugs in some if not {"open", "left out"} <= {*bugs}]
    mistakes = {
        f"Still wrong: {'; and '.join(BUGS[bug] for bug in bugs)}.": share_held(records, bugs)
        for bugs in some
    }
    good = records.drop_duplicates().query("verdict != 'not run'")["verdict"]
    mistakes["Softened claims held too, in part."] = (good == "supported").mean()
    mistakes["That is a number of claims: divide by how many have a verdict."] = 4
    return compare(answer(records), share_held(records), mistakes=mistakes,
                   otherwise="Claims that held, divided by claims with a verdict.")  # fmt: skip


def changed(factor: float) -> set[str]:
    """The claims whose verdict is another when every margin is multiplied by `factor`."""
    claims = read_ledger().claims
    now = rejudge(claims, factor)
    return {*now.index[now != claims.loc[now.index, "verdict"]]}


@exercise("14.3", "Other margins", kind="experiment", minutes=6, level=2, hints=(
    "`rejudge(claims, 2)` gives the verdicts with doubled margins, a row a claim.",
    "Call that `now`: compare it with `claims.loc[now.index, 'verdict']`, row by row.",
    "`now.index[now != before]` are the names of the claims that changed.",
))  # fmt: skip
def other_margins(answer):
    if isinstance(answer, (int, float)):
        return "Give the names of the claims, not how many they are."
    said, right = {str(id) for id in answer}, changed(2)
    if said == right:
        return None
    if said and said <= {*STATES, "True", "False"}:
        return "Those are not names of claims: the names stand in the index of your table."
    if said == changed(0.5):
        return "Those change when the margins are halved: the factor is 2."
    if right < said:
        return f"Too many: {min(said - right)}, for one, keeps its verdict."
    if said < right:
        return f"Some are missing: {min(right - said)}, for one, changes."
    return "Compare, claim by claim, the verdict now with the verdict at twice the margin."


PREDICTIONS = (
    Prediction(
        "14.1",
        "Of all claims with a verdict, supported in full are",
        ("less than a third", "a third to a half", "more than half"),
    ),
    Prediction(
        "14.2",
        "A true gain, tested by twelve labs on 100 pairs each: most labs find it",
        ("supported", "undecided", "refuted"),
    ),
    Prediction(
        "14.3",
        "Two equal recipes, the best of ten seeds for one: a gap of half a point is found in",
        ("less than a tenth", "about a quarter", "about half or more"),
    ),
    Prediction(
        "14.4",
        "Claims with a published number behind them hold",
        ("more often", "about as often", "less often"),
    ),
)
CLAIMS = (
    Claim(
        "14.A",
        "Most claims of papers and notes hold on a laptop, in full or in part",
        "lesson 14",
    ),
    Claim(
        "14.B",
        "What a laptop leaves undecided, a full-scale run decides",
        "lesson 14",
    ),
    Claim(
        "14.C",
        "Where both have an answer, the laptop and the full-scale run point the same way",
        "lesson 14",
    ),
    Claim(
        "14.D",
        "Claims with a published number behind them hold more often than the others",
        "lesson 14",
    ),
    Claim(
        "14.E",
        "Over the trained models on its page, more seconds go with a better STS score",
        "lesson 14",
    ),
    Claim(
        "14.F",
        "A verdict follows from its number and its margin alone",
        "lesson 14, section One record",
        kind="definition",
    ),
)
