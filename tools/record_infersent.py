"""Record InferSent at full scale: a BiLSTM with MAX and with MEAN, on the same real NLI pairs.

ACCELERATE_MIXED_PRECISION=bf16 python tools/record_infersent.py --source SOURCE

SOURCE is laid out as `corpus.py` says. The last 2,000 of the cleaned pairs are kept aside: their
accuracy steers the rate of SGD and chooses the epoch, as SNLI dev did for InferSent. Bundled dev
chooses nothing here; test sets are measured once. Each run is one file in --runs, so that a
stopped recording goes on where it was, on a new machine from the results. The model of the arm
"max, all pairs" is saved there too.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
import torch
from record_results import TABLE_1, Arm, measure, nli
from recording import bring_back, kept, made, provenance, write_results

from sbert_lessons.bilstm import BiLSTMEncoder, mini_infersent, train_infersent, word_vectors
from sbert_lessons.data import DATA
from sbert_lessons.encoder import read_json
from sbert_lessons.evaluation import encode_pairs
from sbert_lessons.heads import SoftmaxHead
from sbert_lessons.losses import SoftmaxLoss

FOUR = "u,v,|u-v|,u*v"
HIDDEN, BATCH, RATE, KEPT_ASIDE = 128, 64, 1.0, 2000


@dataclass(frozen=True)
class Recipe(Arm):
    """An arm, and how it is trained: "sgd" (InferSent's), "none", or "words" without an LSTM."""

    features: str = FOUR
    pooling: str = "max"
    epochs: int = 4
    sets: tuple[str, ...] = TABLE_1
    optimizer: str = "sgd"
    rate: float = RATE
    seeds: int = 5


ARMS = [
    Recipe("mean of the word vectors", optimizer="words", pooling="mean", seeds=1),
    Recipe("max, not trained", optimizer="none"),
    Recipe("mean, not trained", optimizer="none", pooling="mean"),
    Recipe("max, all pairs", pairs=None, epochs=3),
    Recipe("mean, all pairs", pooling="mean", pairs=None, epochs=3),
    Recipe("max"),
    Recipe("mean", pooling="mean"),
]


class WordMean(BiLSTMEncoder):
    """The word vectors themselves, pooled: what the LSTMs are given."""

    @property
    def dim(self) -> int:
        return self.words.shape[1]

    def states(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.words[input_ids]


def accuracy(encoder: BiLSTMEncoder, head: SoftmaxHead, pairs: pd.DataFrame) -> Callable:
    """A function that gives the head's share of right classes on these pairs."""

    @torch.no_grad()
    def measured() -> float:
        u, v = map(torch.from_numpy, encode_pairs(encoder, pairs))
        return float((head(u, v).argmax(1).numpy() == pairs["label"]).mean())

    return measured


def fit(arm: Recipe, encoder: BiLSTMEncoder, loss: SoftmaxLoss, seed: int, source: Path) -> dict:
    """Train by the arm's optimiser; what there is to say about it."""
    pairs, kept_aside = nli(source, None).iloc[:-KEPT_ASIDE], nli(source, None).tail(KEPT_ASIDE)
    pairs = pairs.head(arm.pairs or len(pairs))
    columns, labels = [pairs["premise"], pairs["hypothesis"]], pairs["label"]
    settings = {"epochs": arm.epochs, "batch_size": BATCH, "rate": arm.rate, "seed": seed}
    right = accuracy(encoder, loss.head, kept_aside)
    history = train_infersent(encoder, loss, columns, labels, right, **settings)
    best = history.loc[history["accuracy"].idxmax()]
    chosen = {"loss": best["loss"], "epoch": best["epoch"], "accuracy": best["accuracy"]}
    return {"pairs": len(pairs)} | chosen | {"epochs": history.to_dict("records")}


def run(arm: Recipe, seed: int, source: Path, runs: Path) -> dict:
    """Train and measure once; with the file of an earlier run, only read it."""
    path = run_file(arm, seed, runs)
    return kept(path, lambda: trained(arm, seed, source, path.parent))


def run_file(arm: Recipe, seed: int, runs: Path) -> Path:
    """Where a run is kept."""
    return runs / arm.name / f"{seed}.json"


def trained(arm: Recipe, seed: int, source: Path, folder: Path) -> dict:
    """The scores after one training, whose model is kept, or without any."""
    start = time.perf_counter()
    torch.manual_seed(seed)
    kind = WordMean if arm.optimizer == "words" else BiLSTMEncoder
    encoder = kind(*word_vectors(DATA / "mini-bert"), HIDDEN, arm.pooling)
    loss = SoftmaxLoss(SoftmaxHead(encoder.dim, 3, arm.features))
    result = {"seed": seed} | made()
    if arm.optimizer == "sgd":
        result |= fit(arm, encoder, loss, seed, source)
        result |= {"seconds": round(time.perf_counter() - start)}
        encoder.save(folder / f"model {seed}")
    else:
        loss = None
    return result | measure(encoder, loss, arm, source)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("arms", nargs="*", help="only these arms (default: all)")
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/record_infersent"))
    parser.add_argument("--ship", action="store_true", help="only write data/mini-infersent")
    args = parser.parse_args()
    if args.ship:
        return ship(args.runs)
    torch.set_flush_denormal(True)
    bring_back("infersent", ARMS, lambda arm, result: run_file(arm, result["seed"], args.runs))
    chosen = [arm for arm in ARMS if arm.name in (args.arms or {arm.name})]
    for seed in range(max(arm.seeds for arm in chosen)):
        for arm in chosen:
            if seed < arm.seeds:
                run(arm, seed, args.source, args.runs)
                write(args.runs)


def write(runs: Path) -> None:
    """All finished runs to data/results/infersent.json."""
    arms = {}
    for arm in ARMS:
        files = [run_file(arm, seed, runs) for seed in range(arm.seeds)]
        done = [read_json(f) for f in files if f.exists()]
        recipe = asdict(arm) | {"hidden": HIDDEN, "batch_size": BATCH, "kept_aside": KEPT_ASIDE}
        arms |= {arm.name: {"recipe": recipe, "runs": done}} if done else {}
    write_results("infersent", arms, provenance())


def ship(runs: Path) -> None:
    """The model of "max, all pairs", in fp16, to data/mini-infersent; its README stays."""
    encoder = BiLSTMEncoder.load(runs / "max, all pairs" / "model 0")
    encoder.lstm.half()
    encoder.save(mini_infersent())


if __name__ == "__main__":
    main()
