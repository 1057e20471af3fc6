"""Do the verdicts of a lesson hold with other trainings of a shipped model?

python tools/check_trainings.py mini_sbert runs/sbert 00 01 02

Runs each committed lesson with the shipped model (seed 0), and with every folder RUNS/SEED/model in
its place; `other_trainings` is empty meanwhile. Each run is one file in RUNS/verdicts. Prints every
verdict whose number changes with the model, and writes them to data/results/trainings.json.
"""

import argparse
from functools import partial
from importlib import import_module
from pathlib import Path

import nbformat
from build_notebooks import NOTEBOOKS
from check_margins import executed, verdicts
from recording import kept, provenance, write_results

from sbert_lessons.data import DATA
from sbert_lessons.encoder import read_json

WHERE = {"mini_sbert": "encoder", "mini_roformer_sim": "unilm", "mini_infersent": "bilstm"}
REPLACE = """from pathlib import Path
from sbert_lessons import {module}, results
{module}.{model} = lambda: Path({folder!r})
results.other_trainings = lambda claim: []"""


def with_model(lesson: str, model: str, folder: Path) -> dict[str, dict]:
    """The verdicts of the committed lesson, by claim, with this folder in the model's place."""
    notebook = nbformat.read(next(NOTEBOOKS.glob(f"{lesson}_*.ipynb")), as_version=4)
    code = REPLACE.format(module=WHERE[model], model=model, folder=str(folder.resolve()))
    notebook.cells.insert(0, nbformat.v4.new_code_cell(code))
    return verdicts(executed(notebook))


def trainings(model: str, runs: Path) -> dict[int, Path]:
    """The folder of each model, by seed; that of seed 0 is shipped."""
    shipped = getattr(import_module(f"sbert_lessons.{WHERE[model]}"), model)()
    return {0: shipped} | {int(path.parent.name): path for path in sorted(runs.glob("*/model"))}


def compared(lesson: str, model: str, runs: Path) -> dict[str, dict]:
    """The claims whose number changes with the model: an arm each, with a run a seed."""
    found = {
        seed: kept(
            runs / "verdicts" / f"{lesson} {seed}.json", partial(with_model, lesson, model, folder)
        )
        for seed, folder in trainings(model, runs).items()
    }
    arms = {claim: rows(claim, found) for claim in found[0]}
    return {
        f"{model}: {claim}": {"recipe": f"lesson {lesson}, run with each {model}", "runs": runs}
        for claim, runs in arms.items()
        if len({run["number"] for run in runs}) > 1
    }


def rows(claim: str, found: dict[int, dict]) -> list[dict]:
    """What is kept of each seed's verdict on a claim; nothing of a run that did not reach it."""
    return [
        {"seed": seed} | {key: by_claim[claim][key] for key in ("number", "margin", "verdict")}
        for seed, by_claim in found.items()
        if claim in by_claim
    ]


def say(arm: str, runs: list[dict]) -> None:
    """One line: does the verdict hold, and what are the numbers?"""
    states = dict.fromkeys(run["verdict"] for run in runs)
    numbers = ", ".join(f"{run['number']:g}" for run in runs)
    margin = f"margin {runs[0]['margin']:g}"
    print(arm, "holds" if len(states) == 1 else "DIFFERS", *states, numbers, margin, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", choices=WHERE)
    parser.add_argument("runs", type=Path)
    parser.add_argument("lessons", nargs="+", metavar="NN")
    args = parser.parse_args()
    arms = read_json(DATA / "results" / "trainings.json").get("arms", {})
    for lesson in args.lessons:
        start = f"{args.model}: {lesson}."
        arms = {name: arm for name, arm in arms.items() if not name.startswith(start)}
        changed = compared(lesson, args.model, args.runs)
        for name, arm in changed.items():
            say(name, arm["runs"])
        arms |= changed
        write_results("trainings", dict(sorted(arms.items())), provenance())


if __name__ == "__main__":
    main()
