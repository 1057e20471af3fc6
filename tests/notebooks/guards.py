"""What every committed notebook must hold, and nbval would let pass.

A guard takes a Lesson and yields one sentence a problem.
"""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import build_notebooks
import nbformat
from nbformat import NotebookNode

from sbert_lessons.exercises import registry
from sbert_lessons.exercises.model import KINDS, NOT_DONE

IGNORE, RAISES = "nbval-ignore-output", "raises-exception"
TAGS = {"setup", "exercise", "check", IGNORE, RAISES}
OPENING = ("**Question.**", "**You will be able to**", "**You need**", "**Time.**")
CLOSING = ["Takeaways", "Verdicts", "Recall", "References", "If something goes wrong"]
TIME = re.compile(r"\*\*Time\.\*\* \d+ minutes to read and answer, \d+ s to run\.")
NUMBERED_PLACE = re.compile(r"\b(section|table|figure|equation|eq\.|algorithm)s? \(?[\dA-Z]", re.I)
ABSOLUTE_PATH = re.compile(r"(?:^|[\s'\"(=\[])(/(?:[\w.+-]+/)+[\w.+-]*|[A-Za-z]:\\\w+)", re.M)
ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{4,}")
IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)[^)]*\)")
IMAGE_TYPES = ("image/png", "image/jpeg", "image/svg+xml")
MOST_BYTES = 400_000
MOST_LINES = 12
SHORTEST_ALT = 20
IGNORED_SHARE = 0.10


@dataclass(frozen=True)
class Lesson:
    """A notebook file, and its parts as the guards look at them."""

    path: Path

    @property
    def number(self) -> str:
        return self.path.name[:2]

    @cached_property
    def notebook(self) -> NotebookNode:
        return nbformat.read(self.path, as_version=4)

    @property
    def code(self) -> list[NotebookNode]:
        return [cell for cell in self.notebook.cells if cell.cell_type == "code"]

    @property
    def text(self) -> list[NotebookNode]:
        return [cell for cell in self.notebook.cells if cell.cell_type == "markdown"]

    def sections(self) -> list[tuple[str, str]]:
        """Each `## heading` with the text below it."""
        found = re.split(r"^## (.+)$", "\n".join(cell.source for cell in self.text), flags=re.M)
        return [(title.strip(), body) for title, body in zip(found[1::2], found[2::2], strict=True)]

    def section(self, title: str) -> str:
        return dict(self.sections()).get(title, "")

    def calls(self, name: str) -> list[tuple[NotebookNode, list[Any]]]:
        """Each cell that calls `name(...)` with the call's arguments: a constant, or its code."""
        return [
            (cell, [_value(argument) for argument in node.args])
            for cell in self.code
            for node in ast.walk(_parse(cell.source))
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) == name
        ]


def _parse(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError:
        return ast.Module([], [])


def _value(argument: ast.expr) -> Any:
    return argument.value if isinstance(argument, ast.Constant) else ast.unparse(argument)


def tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def shown(output: NotebookNode) -> str:
    """All text of one output."""
    if output.output_type == "stream":
        return output.text
    if output.output_type == "error":
        return "\n".join([output.evalue, *output.traceback])
    texts = (value for kind, value in output.data.items() if kind.startswith("text/"))
    return "\n".join(texts)


def text_of(cell: NotebookNode) -> str:
    return "\n".join(shown(output) for output in cell.get("outputs", ()))


def executed_in_order(lesson: Lesson) -> Iterator[str]:
    counts = [cell.execution_count for cell in lesson.code]
    if counts != list(range(1, len(counts) + 1)):
        yield f"the execution counts are {counts}: run all cells once, in order."


def plain_python(lesson: Lesson) -> Iterator[str]:
    for cell in lesson.code:
        if not _parse(cell.source).body:
            yield f"cell {cell.id} is empty or not plain Python."


def no_unwanted_errors(lesson: Lesson) -> Iterator[str]:
    for cell in lesson.code:
        kinds = [output.get("name", output.output_type) for output in cell.outputs]
        if "stderr" in kinds:
            yield f"cell {cell.id} writes to stderr."
        if ("error" in kinds) != (RAISES in tags(cell)):
            yield f"cell {cell.id}: an error and the tag {RAISES} go together."


def markers(lesson: Lesson) -> Iterator[str]:
    for cell in lesson.notebook.cells:
        for tag in set(tags(cell)) - TAGS:
            yield f"cell {cell.id} has the unknown tag {tag!r}."
        if "NBVAL_" in cell.source:
            yield f"cell {cell.id} has an NBVAL_ comment: use the tag."
        reason = cell.metadata.get("reason", "")
        if (IGNORE in tags(cell)) != (len(reason) >= 10):
            yield f"cell {cell.id}: the tag {IGNORE} and a reason in words go together."


def answers_shown(lesson: Lesson) -> Iterator[str]:
    for name in ("check", "predict", "measured", "verdict", "progress"):
        for cell, _ in lesson.calls(name):
            last = _parse(cell.source).body[-1]
            call = getattr(last, "value", None)
            if not isinstance(last, ast.Expr) or getattr(getattr(call, "func", 0), "id", 0) != name:
                yield f"cell {cell.id}: {name}(...) is not its last line, so it shows nothing."


def few_ignored(lesson: Lesson) -> Iterator[str]:
    ignored = sum(IGNORE in tags(cell) for cell in lesson.code)
    if ignored > IGNORED_SHARE * len(lesson.code):
        yield f"{ignored} of {len(lesson.code)} code cells are not compared."


def kernel(lesson: Lesson) -> Iterator[str]:
    if lesson.notebook.metadata != build_notebooks.METADATA:
        yield "the notebook's metadata is not the plain python3 kernelspec."


def no_absolute_path(lesson: Lesson) -> Iterator[str]:
    for cell in lesson.notebook.cells:
        for found in ABSOLUTE_PATH.findall(f"{cell.source}\n{text_of(cell)}"):
            yield f"cell {cell.id} names the path {found}."


def no_random_ids(lesson: Lesson) -> Iterator[str]:
    for cell in lesson.code:
        for found in ADDRESS.findall(text_of(cell)):
            yield f"cell {cell.id} shows the memory address {found}."
        if 'id="T_' in text_of(cell):
            yield f"cell {cell.id} shows a pandas Styler, whose ids are random."


def small(lesson: Lesson) -> Iterator[str]:
    size = lesson.path.stat().st_size
    if size >= MOST_BYTES:
        yield f"the file has {size} bytes; {MOST_BYTES} is the limit."


def equals_fresh_build(lesson: Lesson) -> Iterator[str]:
    folder = lesson.path.parent
    source = folder / "source" / f"{lesson.path.stem}.py"
    if not source.exists():
        yield f"{lesson.path.name} has no source."
        return
    yield from build_notebooks.check_committed([source], folder)


def images(lesson: Lesson) -> Iterator[str]:
    for cell in lesson.text:
        if "<img" in cell.source:
            yield f"cell {cell.id}: write an image as ![what is to be seen](file)."
        for alt, target in IMAGE.findall(cell.source):
            if len(alt) < SHORTEST_ALT:
                yield f"cell {cell.id}: the image {target} has no alt text that says what it shows."
            if not (lesson.path.parent / target).is_file():
                yield f"cell {cell.id}: the image {target} is not a file beside the notebook."


def figures(lesson: Lesson) -> Iterator[str]:
    for cell in lesson.code:
        drawn = [out for out in cell.outputs if set(out.get("data", ())) & set(IMAGE_TYPES)]
        rest = "".join(shown(output) for output in cell.outputs if output not in drawn)
        for kind, output in ((k, out) for out in drawn for k in IMAGE_TYPES if k in out.data):
            if len(output.metadata.get(kind, {}).get("alt", "")) < SHORTEST_ALT:
                yield f"cell {cell.id}: a figure without alt text."
        if drawn and not re.search(r"\d", rest):
            yield f"cell {cell.id}: a figure without its numbers beside it."


def opening(lesson: Lesson) -> Iterator[str]:
    first = lesson.notebook.cells[0].source
    if not re.match(rf"# {lesson.number} \S", first):
        yield f"the first cell does not begin with '# {lesson.number} Title'."
    places = [first.find(label) for label in OPENING]
    if -1 in places or places != sorted(places):
        yield f"the first cell has not, in order, {', '.join(OPENING)}."
    if not TIME.search(first):
        yield "the first cell has no '**Time.** N minutes to read and answer, N s to run.'"


def closing(lesson: Lesson) -> Iterator[str]:
    titles = [title for title, _ in lesson.sections()]
    if titles[-len(CLOSING) :] != CLOSING:
        yield f"the last headings are not {', '.join(CLOSING)}."
    if len(titles) < len(CLOSING) + 3:
        yield "there are fewer than three sections before the closing ones."
    if lesson.notebook.cells[-1].source != f'progress("{lesson.number}")':
        yield f'the last cell is not progress("{lesson.number}").'


def takeaways(lesson: Lesson) -> Iterator[str]:
    lines = len(re.findall(r"^- \S", lesson.section("Takeaways"), re.MULTILINE))
    if lines != 5:
        yield f"there are {lines} takeaways; five lines are wanted."


def recall(lesson: Lesson) -> Iterator[str]:
    text = lesson.section("Recall")
    questions = len(re.findall(r"^\*\*\d+\. .+\?\*\*$", text, re.MULTILINE))
    answers = text.count("<details><summary>Answer</summary>")
    if questions < 3 or answers != questions:
        yield f"{questions} recall questions, {answers} hidden answers; three of each wanted."


def references(lesson: Lesson) -> Iterator[str]:
    if not NUMBERED_PLACE.search(lesson.section("References")):
        yield "no reference names a section, table or equation by its number."


def trouble(lesson: Lesson) -> Iterator[str]:
    if "<details><summary>" not in lesson.section("If something goes wrong"):
        yield "there is no help for a known failure."


def details_closed(lesson: Lesson) -> Iterator[str]:
    for cell in lesson.text:
        if cell.source.count("<details>") != cell.source.count("</details>"):
            yield f"cell {cell.id}: a <details> is not closed."


def short_cells(lesson: Lesson) -> Iterator[str]:
    for cell in lesson.code:
        lines = sum(bool(line.strip()) for line in cell.source.split("\n"))
        if not 1 <= lines <= MOST_LINES:
            yield f"cell {cell.id} has {lines} lines; {MOST_LINES} is the limit."


def setup(lesson: Lesson) -> Iterator[str]:
    if "setup" not in tags(lesson.code[0]):
        yield "the first code cell is not tagged setup."


def predictions(lesson: Lesson) -> Iterator[str]:
    asked = [arguments for _, arguments in lesson.calls("predict")]
    if len(asked) < 3:
        yield f"there are {len(asked)} predictions; three or more are wanted."
    for id in [arguments[0] for arguments in asked if arguments[1:] != [...]]:
        yield f"prediction {id} is not left open: predict({id!r}, ...)."
    yield from _once_each("prediction", lesson, asked, registry.predictions)
    yield from _once_each("measured", lesson, _arguments(lesson, "measured"), registry.predictions)
    for id in [arguments[0] for arguments in asked]:
        if not 0 <= _place(lesson, "predict", id) < _place(lesson, "measured", id):
            yield f"prediction {id} does not come in a cell before its measured(...)."


def exercises(lesson: Lesson) -> Iterator[str]:
    known = _known(lesson, registry.exercises)
    checked = lesson.calls("check")
    yield from _once_each("check", lesson, [args for _, args in checked], registry.exercises)
    if len(known) < 4 or {item.kind for item in known.values()} != set(KINDS):
        yield f"the lesson needs four exercises or more, of all kinds: {', '.join(KINDS)}."
    text = "\n".join(cell.source for cell in lesson.text)
    for item in known.values():
        if build_notebooks.heading(item) not in text + "\n":
            yield f"exercise {item.id} has no heading with its box."
    for cell, arguments in checked:
        if not text_of(cell).startswith(f"{arguments[0]} {NOT_DONE}"):
            yield f"exercise {arguments[0]} is not shown as {NOT_DONE}."


def verdicts(lesson: Lesson) -> Iterator[str]:
    wanted = [c.id for c in _known(lesson, registry.claims).values() if c.kind == "measured"]
    kept = (out.metadata for cell in lesson.code for out in cell.outputs if "metadata" in out)
    found = [metadata["sbert_lessons"]["claim"] for metadata in kept if "sbert_lessons" in metadata]
    if not wanted or sorted(wanted) != sorted(found):
        yield f"the claims are {wanted}, the verdicts are on {found}."


def _arguments(lesson: Lesson, name: str) -> list[list[Any]]:
    return [arguments for _, arguments in lesson.calls(name)]


def _place(lesson: Lesson, name: str, id: str) -> int:
    cells = [cell.id for cell in lesson.notebook.cells]
    return max((cells.index(c.id) for c, args in lesson.calls(name) if args[0] == id), default=-1)


def _known(lesson: Lesson, collection: Callable[[str], dict]) -> dict:
    try:
        return collection(lesson.number)
    except registry.Unknown:
        return {}


def _once_each(what: str, lesson: Lesson, calls: list, collection: Callable) -> Iterator[str]:
    known, found = list(_known(lesson, collection)), [arguments[0] for arguments in calls]
    if sorted(known) != sorted(found):
        yield f"{what}: the notebook has {found}, the lesson declares {known}."


GUARDS = (
    executed_in_order, plain_python, no_unwanted_errors, markers, answers_shown, few_ignored,
    kernel, no_absolute_path, no_random_ids, small, equals_fresh_build, images, figures, opening,
    closing, takeaways, recall, references, trouble, details_closed, short_cells, setup,
    predictions, exercises, verdicts,
)  # fmt: skip
