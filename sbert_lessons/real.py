"""Real sets of pairs: from plain files in a folder, or from the Hugging Face hub."""

import csv
import errno
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path

import pandas as pd

from sbert_lessons.files import ROOT, writable, write_whole

REAL = Path(os.environ.get("SBERT_LESSONS_REAL", ROOT / "real"))
NLI_LABELS = {"entailment": 0, "neutral": 1, "contradiction": 2}  # on the hub too
NO_GOLD = ("", "-", "-1")
COLUMNS = {
    "sts": ("score", "sentence1", "sentence2"),
    "nli": ("label", "premise", "hypothesis"),
}
TEXTS = ("sentence1", "sentence2", "premise", "hypothesis", "subset")


@dataclass(frozen=True)
class Source:
    """Where a set lies on the hub, and what its splits and columns are called there."""

    kind: str
    hub: str
    splits: dict[str, str]
    columns: tuple[str, ...] = ()  # in the order of COLUMNS; empty: the same names
    config: str | None = None
    revision: str | None = None
    times: float = 1.0  # the hub's scores times this are those of the papers
    scores: tuple[float, float] = (0.0, 5.0)
    again: str = "delete it and fetch the set again"  # what to do about a broken file


VALIDATION = {"train": "train", "dev": "validation", "test": "test"}
MATCHED = {"train": "train", "dev": "validation_matched", "test": "validation_mismatched"}
SOURCES = {
    "stsb": Source("sts", "sentence-transformers/stsb", VALIDATION, times=5.0),
    "sick": Source(
        "sts",
        "RobZamp/sick",
        VALIDATION,
        columns=("relatedness_score", "sentence_A", "sentence_B"),
        revision="refs/convert/parquet",  # the main branch is a program, which nobody should run
        scores=(1.0, 5.0),
    ),
    **{
        f"sts{year}": Source("sts", f"mteb/sts{year}-sts", {"test": "test"})
        for year in range(12, 17)
    },
    "snli": Source("nli", "stanfordnlp/snli", VALIDATION),
    "multinli": Source("nli", "nyu-mll/multi_nli", MATCHED),
    "all-nli": Source(
        "nli",
        "sentence-transformers/all-nli",
        {"train": "train", "dev": "dev", "test": "test"},
        config="pair-class",
    ),
}


def load_real(kind: str, name: str, split: str) -> pd.DataFrame:
    """One split of a real set: from its file in `REAL`, or else from the hub or the hub's cache.

    The columns are those of `COLUMNS[kind]`, and `subset` where a file has it. Rows without a
    gold label or without a text are left out. Raises ValueError for an unknown name or split and
    for a broken file, ConnectionError where there is neither a file nor a network, and OSError for
    a full disk.
    """
    names = [key for key, source in SOURCES.items() if source.kind == kind]
    check_choice(name, ["bundled", *names], f"{kind} set '{name}'")
    source = SOURCES[name]
    check_choice(split, source.splits, f"split '{split}' of {name}")
    path = local_file(name, split)
    if path.exists():
        table = typed(read_file(path, source), source, str(path))
    else:
        table = typed(from_hub(name, split), source, source.hub)
    return table[[*COLUMNS[kind], *({"subset"} & {*table})]]


def check_choice(choice: str, choices: Collection[str], what: str) -> None:
    """ValueError that names what there is, for a choice that there is not."""
    if choice not in choices:
        raise ValueError(f"There is no {what}: choose from {', '.join(choices)}.")


def local_file(name: str, split: str) -> Path:
    """The file of a split in `REAL`: the packed one (.xz) if only that is there."""
    plain = REAL / SOURCES[name].kind / name / f"{split}.tsv"
    packed = plain.with_name(plain.name + ".xz")
    return packed if packed.exists() and not plain.exists() else plain


def read_tsv(path: Path) -> pd.DataFrame:
    """A UTF-8 TSV file, plain or packed (.xz), with one header row and no quoting."""
    texts = dict.fromkeys(TEXTS, str)  # also "007" and "1e3"
    return pd.read_csv(path, sep="\t", quoting=csv.QUOTE_NONE, keep_default_na=False, dtype=texts)


def read_file(path: Path, source: Source) -> pd.DataFrame:
    """The table in a file of the reader; ValueError names a file that cannot be read."""
    try:
        return read_tsv(path)
    except (ValueError, EOFError, LZMAError) as error:
        raise ValueError(
            f"{path} cannot be read ({str(error).strip()}): it must be a UTF-8 table with tabs "
            f"between its columns; correct it, or {source.again}."
        ) from error


def from_hub(name: str, split: str) -> pd.DataFrame:
    """The rows of the hub as a file has them: our columns, labels in words, texts on one line.

    ConnectionError where the hub gives none, OSError for a full disk.
    """
    from datasets import load_dataset  # slow to import

    source = SOURCES[name]
    ours = COLUMNS[source.kind]
    theirs = source.columns or ours
    try:
        rows = load_dataset(
            source.hub, source.config, split=source.splits[split], revision=source.revision
        )
        table = rows.select_columns(list(theirs)).to_pandas()
    except Exception as error:  # there are many ways to have no network
        raise hub_error(error, name) from error
    table.columns = ours
    for text in ours[1:]:
        table[text] = table[text].str.replace(r"[\t\r\n]", " ", regex=True)
    if source.kind == "sts":
        scores = table["score"].astype("float64") * source.times
        return table.assign(score=scores.round(6))  # 0.56 times 5 is 2.8000000000000003
    words = {number: word for word, number in NLI_LABELS.items()}
    return table.assign(label=[words.get(number, str(number)) for number in table["label"]])


def hub_error(error: BaseException, name: str) -> OSError:
    """What to raise for an error of the hub's library: it says the first cause, and what to do."""
    while error.__cause__:
        error = error.__cause__
    if getattr(error, "errno", None) == errno.ENOSPC:
        return OSError(
            f"Cannot load {name} from the Hugging Face hub, for the disk is full: free some space, "
            "or set HF_HOME to a folder on a disk with room."
        )
    reason = next(iter(str(error).splitlines()), "no reason given")
    return ConnectionError(
        f"Cannot load {name} from the Hugging Face hub ({type(error).__name__}: {reason}): try "
        f"again with a network, or run `python -m sbert_lessons fetch {name}` on a computer that "
        f"has one, and copy what it fills to {REAL / SOURCES[name].kind / name}."
    )


def typed(table: pd.DataFrame, source: Source, where: str) -> pd.DataFrame:
    """The complete rows, texts as strings, scores as float64 and labels as int64, checked.

    Further columns stay. ValueError without a column of `COLUMNS`, and for a score or label that is
    none.
    """
    gold, first, second = COLUMNS[source.kind]
    missing = {gold, first, second} - set(table)
    if missing:
        raise ValueError(
            f"{where} has no column {', '.join(sorted(missing))}: mend its first line, or "
            f"{source.again}."
        )
    table = table[~table[gold].astype(str).isin(NO_GOLD)]
    checked = checked_scores if source.kind == "sts" else checked_labels
    table = table.assign(**{gold: checked(table[gold], source, where)})
    texts = [text for text in TEXTS if text in table]
    table[texts] = table[texts].fillna("").astype(str)
    empty = (table[first].str.strip() == "") | (table[second].str.strip() == "")
    return table[~empty].reset_index(drop=True)


def checked_scores(gold: pd.Series, source: Source, where: str) -> pd.Series:
    """The scores as numbers; ValueError if one lies outside the range of its set."""
    numbers = pd.to_numeric(gold, errors="coerce").astype("float64")
    wrong = gold[~numbers.between(*source.scores)]
    if len(wrong):
        low, high = source.scores
        raise ValueError(
            f"{where} has the score '{wrong.iloc[0]}': it must be a number from {low:g} to "
            f"{high:g}."
        )
    return numbers


def checked_labels(gold: pd.Series, source: Source, where: str) -> pd.Series:
    """The numbers of the labels; ValueError for a word that is no label."""
    wrong = gold[~gold.isin(list(NLI_LABELS))]
    if len(wrong):
        raise ValueError(
            f"{where} has the label '{wrong.iloc[0]}': it must be one of {', '.join(NLI_LABELS)}, "
            "or - where there is none."
        )
    return gold.map(NLI_LABELS).astype("int64")


def fetch(names: Sequence[str]) -> Iterator[str]:
    """Bring every split of these sets from the hub to `REAL`, and tell of each.

    Each file is written whole or not at all, and one that is there already stays as it is: after
    an interruption the same command goes on. Delete a file to fetch it anew.
    """
    for name in names:
        check_choice(name, SOURCES, f"real set '{name}'")
    wanted = [(name, split) for name in names for split in SOURCES[name].splits]
    for name, split in wanted:
        path = local_file(name, split)
        if path.exists():
            yield f"{name} {split}: {path} is already there."
            continue
        table = from_hub(name, split)
        pairs = len(typed(table, SOURCES[name], SOURCES[name].hub))
        with writable(path.parent):
            write_whole(path, tsv(table))
        yield f"{name} {split}: {pairs:,} pairs in {path}."


def tsv(table: pd.DataFrame) -> bytes:
    """The content of a file that `read_tsv` reads."""
    return table.to_csv(sep="\t", index=False, quoting=csv.QUOTE_NONE, lineterminator="\n").encode()
