"""What every recording tool does: keep each run in a file, and write `data/results/NAME.json`."""

import json
import os
import platform
from collections.abc import Callable, Iterable
from datetime import date
from functools import partial
from importlib.metadata import version
from pathlib import Path

import torch

from sbert_lessons.data import DATA
from sbert_lessons.encoder import read_json
from sbert_lessons.files import write_whole

PACKAGES = ("torch", "transformers", "accelerate", "scipy")


def kept(path: Path, make: Callable[[], dict]) -> dict:
    """What `make` gives; where the file of an earlier call holds it already, only read."""
    if not path.exists():
        text = json.dumps(make(), indent=1, default=float)
        write_whole(path, text.encode())
        print(path, flush=True)
    return json.loads(path.read_text(encoding="utf8"))


def bring_back(name: str, arms: Iterable, place: Callable[..., Path]) -> None:
    """Give every run in `data/results/NAME.json` its file again, as on the machine that made it.

    `place(arm, result)` says where an arm keeps the run that has this result.
    """
    results = read_json(DATA / "results" / f"{name}.json")  # {} if there is none
    for arm in arms:
        held = results.get("arms", {}).get(arm.name, {})
        for result in (*held.get("runs", ()), *held.get("rates_tried", {}).values()):
            stamp = {key: results["provenance"][key] for key in made()}
            kept(place(arm, result), partial(dict, stamp | result))


def preferred(tried: list[dict]) -> dict:
    """The run that does best on bundled dev."""
    return max(tried, key=lambda result: result["bundled_dev"])


def recorded_arm(
    recipe: dict, rates: tuple[float, ...], place: Callable[[float, int], Path]
) -> dict | None:
    """What the files of an arm hold: recipe, rates, all seeds; None while a rate is missing.

    `place(rate, seed)` says where the arm keeps that run; seed 0 was run at every rate.
    """
    files = [place(rate, 0) for rate in rates]
    if not all(file.exists() for file in files):
        return None
    tried = [read_json(file) for file in files]
    best = preferred(tried)
    others = (place(best["rate"], seed) for seed in range(1, 100))
    return {
        "recipe": recipe,
        "rates_tried": {f"{result['rate']:g}": result for result in tried},
        "runs": [best, *(read_json(file) for file in others if file.exists())],
    }


def made() -> dict[str, str]:
    """On what, how precisely and when: of a file, and of a run that others may join later."""
    return {
        "machine": f"{platform.machine()}, {torch.get_num_threads()} thread(s)",
        "precision": os.environ.get("ACCELERATE_MIXED_PRECISION", "no"),
        "date": date.today().isoformat(),
    }


def provenance(*packages: str) -> dict:
    """From what data, with what, on what and when; further packages by name."""
    return {
        "data": "SNLI, MultiNLI and Wikipedia-crowd NLI as in data/mini-sbert/README.md; "
        "STS-B, STS12-16 (no SMT), SICK, SNLI dev (first 3,000) in their original splits",
        "versions": {name: version(name) for name in (*PACKAGES, *packages)},
    } | made()


def write_results(name: str, arms: dict[str, dict | None], about: dict, **further: dict) -> None:
    """One experiment: how it was made, and its arms; one that is None has no results yet."""
    found = {arm: held for arm, held in arms.items() if held is not None}
    results = {"experiment": name, "provenance": about, **further, "arms": found}
    text = f"{json.dumps(results, indent=1)}\n"
    write_whole(DATA / "results" / f"{name}.json", text.encode())
