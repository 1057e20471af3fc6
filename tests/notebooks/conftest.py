"""The demo lesson, built and run once; and the build tool, importable."""

import os
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEMO = Path(__file__).parent / "demo"
sys.path.insert(0, str(ROOT / "tools"))
os.environ["SBERT_LESSONS_PROGRESS"] = "off"  # a test never writes the learner's file

import build_notebooks  # noqa: E402

from sbert_lessons import exercises  # noqa: E402


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """A folder of notebooks holding the source of lesson 99, whose exercises are known."""
    folder = tmp_path_factory.mktemp("demo") / "notebooks"
    (folder / "source").mkdir(parents=True)
    shutil.copy(DEMO / "99_demo.py", folder / "source")
    shutil.copy(DEMO / "lesson_99.py", folder)
    exercises.__path__.append(str(folder))
    yield folder
    exercises.__path__.remove(str(folder))
    sys.modules.pop("sbert_lessons.exercises.lesson_99", None)


@pytest.fixture(scope="session")
def executed(demo):
    """The path of the student notebook of the demo lesson, with outputs."""
    assert build_notebooks.main(["--folder", str(demo), "--execute"]) == 0
    return demo / "99_demo.ipynb"
