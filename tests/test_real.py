"""Real sets of pairs: from the hub, from files, and from one to the other."""

import errno
import lzma
import os
import subprocess
import sys
from tempfile import TemporaryDirectory

import datasets
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from sbert_lessons import real
from sbert_lessons.__main__ import app
from sbert_lessons.data import load_nli, load_sts

FIRST = ["A kite is up.", 'He said "no', "  a\tb\nc\r\n"]
SECOND = ["A kite flies.", "NA", "null"]
LABELS = datasets.ClassLabel(names=["entailment", "neutral", "contradiction"])


def nli_rows(**more) -> datasets.Dataset:
    """Rows as SNLI and MultiNLI have them on the hub: one has no gold label, one no text."""
    rows = {
        **more,
        "premise": [FIRST[0], FIRST[1], FIRST[0], FIRST[2], " "],
        "hypothesis": [SECOND[0], SECOND[1], SECOND[0], SECOND[2], SECOND[0]],
        "label": [0, 1, -1, 2, 0],
    }
    return datasets.Dataset.from_dict(rows).cast_column("label", LABELS)


def sts_rows(scores, names=("sentence1", "sentence2", "score"), **more) -> datasets.Dataset:
    rows = dict(zip(names, (FIRST, SECOND, scores), strict=True))
    return datasets.Dataset.from_dict({**more, **rows})


MULTI = {
    "promptID": [1, 2, 3, 4, 5],
    "pairID": ["1e", "2n", "3c", "4c", "5e"],
    "premise_parse": ["(ROOT)"] * 5,
    "genre": ["fiction"] * 5,
}
HUB = {
    ("stanfordnlp/snli", None, None): ({"train", "validation", "test"}, nli_rows()),
    ("nyu-mll/multi_nli", None, None): (
        {"train", "validation_matched", "validation_mismatched"},
        nli_rows(**MULTI),
    ),
    ("sentence-transformers/all-nli", "pair-class", None): ({"train", "dev", "test"}, nli_rows()),
    ("sentence-transformers/stsb", None, None): (
        {"train", "validation", "test"},
        sts_rows([0.0, 0.56, 1.0]),
    ),
    ("RobZamp/sick", None, "refs/convert/parquet"): (
        {"train", "validation", "test"},
        sts_rows(
            [1.0, 2.8, 5.0],
            ("sentence_A", "sentence_B", "relatedness_score"),
            id=["1", "2", "3"],
            label=[0, 1, 2],
        ),
    ),
    **{
        (f"mteb/sts{year}-sts", None, None): ({"test"}, sts_rows([0.0, 2.8, 5.0]))
        for year in range(12, 17)
    },
}
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SPLITS = [(name, split) for name, source in real.SOURCES.items() for split in source.splits]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(real, "REAL", tmp_path / "real")
    return tmp_path / "real"


@pytest.fixture
def hub(folder, monkeypatch):
    """The hub's sets, a few rows each; the list of what was asked for."""
    asked = []

    def load_dataset(path, name=None, *, split, revision=None):
        splits, rows = HUB[path, name, revision]
        assert split in splits
        asked.append((path, split))
        return rows

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return asked


@pytest.fixture
def no_hub(folder, monkeypatch):
    def load_dataset(*args, **options):
        raise ConnectionError("Couldn't reach it")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)


def load(name: str, split: str) -> pd.DataFrame:
    return (load_sts if real.SOURCES[name].kind == "sts" else load_nli)(split, name)


def write(folder, name: str, split: str, content: str) -> None:
    path = folder / real.SOURCES[name].kind / name / f"{split}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf8", newline="")


def run_fetch(*names):
    return CliRunner().invoke(app, ["fetch", *names])


def check_types(table: pd.DataFrame, kind: str) -> None:
    assert tuple(table.columns) == real.COLUMNS[kind]
    assert table.dtypes.astype(str).tolist() == ["float64" if kind == "sts" else "int64"] + [
        "str",
        "str",
    ]
    assert table.index.tolist() == list(range(len(table)))


@pytest.mark.parametrize("name, split", SPLITS)
def test_rows_of_the_hub_by_hand(hub, name, split):
    table = load(name, split)
    kind = real.SOURCES[name].kind
    check_types(table, kind)
    low = 1.0 if name == "sick" else 0.0
    gold = [low, 2.8, 5.0] if kind == "sts" else [0, 1, 2]
    assert table.iloc[:, 0].tolist() == gold
    assert table.iloc[:, 1].tolist() == [FIRST[0], FIRST[1], "  a b c  "]
    assert table.iloc[:, 2].tolist() == SECOND


def test_dev_and_test_of_multinli_are_the_matched_and_the_mismatched_set(hub):
    load_nli("dev", "multinli"), load_nli("test", "multinli")
    assert [split for _, split in hub] == ["validation_matched", "validation_mismatched"]


@pytest.mark.parametrize("name", real.SOURCES)
def test_what_was_fetched_is_what_the_hub_gave(hub, folder, monkeypatch, name):
    splits = real.SOURCES[name].splits
    before = {split: load(name, split) for split in splits}
    result = run_fetch(name)
    assert result.exit_code == 0, result.output
    assert f"{name} test: 3 pairs in" in result.output
    monkeypatch.delattr(datasets, "load_dataset")
    for split in splits:
        pd.testing.assert_frame_equal(load(name, split), before[split])


@given(st.lists(st.tuples(st.integers(0, 10**6), TEXT, TEXT)))
@example([(0, "007", "1e3"), (1, "nan", "1.50")])
@example([(0, "a\x00b", "\ufeffc"), (1, "\x1a", "d\x85e\u2028f"), (2, '"g', "'h\\")])
@settings(deadline=None)
def test_any_text_and_score_survives_the_way_through_a_file(rows):
    scores, first, second = zip(*rows, strict=True) if rows else ((), (), ())
    columns = {
        "score": pd.Series([score / 10**6 for score in scores], dtype="float64"),
        "sentence1": pd.Series(first, dtype="str"),
        "sentence2": pd.Series(second, dtype="str"),
    }
    table = datasets.Dataset.from_pandas(pd.DataFrame(columns))
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(real, "REAL", real.Path(folder))
        patch.setattr(datasets, "load_dataset", lambda *args, **options: table)
        direct = load_sts("test", "stsb")
        assert len(direct) == sum(bool(a.strip() and b.strip()) for _, a, b in rows)
        list(real.fetch(["stsb"]))
        patch.delattr(datasets, "load_dataset")
        pd.testing.assert_frame_equal(load_sts("test", "stsb"), direct)


def test_a_file_of_labelled_pairs(folder, no_hub):
    write(
        folder,
        "snli",
        "dev",
        "label\tpremise\thypothesis\n"
        'contradiction\tThe "pot boils.\tIt is cold.\n'
        "-\tThe pot boils.\tSomeone cooks.\n"
        "-1\tThe pot boils.\tSomeone cooks.\n"
        "neutral\t\tSomeone cooks.\n"
        "neutral\tThe pot boils.\t \n"
        "entailment\tnull\tIt is hot.\n",
    )
    table = load_nli("dev", "snli")
    check_types(table, "nli")
    assert table.values.tolist() == [
        [2, 'The "pot boils.', "It is cold."],
        [0, "null", "It is hot."],
    ]


def test_a_packed_file_is_read_and_only_subset_is_kept_of_further_columns(folder, no_hub):
    content = (
        "score\tsentence1\tsentence2\tsubset\tid\n5\tA cat.\tA cat!\tpets\t7\n\tA\tB\tpets\t8\n"
    )
    path = folder / "sts" / "sts12" / "test.tsv.xz"
    path.parent.mkdir(parents=True)
    path.write_bytes(lzma.compress(content.encode()))
    table = load_sts("test", "sts12")
    assert table.to_dict("list") == {
        "score": [5.0],
        "sentence1": ["A cat."],
        "sentence2": ["A cat!"],
        "subset": ["pets"],
    }
    assert table.dtypes.astype(str).tolist() == ["float64", "str", "str", "str"]


def test_a_file_comes_before_the_hub(folder, hub):
    write(folder, "stsb", "test", "score\tsentence1\tsentence2\n1.5\tMine.\tMy own.\n")
    assert load_sts("test", "stsb")["sentence1"].tolist() == ["Mine."] and hub == []


@pytest.mark.parametrize(
    "loader, split, name, message",
    [
        (load_sts, "test", "snli", r"no sts set 'snli': choose from bundled, stsb, sick, sts12, "),
        (load_nli, "test", "stsb", r"no nli set 'stsb': choose from bundled, snli, multinli, all-"),
        (load_sts, "dev", "sts14", r"no split 'dev' of sts14: choose from test\.$"),
        (load_nli, "val", "snli", r"no split 'val' of snli: choose from train, dev, test\.$"),
    ],
)
def test_an_unknown_set_or_split_is_named(loader, split, name, message):
    with pytest.raises(ValueError, match=message):
        loader(split, name)


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("stsb", "score\tsentence1\n1\tA\n", "has no column sentence2"),
        ("stsb", "score\tsentence1\tsentence2\n5.1\tA\tB\n", "score '5.1': .* from 0 to 5"),
        ("stsb", "score\tsentence1\tsentence2\nhigh\tA\tB\n", "score 'high': .* from 0 to 5"),
        ("sick", "score\tsentence1\tsentence2\n0.5\tA\tB\n", "score '0.5': .* from 1 to 5"),
        ("snli", "label\tpremise\thypothesis\nmaybe\tA\tB\n", "label 'maybe': .*one of entailment"),
        ("snli", "label\tpremise\thypothesis\n2\tA\tB\n", "label '2': .*contradiction, or -"),
        ("snli", "label\tpremise\thypothesis\nneutral\tA\tB\nneutral\tA\tB\tC\n", "line 3, saw 4"),
        ("snli", "", "cannot be read .*delete it and fetch"),
    ],
)
def test_a_broken_file_is_named_in_one_sentence(folder, no_hub, name, content, message):
    write(folder, name, "test", content)
    with pytest.raises(ValueError, match=message) as caught:
        load(name, "test")
    assert "\n" not in str(caught.value) and f"{name}/test.tsv" in str(caught.value)


def test_half_a_packed_file_is_named(folder, no_hub):
    path = folder / "nli" / "snli" / "dev.tsv.xz"
    path.parent.mkdir(parents=True)
    path.write_bytes(lzma.compress(b"label\tpremise\thypothesis\n" * 99)[:-20])
    with pytest.raises(ValueError, match="dev.tsv.xz cannot be read"):
        load_nli("dev", "snli")


def test_without_file_and_network_one_sentence_says_what_to_do(folder, no_hub):
    with pytest.raises(ConnectionError) as caught:
        load_sts("dev", "stsb")
    message = str(caught.value)
    assert "hub (ConnectionError: Couldn't reach it): try again with a network, or run " in message
    assert "`python -m sbert_lessons fetch stsb` on a computer that has one" in message
    assert str(folder / "sts" / "stsb") in message and "\n" not in message


def hub_that_fails(cause: Exception):
    """A `load_dataset` that fails as the library does, which wraps the first cause."""

    def load_dataset(*args, **options):
        raise datasets.exceptions.DatasetGenerationError("An error occurred") from cause

    return load_dataset


def test_the_first_line_of_the_first_cause_is_told(folder, monkeypatch):
    cause = ValueError("Feature type 'List' not found.\nMore.")
    monkeypatch.setattr(datasets, "load_dataset", hub_that_fails(cause))
    with pytest.raises(ConnectionError, match="ValueError: Feature type 'List' not") as caught:
        load_sts("dev", "stsb")
    assert "\n" not in str(caught.value)


def test_a_full_disk_is_not_a_missing_network(folder, monkeypatch):
    cause = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(datasets, "load_dataset", hub_that_fails(cause))
    result = run_fetch("stsb")
    assert result.exit_code == 1 and "network" not in result.output
    assert "the disk is full: free some space, or set HF_HOME to a folder" in result.output


def test_scores_that_the_hub_has_changed_are_refused_and_not_written(hub, folder, monkeypatch):
    changed = sts_rows([0.0, 2.5, 5.0])
    monkeypatch.setattr(datasets, "load_dataset", lambda *args, **options: changed)
    result = run_fetch("stsb")
    assert result.exit_code == 1
    assert "sentence-transformers/stsb has the score '12.5'" in result.output
    assert not folder.exists()


def test_an_interrupted_fetch_leaves_whole_files_and_goes_on(hub, folder, monkeypatch):
    replace = os.replace

    def stop_at_dev(draft, path):
        if path.name == "dev.tsv":
            raise KeyboardInterrupt
        replace(draft, path)

    monkeypatch.setattr(os, "replace", stop_at_dev)
    with pytest.raises(KeyboardInterrupt):
        list(real.fetch(["snli"]))
    assert [path.name for path in (folder / "nli" / "snli").iterdir()] == ["train.tsv"]
    monkeypatch.setattr(os, "replace", replace)
    lines = list(real.fetch(["snli"]))
    assert lines[0].endswith("train.tsv is already there.") and len(lines) == 3
    assert [split for _, split in hub] == ["train", "validation", "validation", "test"]
    assert len(list((folder / "nli" / "snli").iterdir())) == 3


def test_fetch_leaves_a_file_of_the_readers_own_alone(hub, folder):
    mine = "score\tsentence1\tsentence2\tsubset\n1\tA\tB\tmine\n"
    write(folder, "sts13", "test", mine)
    assert "is already there" in run_fetch("sts13").output
    assert (folder / "sts" / "sts13" / "test.tsv").read_text() == mine and hub == []


def test_fetch_checks_every_name_before_it_brings_anything(hub, folder):
    result = run_fetch("stsb", "nothing")
    assert result.exit_code == 1 and hub == []
    assert "no real set 'nothing': choose from stsb, sick" in result.output


def test_fetch_where_nothing_can_be_written(hub, folder):
    folder.write_text("a file, not a folder")
    result = run_fetch("stsb")
    assert result.exit_code == 1 and "choose a folder you may write to" in result.output


def test_the_help_names_every_set():
    words = CliRunner().invoke(app, ["fetch", "--help"]).output.replace(".", " ").split()
    assert set(real.SOURCES) <= set(words)


def test_offline_the_command_says_what_to_do_and_leaves_nothing(tmp_path):
    place = tmp_path / "real"
    command = [sys.executable, "-m", "sbert_lessons", "fetch", "stsb"]
    choice = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "SBERT_LESSONS_REAL": str(place)}
    done = subprocess.run(command, env=os.environ | choice, capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("Cannot load stsb from the Hugging Face hub (ConnectionError: ")
    assert f"copy what it fills to {place / 'sts' / 'stsb'}" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not place.exists()


def test_the_library_of_the_hub_is_imported_only_when_it_is_needed():
    code = "import sys, sbert_lessons.real; sys.exit('datasets' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
