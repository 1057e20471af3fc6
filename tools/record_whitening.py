"""Record what centring, all-but-the-top and whitening make of sentence vectors, on real STS.

python tools/record_whitening.py --source SOURCE [--also NAME=FOLDER] [--pairs 10000]

SOURCE is laid out as `corpus.py` says. Everything is closed form on vectors that are computed once
and kept in --runs. A row is one model, one mix of layers, one map and the text that it is fitted
on: the sentences of the NLI pairs, or ("target") the dev and test sentences of the set that it is
measured on, without grades, as in BERT-flow and BERT-whitening: for STS12-16, which have only
tests, those of the year. Whitening is fitted on five random halves of that text, too: rows named
"half". Each model has a file in --runs, so that a later call adds another one. Writes
`data/results/whitening.json`.

Another tool can put its own map into the same table::

    spaces = load_spaces(mini_bert(), source, runs)      # {"last": Space, "first-last": Space}
    table_row(spaces["first-last"], source, fit, "NLI")  # or "target"
    # -> {"sts12_all": ..., "sts12_wmean": ..., ..., "stsb_test": ..., "sick_test": ..., ...}

where `fit(x: (N, D)) -> transform` learns from a cloud, and `transform(y: (M, D)) -> (M, k)` is
then applied to the sentences that are compared.
"""

import argparse
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from record_results import TABLE_1, further_scores, nli
from recording import kept, provenance, write_results

from sbert_lessons.data import load_sts, read_tsv
from sbert_lessons.encoder import SentenceEncoder, mini_bert, mini_sbert
from sbert_lessons.evaluation import cosine, spearman
from sbert_lessons.flow import standardising
from sbert_lessons.geometry import (
    alignment,
    iso_score,
    layer_means,
    random_pair_cosine,
    remove_top,
    uniformity,
    whitening,
)

PAIRS = 30_000  # of NLI: 56,079 different sentences, far more than a covariance needs
HALVES = range(5)
SIZES = (200, 300, 500, 1000, 2000, 5000, 10_000, 30_000)
MIXES = {"embeddings": [0], "last": [-1], "first-last": [1, -1], "all layers": slice(None)}
SIDES = ("sentence1", "sentence2")
Transform = Callable[[np.ndarray], np.ndarray]
Fit = Callable[[np.ndarray], Transform]


def linear(fit: Callable[..., tuple[np.ndarray, np.ndarray]], **settings: int) -> Fit:
    """A `Fit` from a function of `geometry` that returns mu and W."""

    def learn(x: np.ndarray) -> Transform:
        mu, w = fit(x, **settings)
        return lambda y: (y - mu) @ w

    return learn


def maps(dim: int) -> dict[str, Fit]:
    """The rows of the table, raw vectors aside; k = D/3 as in BERT-whitening (256 of 768)."""
    third = dim // 3
    return {
        "centred": linear(remove_top, k=0),
        **{f"top {k} removed": linear(remove_top, k=k) for k in (1, 2, 10)},
        "standardized": linear(standardising),
        "whitening": linear(whitening),
        f"whitening-{third}": linear(whitening, k=third),
    }


@dataclass(frozen=True)
class Space:
    """Vectors of every sentence that a recording needs, from one model and one mix of layers."""

    vectors: np.ndarray  # (N, D)
    rows: dict[str, int]  # the row of each sentence
    fitting: list[str] = field(repr=False)  # the different sentences of NLI

    def __call__(self, texts: list[str] | pd.Series) -> np.ndarray:
        """The vectors of these sentences, in float64, `(M, D)`."""
        return self.vectors[[self.rows[text] for text in texts]].astype(float)


def load_spaces(
    model: str | Path, source: Path, runs: Path, pairs: int = PAIRS
) -> dict[str, Space]:
    """A `Space` for each mix of layers; the vectors come from `runs` if they are there."""
    fitting = different(nli(source, pairs), ("premise", "hypothesis"))
    tables = [table for name in TABLE_1 for table in tables_of(name, source)]
    texts = sorted({*fitting, *(text for table in tables for text in different(table))})
    name = hashlib.sha256("\n".join([str(model), *texts]).encode()).hexdigest()[:16]
    path = runs / f"{name}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path.with_suffix(".part.npy"), layer_means(SentenceEncoder.load(model), texts))
        path.with_suffix(".part.npy").rename(path)
    layers, rows = np.load(path, mmap_mode="r"), {text: row for row, text in enumerate(texts)}
    return {mix: Space(layers[chosen].mean(0), rows, fitting) for mix, chosen in MIXES.items()}


def different(table: pd.DataFrame, columns: tuple[str, ...] = SIDES) -> list[str]:
    """The different sentences of a table, sorted."""
    return sorted(set().union(*(table[column] for column in columns)))


def tables_of(name: str, source: Path) -> list[pd.DataFrame]:
    """Dev and test of a set, or the whole year of STS."""
    if name == "bundled":
        return [load_sts("dev"), load_sts("test")]
    folder = source / "sts" / name
    splits = ["all"] if (folder / "all.tsv").exists() else ["dev", "test"]
    return [read_tsv(folder / f"{split}.tsv") for split in splits]


def target(name: str, source: Path) -> list[str]:
    """The different sentences of a set's dev and test, without their grades."""
    return sorted({text for table in tables_of(name, source) for text in different(table)})


def some(texts: list[str], share: float, seed: int) -> list[str]:
    """A random share of the sentences."""
    if share == 1:
        return texts
    chosen = np.random.default_rng(seed).permutation(len(texts))[: round(share * len(texts))]
    return [texts[i] for i in chosen]


def table_row(
    space: Space, source: Path, fit: Fit, text: str, share: float = 1, seed: int = 0
) -> dict[str, float]:
    """Scores of one row: fit on the text ("NLI" or "target"), then cosine of the moved vectors.

    `fit(x: (N, D)) -> transform`, `transform(y: (M, D)) -> (M, k)`. Fitted once for "NLI", once a
    set for "target". Keys: `sts12_all`, `sts12_wmean`, ... `sts16_wmean`, `stsb_test`, `sick_test`,
    `bundled_test`, `stsb_dev_cosine`, `bundled_dev`, and the shape of STS-B dev (`shape`). `share`
    and `seed` choose a random part of the fitting text. Nothing here looks at a grade but to score.
    """
    scores = {}
    everywhere = fit(space(some(space.fitting, share, seed))) if text == "NLI" else None
    for name in TABLE_1:
        transform = everywhere or fit(space(some(target(name, source), share, seed)))
        moved = partial(sides, space, transform)
        scores |= further_scores((name,), source, lambda table, m=moved: cosine(*m(table)))
        if name in ("stsb", "bundled"):
            dev = tables_of(name, source)[0]
            u, v = moved(dev)
            key = "stsb_dev_cosine" if name == "stsb" else "bundled_dev"
            scores[key] = spearman(cosine(u, v), dev["score"])
        if name == "stsb":
            scores |= shape(u, v, dev["score"].to_numpy(), transform(space(different(dev))))
    return scores


def sides(space: Space, transform: Transform, table: pd.DataFrame) -> list[np.ndarray]:
    """The moved vectors of both sentences of each pair."""
    return [transform(space(table[side])) for side in SIDES]


def shape(u: np.ndarray, v: np.ndarray, grades: np.ndarray, cloud: np.ndarray) -> dict[str, float]:
    """Isotropy of STS-B dev; alignment of its pairs graded above 4, as in SimCSE."""
    close = grades > 4
    return {
        "random_cosine": random_pair_cosine(cloud),
        "iso_score": iso_score(cloud),
        "alignment": alignment(u[close], v[close]),
        "uniformity": uniformity(cloud),
    }


def rows_of(name: str, spaces: dict[str, Space], source: Path) -> dict[str, dict]:
    """Every row of one model, by its name."""
    arms = {}
    for mix, space in spaces.items():
        about = {"model": name, "layers": mix}
        raw = table_row(space, source, lambda _: lambda y: y, "NLI")
        arms[f"{name}, {mix}, raw"] = arm(about | {"map": "raw", "text": "none"}, [raw])
        for way, fit in maps(space.vectors.shape[1]).items():
            for text in ("NLI", "target"):
                row = about | {"map": way, "text": text, "nli_sentences": len(space.fitting)}
                arm_name = f"{name}, {mix}, {way} ({text})"
                arms[arm_name] = arm(row, [table_row(space, source, fit, text)])
                if way.startswith("whitening"):
                    halves = [table_row(space, source, fit, text, 0.5, seed) for seed in HALVES]
                    arms[f"{arm_name}, half"] = arm(row | {"share": 0.5}, halves)
        print(name, mix, flush=True)
    return arms


def sizes_of(name: str, space: Space, mix: str, source: Path) -> dict[str, dict]:
    """Whitening fitted on few and on many NLI sentences."""
    arms = {}
    for way, fit in list(maps(space.vectors.shape[1]).items())[-2:]:
        for size in SIZES:
            share = size / len(space.fitting)
            runs = [table_row(space, source, fit, "NLI", share, seed) for seed in HALVES]
            about = {"model": name, "layers": mix, "map": way, "text": "NLI", "sentences": size}
            arms[f"{name}, {mix}, {way} (NLI), {size:,} sentences"] = arm(about, runs)
    return arms


def arm(about: dict, runs: list[dict[str, float]]) -> dict:
    """An arm as `results.recorded` reads it; every run says of which row it is."""
    about = {"share": 1.0} | about
    rows = [
        about | {"seed": s} | {k: round(x, 4) for k, x in r.items()} for s, r in enumerate(runs)
    ]
    return {"recipe": "closed form", "runs": rows}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/record_whitening"))
    parser.add_argument("--pairs", type=int, default=PAIRS, help="NLI pairs to fit on")
    parser.add_argument("--also", action="append", default=[], help="NAME=FOLDER of another model")
    args = parser.parse_args()
    models = {"raw": mini_bert(), "mini-sbert": mini_sbert()}
    models |= dict(also.split("=", 1) for also in args.also)
    arms = {}
    for name, model in models.items():
        arms |= kept(args.runs / f"{name}.json", partial(all_rows, name, model, args))
    write_results("whitening", arms, provenance())


def all_rows(name: str, model: Path | str, args: argparse.Namespace) -> dict:
    """The rows of one model; of the raw one also those of small samples."""
    spaces = load_spaces(model, args.source, args.runs, args.pairs)
    found = rows_of(name, spaces, args.source)
    if name == "raw":
        found |= sizes_of(name, spaces["first-last"], "first-last", args.source)
    return found


if __name__ == "__main__":
    main()
