"""Builds the notebooks from their sources, `notebooks/source/NN_name.py`.

    python tools/build_notebooks.py 02               write the student notebook, without outputs
    python tools/build_notebooks.py 02 --execute     and run it, keeping the outputs
    python tools/build_notebooks.py --check          compare the committed ones with a fresh build
    python tools/build_notebooks.py --solved DIR     write the solved notebooks to DIR

How a source is written stands in `notebooks/source/README.md`.
"""

import argparse
import ast
import hashlib
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from sbert_lessons.exercises import registry
from sbert_lessons.exercises.model import Exercise
from sbert_lessons.files import write_whole

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
KEPT = ("tags", "reason")  # of a cell's metadata; jupytext adds notes on blank lines
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "TQDM_DISABLE": "1",
    "SBERT_LESSONS_PROGRESS": "off",
}
CELL_SECONDS = 300

BEGIN, END = "# BEGIN SOLUTION", "# END SOLUTION"
HEADING = re.compile(r"^### Exercise (\d\d\.\d+)$", re.MULTILINE)
CHECK = re.compile(r'check\("(\d\d\.\d+)", .+\)')
WIDGET = "application/vnd.jupyter.widget-view+json"


class SourceError(ValueError):
    """The source of a lesson breaks a rule of notebooks/source/README.md."""


def build(source: Path, solved: bool = False) -> NotebookNode:
    """The notebook of a lesson without outputs, for students or solved."""
    notebook = jupytext.read(source, fmt="py:percent")
    for cell, id in zip(notebook.cells, cell_ids(source.name[:2], notebook.cells), strict=True):
        cell.id = id
    try:
        notebook.cells = list(lesson_cells(notebook.cells, solved))
    except SourceError as error:
        raise SourceError(f"{source.name}: {error}") from None
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat_minor = 5
    return notebook


def lesson_cells(cells: list[NotebookNode], solved: bool) -> Iterator[NotebookNode]:
    """The cells with exercises opened or solved, and help after each check."""
    solution: list[str] = []
    for cell in cells:
        cell.metadata = NotebookNode({k: v for k, v in cell.metadata.items() if k in KEPT})
        tags = cell.metadata.get("tags", [])
        if ("exercise" in tags) != (BEGIN in cell.source):
            raise SourceError(f"the tag `exercise` and a solution go together:\n{cell.source}")
        if ("check" in tags) != cell.source.startswith("check("):
            raise SourceError(f"the tag `check` and a check(...) go together:\n{cell.source}")
        if cell.cell_type == "markdown":
            cell.source = HEADING.sub(lambda found: heading(find(found[1])), cell.source)
        if "exercise" in tags:
            solution.append(solve(cell.source))
            cell.source = solution[-1] if solved else stub(cell.source)
        yield cell
        if "check" in tags:
            yield help_cell(checked_exercise(cell.source), solution)
            solution = []
    if solution:
        raise SourceError(f"an exercise has no check cell after it:\n{solution[0]}")


def cell_ids(lesson: str, cells: list[NotebookNode]) -> Iterator[str]:
    """Ids from each cell's own text: editing one cell leaves all other ids as they are."""
    seen: Counter[str] = Counter()
    for cell in cells:
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:8]
        seen[digest] += 1
        again = f"-{seen[digest]}" if seen[digest] > 1 else ""
        yield f"{lesson}-{digest}{again}"


def find(id: str) -> Exercise:
    """The exercise, as its lesson declares it."""
    try:
        return registry.find(registry.exercises, id)
    except registry.Unknown as error:
        raise SourceError(str(error)) from None


def heading(exercise: Exercise) -> str:
    """Its heading with the title, and the line of kind, minutes, level, core or extra."""
    return f"### Exercise {exercise.id}: {exercise.title}\n{exercise.box()}\n"


def checked_exercise(source: str) -> Exercise:
    """The exercise that a check cell checks."""
    found = CHECK.fullmatch(source)
    if not found:
        raise SourceError(f'a check cell is one line, check("NN.N", answer), not:\n{source}')
    return find(found[1])


def help_cell(exercise: Exercise, solution: list[str]) -> NotebookNode:
    """Hints and solution, each folded away."""
    if not solution:
        raise SourceError(f"exercise {exercise.id} has a check, but no exercise cell above it.")
    hints = [details(f"Hint {n}", text) for n, text in enumerate(exercise.hints, 1)]
    code = "\n\n".join(solution)
    text = "\n\n".join([*hints, details("Solution", f"```python\n{code}\n```")])
    return new_markdown_cell(text, id=exercise.id.replace(".", "-") + "-help")


def details(summary: str, text: str) -> str:
    """Text that opens at a click, in JupyterLab and on GitHub."""
    return f"<details><summary>{summary}</summary>\n\n{text}\n\n</details>"


def solve(source: str) -> str:
    """The exercise cell with its solution, without the marks."""
    return "\n".join(part for part, _ in regions(source))


def stub(source: str) -> str:
    """The exercise cell with each solution replaced by what the learner fills in."""
    return "\n".join(open_region(part) if inside else part for part, inside in regions(source))


def regions(source: str) -> Iterator[tuple[str, bool]]:
    """The cell in parts, each with: is it inside a solution region?"""
    inside, lines = False, []
    for line in [*source.split("\n"), None]:
        if line is not None and line.strip() not in (BEGIN, END):
            lines.append(line)
            continue
        if line is not None and inside == (line.strip() == BEGIN) or line is None and inside:
            raise SourceError(f"each {BEGIN} needs one {END} after it:\n{source}")
        if lines:
            yield "\n".join(lines), inside
        inside, lines = not inside, []


def open_region(body: str) -> str:
    """`raise NotImplementedError` within a function; `name = ...` at the left margin."""
    indent = body[: len(body) - len(body.lstrip())]
    if indent:
        return f"{indent}raise NotImplementedError  # your code here"
    return "\n".join(f"{name} = ...  # your answer" for name in assigned(body))


def assigned(body: str) -> list[str]:
    """The names that the lines set at top level, in order, but for `_private` ones."""
    targets = [node for node in ast.parse(dedent(body)).body if isinstance(node, ast.Assign)]
    nodes = [name for node in targets for target in node.targets for name in ast.walk(target)]
    found = dict.fromkeys(
        node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )
    names = [name for name in found if not name.startswith("_")]
    if not names:
        raise SourceError(f"a solution sets a name, or stands inside a function:\n{body}")
    return names


def execute(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """Run all cells in `folder`, offline and on one thread, and keep what every run repeats."""
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
    )
    client.execute(env={**os.environ, **ENVIRONMENT})
    notebook.metadata = nbformat.from_dict(METADATA)
    for output in (out for cell in notebook.cells for out in cell.get("outputs", ())):
        output.get("data", {}).pop(WIDGET, None)  # a live widget's id means nothing in a file
        if output.output_type == "error":  # the lines above name this machine's folders
            output.traceback = [f"{output.ename}: {output.evalue}"]
    return notebook


def differences(committed: NotebookNode, fresh: NotebookNode) -> list[str]:
    """What differs between two notebooks, outputs and execution counts aside."""
    found = []
    if (committed.metadata, committed.nbformat_minor) != (fresh.metadata, fresh.nbformat_minor):
        found.append("the notebook's metadata")
    old, new = ({cell.id: _comparable(cell) for cell in nb.cells} for nb in (committed, fresh))
    found += [f"cell {id}" for id in {**new, **old} if old.get(id) != new.get(id)]
    if not found and list(old) != list(new):
        found.append("the order of the cells")
    return found


def _comparable(cell: NotebookNode) -> tuple:
    return cell.cell_type, cell.source, cell.metadata


def write(notebook: NotebookNode, path: Path) -> None:
    """Write the file whole or not at all."""
    nbformat.validate(notebook)
    write_whole(path, f"{nbformat.writes(notebook)}\n".encode())


def check_committed(sources: list[Path], folder: Path) -> list[str]:
    """One line for each notebook that is not what its source builds."""
    problems = []
    for source in sources:
        path = folder / f"{source.stem}.ipynb"
        if not path.exists():
            problems.append(f"{path.name} is missing: build it.")
            continue
        found = differences(nbformat.read(path, as_version=4), build(source))
        if found:
            problems.append(f"{path.name} differs from a fresh build in {', '.join(found)}.")
    return problems


def orphans(folder: Path) -> list[str]:
    """One line for each notebook without a source."""
    sources = {source.stem for source in (folder / "source").glob("*.py")}
    lost = [path.name for path in sorted(folder.glob("*.ipynb")) if path.stem not in sources]
    return [f"{name} has no source: remove it, or write source/{name[:-6]}.py." for name in lost]


def select(folder: Path, lessons: list[str]) -> list[Path]:
    """The sources of the named lessons; of all when none is named."""
    sources = sorted((folder / "source").glob("[0-9][0-9]_*.py"))
    unknown = set(lessons) - {source.name[:2] for source in sources}
    if unknown:
        raise SourceError(f"no source for lesson {', '.join(sorted(unknown))}.")
    return [source for source in sources if not lessons or source.name[:2] in lessons]


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Build the notebooks from notebooks/source.")
    parser.add_argument("lessons", nargs="*", metavar="NN", help="lesson numbers; default: all")
    parser.add_argument("--execute", action="store_true", help="run them and keep the outputs")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="compare the committed notebooks")
    mode.add_argument("--solved", type=Path, metavar="DIR", help="write solved notebooks to DIR")
    parser.add_argument("--folder", type=Path, default=NOTEBOOKS, help="the notebooks' folder")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Build, run or compare, and say what was done."""
    args = arguments(argv)
    folder = args.folder.resolve()
    try:
        sources = select(folder, args.lessons)
        if args.check:
            problems = check_committed(sources, folder) + orphans(folder)
            print("\n".join(problems) or f"{len(sources)} notebooks equal their sources.")
            return bool(problems)
        for source in sources:
            _make(source, folder, args.solved, args.execute)
    except (SourceError, CellExecutionError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _make(source: Path, folder: Path, solved: Path | None, run: bool) -> None:
    start = time.perf_counter()
    notebook = build(source, solved=solved is not None)
    if run:
        notebook = execute(notebook, folder)
    write(notebook, (solved or folder) / f"{source.stem}.ipynb")
    print(f"{source.stem}.ipynb  {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
