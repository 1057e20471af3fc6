"""The build: stubs, help, stable ids, drift, and sources that break a rule."""

import os
import shutil

import build_notebooks
import nbformat
import pytest
from build_notebooks import SourceError, assigned, cell_ids, solve, stub
from nbformat.v4 import new_code_cell, new_markdown_cell

FUNCTION = """def mean(h, mask):
    # BEGIN SOLUTION
    total = h.sum(1)
    return total / mask.sum(1)
    # END SOLUTION"""
VALUE = """# BEGIN SOLUTION
_sum = 1 + 2
a, b = _sum, 3
# END SOLUTION
print(b)"""


@pytest.fixture
def copy(demo, tmp_path):
    """A folder of notebooks of one's own, to break."""
    return shutil.copytree(demo, tmp_path / "notebooks")


def source(copy):
    return copy / "source" / "99_demo.py"


def edit(copy, old, new):
    text = source(copy).read_text(encoding="utf-8")
    assert old in text
    source(copy).write_text(text.replace(old, new, 1), encoding="utf-8")


def test_stub_of_a_function_raises_at_the_solutions_indent():
    assert stub(FUNCTION) == (
        "def mean(h, mask):\n    raise NotImplementedError  # your code here"
    )


def test_stub_of_values_opens_each_public_name():
    assert stub(VALUE) == "a = ...  # your answer\nb = ...  # your answer\nprint(b)"


def test_solve_drops_only_the_marks():
    assert solve(FUNCTION) == (
        "def mean(h, mask):\n    total = h.sum(1)\n    return total / mask.sum(1)"
    )
    assert solve(VALUE) == "_sum = 1 + 2\na, b = _sum, 3\nprint(b)"


def test_two_regions_in_one_cell():
    both = f"{FUNCTION}\n\n{VALUE}"
    assert stub(both).count("raise NotImplementedError") == 1
    assert stub(both).count("= ...") == 2


@pytest.mark.parametrize(
    "text",
    [
        "# BEGIN SOLUTION\na = 1",
        "a = 1\n# END SOLUTION",
        "# BEGIN SOLUTION\n# BEGIN SOLUTION\na = 1\n# END SOLUTION",
    ],
)
def test_marks_come_in_pairs(text):
    with pytest.raises(SourceError, match="BEGIN SOLUTION needs one"):
        stub(text)


def test_a_region_that_sets_no_name_is_refused():
    with pytest.raises(SourceError, match="sets a name"):
        assigned("def whole_function():\n    return 1")


def test_ids_depend_on_the_own_cell_alone():
    cells = [new_markdown_cell("one"), new_code_cell("two"), new_code_cell("two")]
    before = list(cell_ids("02", cells))
    cells[0].source = "one, edited"
    after = list(cell_ids("02", [new_code_cell("new"), *cells]))
    assert before[1:] == after[2:]
    assert before[0] != after[1]
    assert len(set(after)) == 4
    assert all(id.startswith("02-") for id in after)


def test_student_and_solved_differ_in_exercise_cells_alone(demo):
    student, solved = (build_notebooks.build(source(demo), solved=s) for s in (False, True))
    differ = [
        new for old, new in zip(student.cells, solved.cells, strict=True) if old != new
    ]
    assert len(differ) == 4
    assert all(cell.metadata.tags == ["exercise"] for cell in differ)
    assert [cell.id for cell in student.cells] == [cell.id for cell in solved.cells]


def test_help_comes_after_the_check_from_declaration_and_region(demo):
    cells = build_notebooks.build(source(demo)).cells
    place = next(n for n, cell in enumerate(cells) if cell.source.startswith('check("99.1"'))
    text = cells[place + 1].source
    assert cells[place + 1].id == "99-1-help"
    assert text.index("Hint 1") < text.index("Add them.") < text.index("Hint 2")
    assert text.index("Divide.") < text.index("Solution") < text.index("by_hand = _total / 3")
    assert text.count("<details>") == text.count("</details>") == 3
    assert "SOLUTION" not in "".join(cell.source for cell in cells)


def test_a_students_notebook_never_shows_the_solution_as_code(demo):
    cells = build_notebooks.build(source(demo)).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    assert "table.mean(1)" not in code
    assert 'mover = "mean"' not in code


def test_cells_keep_only_tags_and_reasons(demo):
    metadata = [cell.metadata for cell in build_notebooks.build(source(demo)).cells]
    assert set().union(*metadata) == {"tags", "reason"}


def test_build_writes_no_outputs_and_repeats(copy):
    assert build_notebooks.main(["99", "--folder", str(copy)]) == 0
    first = (copy / "99_demo.ipynb").read_bytes()
    assert build_notebooks.main(["99", "--folder", str(copy)]) == 0
    assert (copy / "99_demo.ipynb").read_bytes() == first
    cells = nbformat.read(copy / "99_demo.ipynb", as_version=4).cells
    assert all(not cell.get("outputs") for cell in cells)
    assert {path.name for path in copy.iterdir()} == {"99_demo.ipynb", "lesson_99.py", "source"}


def test_check_sees_drift_and_lost_notebooks(executed, copy, capsys):
    shutil.copy(executed, copy)
    check = ["--check", "--folder", str(copy)]
    assert build_notebooks.main(check) == 0
    edit(copy, "- Five.", "- Five, edited.")
    assert build_notebooks.main(check) == 1
    assert "99_demo.ipynb differs" in capsys.readouterr().out
    source(copy).unlink()
    assert build_notebooks.main(check) == 1
    assert "99_demo.ipynb has no source" in capsys.readouterr().out


def test_check_sees_a_missing_notebook(copy, capsys):
    (copy / "99_demo.ipynb").unlink(missing_ok=True)
    assert build_notebooks.main(["--check", "--folder", str(copy)]) == 1
    assert "is missing" in capsys.readouterr().out


def test_differences_sees_order_and_metadata(demo):
    one, two = (build_notebooks.build(source(demo)) for _ in range(2))
    assert build_notebooks.differences(one, two) == []
    two.cells[0], two.cells[1] = two.cells[1], two.cells[0]
    assert build_notebooks.differences(one, two) == ["the order of the cells"]
    two.metadata.kernelspec.name = "other"
    assert build_notebooks.differences(one, two) == ["the notebook's metadata"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('check("99.1", by_hand)', 'check("99.8", by_hand)', "no '99.8' in lesson 99"),
        ('check("99.1", by_hand)', 'check("99.1", by_hand)\nprint(1)', "one line"),
        ('check("99.1", by_hand)', 'print(1)\ncheck("99.1", by_hand)', "go together"),
        ("### Exercise 99.1\n", "### Exercise 99.8\n", "no '99.8' in lesson 99"),
        ('# %% tags=["exercise"]', "# %%", "go together"),
        ("x = np.array", "# BEGIN SOLUTION\nx = np.array", "go together"),
        ('# %% tags=["check"]\n', "# %%\n", "go together"),
        ("# BEGIN SOLUTION\n", "# BEGIN SOLUTION\n# BEGIN SOLUTION\n", "needs one"),
    ],
)
def test_sources_that_break_a_rule_are_named(copy, capsys, old, new, words):
    edit(copy, old, new)
    before = (copy / "99_demo.ipynb").exists()
    assert build_notebooks.main(["--folder", str(copy)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("99_demo.py: ") and words in error
    assert (copy / "99_demo.ipynb").exists() == before


def test_an_exercise_without_a_check_is_refused(copy, capsys):
    edit(copy, 'check("99.4", mover)', "mover")
    text = source(copy).read_text(encoding="utf-8")
    head, tail = text.rsplit('# %% tags=["check"]', 1)
    source(copy).write_text(f"{head}# %%{tail}", encoding="utf-8")
    assert build_notebooks.main(["--folder", str(copy)]) == 1
    assert "no check cell after it" in capsys.readouterr().err


def test_unknown_lesson_is_one_sentence(copy, capsys):
    assert build_notebooks.main(["42", "--folder", str(copy)]) == 1
    assert capsys.readouterr().err == "no source for lesson 42.\n"


def test_a_cell_that_fails_leaves_the_old_notebook(executed, copy, capsys):
    shutil.copy(executed, copy)
    before = (copy / "99_demo.ipynb").read_bytes()
    edit(copy, "predict(\"99.1\", ...)", "1 / 0")
    assert build_notebooks.main(["--execute", "--folder", str(copy)]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert (copy / "99_demo.ipynb").read_bytes() == before


def test_execution_is_offline_on_one_thread_and_keeps_no_machine_data(copy):
    edit(copy, 'sum("text")', "import os\nraise ValueError(sorted(os.environ.items()))")
    assert build_notebooks.main(["--execute", "--folder", str(copy)]) == 0
    notebook = nbformat.read(copy / "99_demo.ipynb", as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    error = next(output for output in outputs if output.output_type == "error")
    for name, value in build_notebooks.ENVIRONMENT.items():
        assert f"('{name}', '{value}')" in error.evalue
    assert error.traceback == [f"ValueError: {error.evalue}"]
    assert notebook.metadata == build_notebooks.METADATA
    assert not any("execution" in cell.metadata for cell in notebook.cells)


def test_widgets_are_stored_as_their_static_result(executed):
    text = executed.read_text(encoding="utf-8")
    assert "IntText(value=3)" in text
    assert "widget-view" not in text and "model_id" not in text


def test_execute_never_touches_the_learners_progress(copy, monkeypatch, tmp_path):
    monkeypatch.setenv("SBERT_LESSONS_PROGRESS", str(tmp_path / "progress.json"))
    edit(copy, 'predict("99.1", ...)', 'predict("99.1", "rises")')
    assert build_notebooks.main(["--execute", "--folder", str(copy)]) == 0
    assert "99.1 predicted" in (copy / "99_demo.ipynb").read_text(encoding="utf-8")
    assert os.listdir(tmp_path) == ["notebooks"]
