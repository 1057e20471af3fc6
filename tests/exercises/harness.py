"""Runs the exercises of a lesson from its source, each after the setup cells alone."""

import ast
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import build_notebooks  # noqa: E402


@dataclass(frozen=True)
class Asked:
    """One exercise as it stands in a notebook: its code, and the answer that is checked."""

    id: str
    code: str
    answer: str

    def given(self, setup: dict[str, Any]) -> Any:
        """The answer, after running the exercise's code on the names that setup made."""
        names = dict(setup)
        exec(compile(self.code, f"exercise {self.id}", "exec"), names)
        return eval(self.answer, names)


def asked(source: Path, solved: bool) -> dict[str, Asked]:
    """The exercises of a lesson by id, open or solved."""
    found, code = {}, []
    for cell in build_notebooks.build(source, solved).cells:
        tags = cell.metadata.get("tags", [])
        if "exercise" in tags:
            code.append(cell.source)
        elif "check" in tags:
            id, answer = ast.parse(cell.source).body[0].value.args
            found[id.value] = Asked(id.value, "\n".join(code), ast.unparse(answer))
            code = []
    return found


def setup(source: Path) -> dict[str, Any]:
    """The names that the setup cells of a lesson make."""
    names: dict[str, Any] = {"__name__": "lesson"}
    for cell in build_notebooks.build(source).cells:
        if "setup" in cell.metadata.get("tags", []):
            exec(compile(cell.source, f"setup of {source.stem}", "exec"), names)
    return names


def source_of(lesson: str) -> Path:
    """The one source of a lesson."""
    return build_notebooks.select(build_notebooks.NOTEBOOKS, [lesson])[0]
