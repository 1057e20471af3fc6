"""The claims ledger: what the lessons claim, what was measured, and what you predicted.

Nothing in it is typed: claims are declared by the lessons, verdicts stand in the outputs of their
notebooks, the recorded figures are computed from `data/results`.
"""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sbert_lessons.exercises import registry, store, verdict
from sbert_lessons.exercises.model import Claim, PlainText
from sbert_lessons.files import ROOT
from sbert_lessons.results import read_arms

NOTEBOOKS = ROOT / "notebooks"
OWN_LESSON = "14"  # it reads the others; its own claims are about them
STATES = ("supported", "softened", "refuted", "undecided")
HELD = ("supported", "softened")
NOT_RUN = "not run"
WITHOUT_RUN = {"definition": "by definition", "literature": "by literature"}
Record = dict[str, Any]  # claim, verdict, number, margin, reason


@dataclass(frozen=True)
class Ledger:
    """One row a claim, and one line for each thing that is missing, damaged or in dispute."""

    claims: pd.DataFrame
    lines: tuple[str, ...]


def read_ledger(course: Path = NOTEBOOKS, own: Path | None = None) -> Ledger:
    """Join every declared claim with its verdict in the course's notebooks and in the reader's.

    `course`: the folder of the executed lessons; `own`: the folder where the reader works, by
    default the one of the progress file, and none while `SBERT_LESSONS_PROGRESS=off`. There only
    verdicts that the reader's own run has made count. The verdict is the course's, and the
    reader's where the course has none. Never raises for a missing or damaged notebook: its
    claims stand as "not run", and `lines` says why. Introduced in lesson 14.
    """
    own = own or (store.location().parent if store.location() else None)
    rows, lines = [], []
    for number in (n for n in registry.lessons() if n != OWN_LESSON):
        found, said = course_records(course, number)
        mine, also = own_records(own, number) if own else ({}, [])
        lines += said + also
        link = next((f"{path.name}#Verdicts" for path in notebooks(course, number)), "")
        for claim in sorted(registry.claims(number).values(), key=lambda claim: claim.id):
            both = found.get(claim.id, []), mine.get(claim.id, [])
            rows.append(row(claim, *both) | {"lesson": number, "link": link})
            lines += disputes(claim, *both)
    return Ledger(pd.DataFrame(rows).set_index("claim"), tuple(lines))


def notebooks(folder: Path, lesson: str) -> list[Path]:
    """The notebooks of one lesson in a folder: none, one, or several copies."""
    return sorted(folder.glob(f"{lesson}_*.ipynb"))


def course_records(folder: Path, lesson: str) -> tuple[dict[str, list[Record]], list[str]]:
    """The records of the committed notebook by claim, and what is to be said about it."""
    paths = notebooks(folder, lesson)
    if not paths:
        return {}, [f"Lesson {lesson}: no notebook in {folder.name}; its claims are not run."]
    found, lines = records(paths, lesson)
    measured = [claim.id for claim in registry.claims(lesson).values() if claim.kind == "measured"]
    missing = [id for id in measured if id not in found]
    if missing and not lines:
        names = " and ".join(path.name for path in paths)
        lines = [f"{names}: no verdict on {', '.join(missing)}; run it to its end, and save it."]
    return found, lines


def own_records(folder: Path, lesson: str) -> tuple[dict[str, list[Record]], list[str]]:
    """The records in the reader's copies that the reader has made; those handed out are not."""
    found, lines = records(notebooks(folder, lesson), lesson)
    mine = {id: [record for record in kept if record.get("own")] for id, kept in found.items()}
    return {id: kept for id, kept in mine.items() if kept}, lines


def records(paths: Iterable[Path], lesson: str) -> tuple[dict[str, list[Record]], list[str]]:
    """All sound records of some notebooks by claim; equal ones once; a line for each fault."""
    found, lines = defaultdict(list), []
    for path in paths:
        try:
            raw = read_verdicts(path)
        except ValueError as error:
            lines.append(str(error))
            continue
        for values in raw:
            fault = fault_of(values, lesson)
            if fault:
                lines.append(f"{path.name}: {fault} This record is left out.")
            elif values not in found[values["claim"]]:
                found[values["claim"]].append(values)
    return dict(found), lines


def read_verdicts(path: Path) -> list[Record]:
    """What `verdict` left in the metadata of a notebook's outputs, in order.

    Raises ValueError, in one sentence, for a file that is not a notebook.
    Introduced in lesson 14.
    """
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        outputs = [output for cell in cells for output in cell.get("outputs", ())]
        kept = [output.get("metadata", {}).get("sbert_lessons") for output in outputs]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise ValueError(
            f"{path.parent.name}/{path.name} cannot be read as a notebook: its claims are not "
            "run. Put a fresh copy in its place."
        ) from None
    return [values for values in kept if values is not None]


def fault_of(values: Any, lesson: str) -> str:
    """What is wrong with a record: its shape, its claim, or a verdict that does not follow."""
    try:
        id, state, reason = values["claim"], values["verdict"], values["reason"]
        number, margin = float(values["number"]), float(values["margin"])
    except (LookupError, TypeError, ValueError):
        return "a verdict record is damaged."
    claim = registry.claims(lesson).get(id)
    if claim is None or claim.kind != "measured":
        return f"lesson {lesson} declares no measured claim {id!r}."
    if not (math.isfinite(number) and math.isfinite(margin) and margin > 0):
        return f"{id} has the number {number:g} and the margin {margin:g}."
    follows = verdict(id, number, margin, softened=reason).state
    if state != follows:
        return f"{id} says {state!r}, but {number:g} with margin {margin:g} means {follows!r}."
    return ""


def row(claim: Claim, course: list[Record], mine: list[Record]) -> dict[str, Any]:
    """One claim with all its figures; several records of one claim stand side by side."""
    decisive = course or mine
    first = decisive[0] if decisive else {}
    states = " / ".join(dict.fromkeys(record["verdict"] for record in decisive))
    number, margin = first.get("number", np.nan), first.get("margin", np.nan)
    return {
        "claim": claim.id,
        "text": claim.text,
        "source": claim.source,
        "kind": claim.kind,
        "verdict": WITHOUT_RUN.get(claim.kind, states or NOT_RUN),
        "reason": first.get("reason", ""),
        "paper": claim.paper,
        "recorded": recorded_figure(claim),
        "number": number,
        "margin": margin,
        "to margin": min(abs(number - margin), abs(number + margin)),
        "course": figures(course),
        "reader": figures(mine),
    }


def recorded_figure(claim: Claim) -> float:
    """The verdict's number from the recorded runs; NaN where nothing of the kind is recorded."""
    try:
        value = claim.recorded() if claim.recorded else None
    except LookupError:
        value = None
    return np.nan if value is None else float(value)


def figures(found: list[Record]) -> str:
    """`+1.5`, or `+1.5 / -0.2` where copies of a notebook disagree."""
    return " / ".join(f"{record['number']:+g}" if record["number"] else "0" for record in found)


def disputes(claim: Claim, course: list[Record], mine: list[Record]) -> list[str]:
    """A line if the course, or the reader, holds two records, or both hold other verdicts."""
    lines = [
        f"{claim.id}: {whose} hold {len(found)} different records ({figures(found)})."
        for whose, found in (("the course's notebooks", course), ("your notebooks", mine))
        if len(found) > 1
    ]
    states = [", ".join({record["verdict"]: 0 for record in found}) for found in (course, mine)]
    if all(states) and states[0] != states[1]:
        here, there = figures(course), figures(mine)
        lines.append(f"{claim.id}: {states[0]} in the course ({here}), {states[1]} in your run "
                     f"({there}).")  # fmt: skip
    return lines


def counts(claims: pd.DataFrame) -> pd.DataFrame:
    """How many claims came out how, a row a lesson. Introduced in lesson 14."""
    table = pd.crosstab(claims["lesson"], claims["verdict"])
    order = [*STATES, *WITHOUT_RUN.values()]
    others = [state for state in table.columns if state not in order]
    return table.reindex(columns=[*order, *others], fill_value=0)


def held(claims: pd.DataFrame) -> pd.Series:
    """Of the claims with a verdict: is it supported, at least in part?"""
    return claims.loc[claims["verdict"].isin(STATES), "verdict"].isin(HELD)


def rejudge(claims: pd.DataFrame, factor: float) -> pd.Series:
    """The verdicts as they would be with every margin multiplied by `factor`.

    Introduced in lesson 14.
    """
    judged = claims[claims["verdict"].isin(STATES)]
    return pd.Series(
        [
            verdict(row.Index, row.number, factor * row.margin, softened=row.reason).state
            for row in judged.itertuples()
        ],
        judged.index,
        dtype=object,
    )


# ---- the page ---------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class Page(PlainText):
    """Text that a notebook shows as Markdown, with working links, and a terminal as it is."""

    text: str

    def __str__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return self.text


def page(claims: pd.DataFrame, titles: Mapping[str, tuple[str, str]] | None = None) -> Page:
    """The ledger as one Markdown table a lesson, each claim linked to the lesson's verdicts.

    `titles`: title and question that stand above a lesson's table. Introduced in lesson 14.
    """
    parts = []
    for lesson, group in claims.groupby("lesson"):
        title, question = (titles or {}).get(lesson, (f"Lesson {lesson}", ""))
        lines = ["| | claim | verdict | the paper | recorded | course | margin | yours |",
                 "|---|---|---|---|--:|--:|--:|--:|"]  # fmt: skip
        lines += [f"| {' | '.join(cells(claim))} |" for claim in group.reset_index().itertuples()]
        parts.append(f"**{plain(title)}** {plain(question)}".strip() + "\n\n" + "\n".join(lines))
    return Page("\n\n".join(parts))


def cells(claim: Any) -> list[str]:
    """What the page shows of one claim."""
    state = f"**{claim.verdict}**" + (f" ({plain(claim.reason)})" if claim.reason else "")
    margin = f"{claim.margin:g}" if claim.course else ""
    recorded = "" if math.isnan(claim.recorded) else signed(claim.recorded)
    name = f"[{claim.claim}]({claim.link})" if claim.link else claim.claim
    shown = [plain(claim.text), state, plain(claim.paper), recorded, claim.course, margin]
    return [name, *(text or "-" for text in (*shown, claim.reader))]


def line(claims: pd.DataFrame, id: str) -> str:
    """One claim as Markdown: `05.B **refuted** (-10; recorded -10.3): its text`."""
    if id not in claims.index:
        return f"{id} is not there yet"
    claim = claims.loc[id]
    recorded = "" if math.isnan(claim["recorded"]) else f"recorded {signed(claim['recorded'])}"
    numbers = "; ".join(filter(None, [claim["course"], recorded]))
    in_brackets = f" ({numbers})" if numbers else ""
    return f"{id} **{claim['verdict']}**{in_brackets}: {plain(claim['text'])}"


def signed(number: float) -> str:
    """`+11.3`, `-0.11`: one decimal, or two digits of what is smaller than 1."""
    return f"{number:+.1f}" if abs(number) >= 1 else f"{number:+.2g}"


def plain(text: str) -> str:
    """The text with the signs escaped that mean something in a Markdown table."""
    return "".join(f"\\{sign}" if sign in "|*_$<`" else sign for sign in text)


def titles(course: Path = NOTEBOOKS) -> dict[str, tuple[str, str]]:
    """`{"05": ("05 The mismatch: does it work?", "Trained as ...?")}`, from each first cell."""
    found = {}
    for number in registry.lessons():
        for path in notebooks(course, number)[:1]:
            try:
                first = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
            except (OSError, ValueError, LookupError, TypeError):
                continue
            title, _, rest = first.removeprefix("# ").partition("\n")
            question = rest.partition("**Question.**")[2].partition("\n")[0]
            found[number] = title.strip(), question.strip()
    return found


# ---- predictions ------------------------------------------------------------------------------


def score_predictions() -> pd.DataFrame:
    """The reader's predictions, a row a lesson: asked, answered, measured, right, by guessing.

    Only a prediction that was made before its experiment ran is kept (see `predict`). "right" and
    "guessing" count the measured ones; "guessing" is the sum of 1 / number of options.
    Introduced in lesson 14.
    """
    kept, rows = store.read()["predictions"], {}
    for number in registry.lessons():
        asked = registry.predictions(number)
        answered = {id: kept[id] for id in asked if isinstance(kept.get(id), Mapping)}
        scored = {id: x for id, x in answered.items() if {"predicted", "measured"} <= {*x}}
        rows[number] = {
            "asked": len(asked),
            "answered": len(answered),
            "measured": len(scored),
            "right": sum(x["predicted"] == x["measured"] for x in scored.values()),
            "guessing": sum(1 / len(asked[id].options) for id in scored),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("lesson")


def luck(right: int, options: Iterable[int]) -> float:
    """The chance to get `right` or more by guessing, where question i has `options[i]` answers.

    The distribution of a sum of coins with chances 1 / options[i]: one convolution a question.
    Introduced in lesson 14.
    """
    chances = np.array([1.0])
    for n in options:
        chances = np.convolve(chances, [1 - 1 / n, 1 / n])
    return float(chances[right:].sum())


# ---- models -----------------------------------------------------------------------------------

SCORES = {"bundled_test": "bundled test", "stsb_dev_cosine": "STS-B dev"}
OTHER_NAMES = {"sts": "bundled_test", "stsb_dev": "stsb_dev_cosine"}


def recorded_models(wanted: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
    """Seeds, seconds of training and STS scores of recorded models, a row a name in `wanted`.

    `wanted`: a name for each (experiment, arm); what is not recorded is left out. Scores are means
    over seeds. Seconds are those of the fastest run, for the machine had other work too, plus those
    of the model it started from; NaN if not recorded. Introduced in lesson 14.
    """
    rows = {}
    for name, (experiment, arm) in wanted.items():
        try:
            rows[name] = arm_row(read_arms(experiment)[arm])
        except LookupError:
            continue
    columns = ["seeds", "seconds", *SCORES.values()]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def arm_row(arm: Mapping[str, Any]) -> dict[str, float]:
    """One arm: its cost, and the mean of each score over its seeds."""
    runs = pd.DataFrame(arm["runs"]).rename(columns=OTHER_NAMES)
    empty = pd.Series(dtype=float)
    scores = {title: float(runs.get(key, empty).mean()) for key, title in SCORES.items()}
    return {"seeds": len(runs), "seconds": seconds(arm)} | scores


def seconds(arm: Mapping[str, Any]) -> float:
    """Of the fastest run at any rate, and of the model from which the arm started."""
    runs = pd.DataFrame([*arm["runs"], *arm.get("rates_tried", {}).values()])
    start = arm["recipe"].get("start") if isinstance(arm["recipe"], Mapping) else None
    before = seconds(next(iter(read_arms(start).values()))) if start else 0
    return float(runs.get("seconds", pd.Series(dtype=float)).min()) + before


def frontier(models: pd.DataFrame, score: str) -> pd.Series:
    """Is a model's score above that of every other that costs as little or less?

    Introduced in lesson 14.
    """
    best = [models.loc[models["seconds"] <= s, score].max() for s in models["seconds"]]
    return models[score] == best


def tally(states: Iterable[str]) -> str:
    """`14 supported, 8 softened, ...`: each state that occurs, with its number."""
    number = Counter(states)
    order = [*STATES, *(state for state in number if state not in STATES)]
    return ", ".join(f"{number[state]} {state}" for state in order if state in number)
