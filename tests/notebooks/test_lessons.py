"""Every committed notebook passes every guard, and has a source."""

import build_notebooks
import guards
import pytest

FOLDER = build_notebooks.NOTEBOOKS
PATHS = sorted(FOLDER.glob("*.ipynb"))


@pytest.mark.parametrize("guard", guards.GUARDS, ids=lambda guard: guard.__name__)
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_guard(path, guard):
    assert list(guard(guards.Lesson(path))) == []


def test_sources_and_notebooks_go_together():
    sources = build_notebooks.select(FOLDER, [])
    assert build_notebooks.check_committed(sources, FOLDER) == []
    assert build_notebooks.orphans(FOLDER) == []
