"""What a solved notebook must show, beside its student twin."""

from collections.abc import Iterator

from guards import IGNORE, tags, text_of
from nbformat import NotebookNode

from sbert_lessons.exercises.model import PASSED


def problems(student: NotebookNode, solved: NotebookNode) -> Iterator[str]:
    """Each check passed, and every other output is the same: exercises change nothing below.

    The last cell, the table of progress, is the one that ought to differ.
    """
    for old, new in list(zip(student.cells, solved.cells, strict=True))[:-1]:
        if "check" in tags(new):
            if not text_of(new).endswith(f" {PASSED}"):
                yield f"cell {new.id} shows {text_of(new)!r}."
        elif IGNORE not in tags(new) and text_of(old) != text_of(new):
            yield f"cell {new.id} shows another output once the exercises are solved."
