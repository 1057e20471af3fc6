"""Do the verdicts of a lesson hold on seeds that did not choose its margins?

python tools/check_margins.py 03 04 05 06 07

Runs each committed lesson with as many seeds, those after its own: `SEEDS = range(10, 20)` for
`range(10)`. Prints every verdict beside the committed one. Exits with 1 if one differs, or without
such a line.
"""

import argparse
import os
import re
import sys

import nbformat
from build_notebooks import ENVIRONMENT, NOTEBOOKS
from nbclient import NotebookClient
from nbformat import NotebookNode

SEEDS = re.compile(r"^SEEDS = range\((\d+)\)$", re.M)


def verdicts(notebook: NotebookNode) -> dict[str, dict]:
    """What each `verdict(...)` kept in the metadata of its output, by claim."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    kept = [output.get("metadata", {}).get("sbert_lessons", {}) for output in outputs]
    return {values["claim"]: values for values in kept if "verdict" in values}


def as_many_later(seeds: re.Match) -> str:
    """The line of fresh seeds for the lesson's own."""
    size = int(seeds[1])
    return f"SEEDS = range({size}, {2 * size})"


def with_fresh_seeds(notebook: NotebookNode) -> NotebookNode:
    """The same lesson on as many other seeds, after a run."""
    changed = 0
    for cell in notebook.cells:
        cell.source, count = SEEDS.subn(as_many_later, cell.source)
        changed += count
    if changed != 1:
        raise SystemExit(f"Need one line like `SEEDS = range(10)` in the lesson, found {changed}.")
    return executed(notebook)


def executed(notebook: NotebookNode) -> NotebookNode:
    """The notebook after a run; an assertion about the committed numbers may fail in it."""
    folder = {"metadata": {"path": str(NOTEBOOKS)}}
    client = NotebookClient(notebook, timeout=600, allow_errors=True, resources=folder)
    return client.execute(env={**os.environ, **ENVIRONMENT})


def compare(number: str) -> bool:
    """Print a line a claim; True if every verdict is the committed one."""
    path = next(NOTEBOOKS.glob(f"{number}_*.ipynb"))
    committed = nbformat.read(path, as_version=4)
    before = verdicts(committed)
    after = verdicts(with_fresh_seeds(committed))
    for claim, old in before.items():
        new = after.get(claim, {"verdict": "not reached", "number": float("nan")})
        mark = "holds" if new["verdict"] == old["verdict"] else "DIFFERS"
        print(
            f"{claim} {mark}: {old['verdict']} {old['number']:g} -> {new['verdict']} "
            f"{new['number']:g} (margin {old['margin']:g})",
            flush=True,
        )
    return all(after.get(c, {}).get("verdict") == old["verdict"] for c, old in before.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="+", metavar="NN")
    held = [compare(number) for number in parser.parse_args().lessons]
    sys.exit(0 if all(held) else 1)


if __name__ == "__main__":
    main()
