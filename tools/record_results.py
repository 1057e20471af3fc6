"""Record the full-scale results that the lessons print beside the reader's own.

ACCELERATE_MIXED_PRECISION=bf16 python tools/record_results.py --source SOURCE [table6 ...]

SOURCE is laid out as `corpus.py` says. An experiment is a list of arms; an arm is run at every rate
with seed 0, the bundled dev set chooses the rate, and the other seeds follow at that rate. Each
run is one file in --runs, and every finished arm is written to `data/results/NAME.json`: recipe,
data, the values of every seed, versions, machine, precision, date and time taken. A stopped
recording goes on from the files in --runs, and on a new machine from those results: all experiments
with one seed first, then with two, and so on. STS-B dev and the test sets are measured, never
chosen by.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from recording import bring_back, kept, made, preferred, provenance, recorded_arm, write_results
from sklearn.metrics import roc_auc_score
from torch import nn
from train_sbert import clean_pairs

from sbert_lessons.data import NLI_LABELS, load_sts, read_tsv
from sbert_lessons.encoder import SentenceEncoder, mini_bert, without_dropout
from sbert_lessons.evaluation import (
    SIMILARITIES,
    aggregate,
    cosine,
    encode_pairs,
    jaccard,
    spearman,
    sts_score,
)
from sbert_lessons.heads import SoftmaxHead
from sbert_lessons.losses import ContrastiveLoss, CoSENTLoss, CosineLoss, SoftmaxLoss
from sbert_lessons.pooling import POOLINGS
from sbert_lessons.training import train

POOLINGS["max without the mask"] = lambda x, mask: x.amax(1)  # the bug, for its arm of Table 6
RATES = (3e-5, 1e-4, 3e-4)
BATCH, HEAD_RATE = 32, 1e-3
Batch = tuple[list, np.ndarray]  # columns of sentences, labels


@dataclass(frozen=True)
class Arm:
    """One way to train: what changes from arm to arm, and nothing else."""

    name: str
    data: str = "nli"
    objective: str = "softmax"
    features: str = "u,v,|u-v|"
    pooling: str = "mean"
    pairs: int | None = 30_000
    epochs: int = 1
    rates: tuple[float, ...] = RATES
    start: str | None = None  # an experiment, whose first arm's models to start from
    sets: tuple[str, ...] = ()  # further sets to measure, once
    dropout: bool = True

    @property
    def key(self) -> str:
        """The folder of its runs: arms of two experiments that are one recipe share them."""
        parts = (self.data, self.objective, self.features, self.pooling, self.pairs, self.epochs)
        further = (*self.sets, *([] if self.dropout else ["no dropout"]))
        return " ".join(map(str, (*parts, self.start or "raw", *further)))


TESTS = ("stsb", "sick", "bundled")
TABLE_1 = ("sts12", "sts13", "sts14", "sts15", "sts16", *TESTS)
ALONE, TOGETHER = ("u,v", "|u-v|", "u*v", "u-v"), ("u,v,|u-v|", "u,v,u*v", "u,v,u-v")
FEATURES = (*ALONE, *TOGETHER, "|u-v|,u*v", "u,v,|u-v|,u*v")
ONE_RATE = (3e-5,)
EXPERIMENTS: dict[str, list[Arm]] = {
    "nli": [Arm("all pairs", pairs=None, rates=ONE_RATE, sets=TABLE_1)],
    "table6": [
        *(Arm(f"NLI, {p}", pooling=p) for p in ("mean", "max", "cls", "max without the mask")),
        *(
            Arm(f"STS-B, {p}", "stsb", "cosine", pooling=p, pairs=None, epochs=4, sets=TESTS)
            for p in ("mean", "max", "cls", "max without the mask")
        ),
    ],
    "max": [
        Arm("centred", "stsb", "cosine", pooling="max, centred", pairs=None, epochs=4, sets=TESTS),
        Arm("targets raised", "stsb_raised", "cosine", pooling="max", pairs=None, epochs=4,
            sets=TESTS),
        Arm("MEAN, centred", "stsb", "cosine", pooling="mean, centred", pairs=None, epochs=4,
            sets=TESTS),
        Arm("MEAN, targets raised", "stsb_raised", "cosine", pairs=None, epochs=4, sets=TESTS),
        Arm("no dropout", "stsb", "cosine", pooling="max", pairs=None, epochs=4, sets=TESTS,
            dropout=False),
    ],
    "features": [Arm(f, features=f) for f in FEATURES],
    "table2": [
        Arm("STS-B", "stsb", "cosine", pairs=None, epochs=4, sets=TESTS),
        Arm("NLI, then STS-B", "stsb", "cosine", pairs=None, epochs=4, start="nli", sets=TESTS),
    ],
    "pairs": [Arm(f"{n:,}", pairs=n, rates=ONE_RATE) for n in (1_000, 3_000, 10_000, 30_000)],
    "objectives": [
        Arm("softmax"),
        Arm("cosine to 1, 0.5, 0", "nli_graded", "cosine"),
        Arm("CoSENT, E over N over C", "nli_graded", "cosent"),
        Arm("softmax, shuffled labels", "nli_shuffled"),
        Arm("softmax, E and C against N", "nli_ec_n"),
        Arm("softmax, labels of the premise", "nli_premise"),
    ],
    "negatives": [
        Arm("softmax, hard", "hard"),
        Arm("softmax, random", "random"),
        Arm("cosine, hard", "hard", "cosine"),
        Arm("cosine, random", "random", "cosine"),
        Arm("cosine, hard, raised to 0.5", "hard_raised", "cosine"),
        Arm("cosine, hard, clipped at 0.5", "hard", "contrastive"),
        Arm("CoSENT, hard", "hard", "cosent"),
        Arm("CoSENT, random", "random", "cosent"),
    ],
    "noise": [
        Arm(f"{name}, {noise} % wrong", f"hard_noise{noise}", name.lower())
        for name in ("softmax", "cosine", "CoSENT")
        for noise in (20, 40)
    ],
}


def objective(arm: Arm, dim: int) -> nn.Module:
    """The arm's loss, with a new head where it has one."""
    classes = 3 if arm.data in ("nli", "nli_shuffled", "nli_premise") else 2
    return {
        "softmax": lambda: SoftmaxLoss(SoftmaxHead(dim, classes, arm.features)),
        "cosine": CosineLoss,
        "contrastive": ContrastiveLoss,
        "cosent": CoSENTLoss,
    }[arm.objective]()


@cache
def nli(source: Path, pairs: int | None) -> pd.DataFrame:
    """The first so many of the cleaned pairs, in an order of their own, classes as numbers."""
    cleaned = clean_pairs(source)[0].head(pairs or 10**9)
    return cleaned.assign(label=cleaned["label"].map(NLI_LABELS))


def stsb_train(source: Path) -> pd.DataFrame:
    """The graded pairs."""
    return read_tsv(source / "sts" / "stsb" / "train.tsv")


def centred(pooling: str, source: Path) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """A pooling less a constant: its average vector of the graded pairs before any training."""
    encoder, pool = SentenceEncoder.load(mini_bert(), pooling=pooling), POOLINGS[pooling]
    usual = torch.from_numpy(np.concatenate(encode_pairs(encoder, stsb_train(source))).mean(0))
    return lambda x, mask: pool(x, mask) - usual


def training_data(arm: Arm, source: Path) -> Batch:
    """Columns and labels by the arm's name of its data."""
    kind, _, variant = arm.data.partition("_")
    if kind == "stsb":
        sts = stsb_train(source)
        y = sts["score"].to_numpy() / 5
        return [sts["sentence1"], sts["sentence2"]], 0.8 + 0.2 * y if variant == "raised" else y
    table = nli(source, arm.pairs)
    if kind == "nli":
        return [table["premise"], table["hypothesis"]], three_classes(table, variant)
    return two_classes(table, kind, variant)


def three_classes(table: pd.DataFrame, variant: str) -> np.ndarray:
    """Labels of E, N and C pairs, or what a control puts in their place."""
    labels, rng = table["label"].to_numpy(), np.random.default_rng(0)
    if variant == "ec_n":
        return (labels == 1).astype(int)
    if variant == "shuffled":
        return rng.permutation(labels)
    if variant == "premise":  # three classes of equal size that the hypothesis has no part in
        return pd.qcut(table["premise"].str.len().rank(method="first"), 3, labels=False).to_numpy()
    return 1 - labels / 2 if variant == "graded" else labels


def two_classes(table: pd.DataFrame, kind: str, variant: str) -> Batch:
    """Entailed pairs with label 1; with 0 the contradictions, or random hypotheses."""
    table = table[table["label"] != 1]
    labels, hypotheses = (
        (table["label"] == 0).to_numpy().astype(int),
        table["hypothesis"].to_numpy(),
    )
    rng = np.random.default_rng(0)
    if kind == "random":
        hypotheses = np.where(labels == 1, hypotheses, rng.permutation(hypotheses))
    if variant == "raised":
        return [table["premise"], hypotheses], np.where(labels == 1, 1.0, 0.5)
    if variant.startswith("noise"):
        wrong = rng.random(len(labels)) < int(variant.removeprefix("noise")) / 100
        labels = np.where(wrong, 1 - labels, labels)
    return [table["premise"], hypotheses], labels


def measure(encoder: SentenceEncoder, loss: nn.Module | None, arm: Arm, source: Path) -> dict:
    """All scores of a model: STS-B dev by four measures, bundled dev, E against C, and the head."""
    stsb = read_tsv(source / "sts" / "stsb" / "dev.tsv")
    u, v = encode_pairs(encoder, stsb)
    scores = {
        f"stsb_dev_{name}": spearman(f(u, v), stsb["score"]) for name, f in SIMILARITIES.items()
    }
    norms = np.linalg.norm(np.concatenate([u, v]), axis=1)
    scores["norm_spread"] = float(norms.std() / norms.mean())
    scores["bundled_dev"] = sts_score(encoder, load_sts("dev"))
    pairs = nli_dev(source)
    p, h = encode_pairs(encoder, pairs)
    ec = (pairs["label"] != 1).to_numpy()
    entailed = pairs["label"][ec] == 0
    scores["auc_e_c"] = float(roc_auc_score(entailed, cosine(p, h)[ec]))
    if loss is not None and arm.objective == "softmax" and arm.data == "nli":
        scores |= head_scores(loss.head, (u, v, stsb["score"]), (p, h, pairs["label"]))
    return scores | further_scores(arm.sets, source, lambda t: cosine(*encode_pairs(encoder, t)))


def nli_dev(source: Path) -> pd.DataFrame:
    """3,000 pairs of SNLI dev, classes as numbers."""
    pairs = read_tsv(source / "nli" / "snli_dev.tsv.xz").head(3000)
    pairs = pairs[pairs["label"].isin(NLI_LABELS)]
    return pairs.assign(label=pairs["label"].map(NLI_LABELS))


@torch.no_grad()
def head_scores(head: SoftmaxHead, sts: tuple, pairs: tuple) -> dict[str, float]:
    """The head's own verdict: accuracy on SNLI dev, and P(E) - P(C) against the STS grades."""
    head = head.cpu()
    p, h, labels = pairs
    classes = head(torch.from_numpy(p), torch.from_numpy(h)).argmax(1).numpy()
    u, v, grades = sts
    chances = head(torch.from_numpy(u), torch.from_numpy(v)).softmax(1).numpy()
    return {
        "snli_dev_accuracy": float((classes == labels).mean()),
        "stsb_dev_head": spearman(chances[:, 0] - chances[:, 2], grades),
    }


def further_scores(
    sets: tuple[str, ...], source: Path, predict: Callable[[pd.DataFrame], np.ndarray]
) -> dict[str, float]:
    """Spearman x 100 on each set: the years of STS as `all` and as `wmean`, the others' tests."""
    scores = {}
    for name in sets:
        year = source / "sts" / name / "all.tsv"
        if year.exists():
            table = read_tsv(year)
            found = aggregate(predict(table), *(table[c].to_numpy() for c in ("score", "subset")))
            scores |= {f"{name}_{way}": found[way] for way in ("all", "wmean")}
        else:
            test = source / "sts" / name / "test.tsv"
            table = load_sts("test") if name == "bundled" else read_tsv(test)
            scores[f"{name}_test"] = spearman(predict(table), table["score"])
    return scores


def run(arm: Arm, rate: float, seed: int, source: Path, runs: Path) -> dict:
    """Train and measure once; with the file of an earlier run, only read it."""
    return kept(run_file(arm, rate, seed, runs), lambda: trained(arm, rate, seed, source, runs))


def run_file(arm: Arm, rate: float, seed: int, runs: Path) -> Path:
    """Where a run is kept."""
    return runs / arm.key / f"{rate:g} {seed}.json"


def trained(arm: Arm, rate: float, seed: int, source: Path, runs: Path) -> dict:
    """The scores after one training; the models of arm "all pairs" are kept."""
    start = time.perf_counter()
    torch.manual_seed(seed)
    first = runs / EXPERIMENTS[arm.start][0].key / f"model {seed}" if arm.start else mini_bert()
    encoder = SentenceEncoder.load(first, pooling=arm.pooling)
    if not arm.dropout:
        without_dropout(encoder)
    loss = objective(arm, encoder.dim)
    columns, labels = training_data(arm, source)
    settings = {"epochs": arm.epochs, "batch_size": BATCH, "rate": rate, "head_rate": HEAD_RATE}
    history = train(encoder, loss, columns, labels, seed=seed, **settings)
    seconds = round(time.perf_counter() - start)
    result = {"rate": rate, "seed": seed, "pairs": len(labels), "seconds": seconds} | made()
    result |= {"loss": float(history["loss"].tail(100).mean())}
    result |= measure(encoder, loss, arm, source)
    if arm in EXPERIMENTS["nli"]:  # `table2` goes on from these
        encoder.save(runs / arm.key / f"model {seed}")
    return result


def record(arm: Arm, seeds: int, source: Path, runs: Path) -> None:
    """Every rate with seed 0, then the other seeds at the rate that bundled dev prefers."""
    rate = preferred([run(arm, rate, 0, source, runs) for rate in arm.rates])["rate"]
    for seed in range(1, seeds):
        run(arm, rate, seed, source, runs)


def results(arm: Arm, runs: Path) -> dict | None:
    """What the files of an arm hold; None while a rate is missing."""
    recipe = asdict(arm) | {"batch_size": BATCH, "head_rate": HEAD_RATE}
    return recorded_arm(recipe, arm.rates, lambda rate, seed: run_file(arm, rate, seed, runs))


def raw(source: Path) -> dict[str, dict]:
    """What needs no training: word overlap, and the backbone with each pooling of Table 6."""
    rows = {"Jaccard": further_scores(TABLE_1, source, overlap)}
    stsb = read_tsv(source / "sts" / "stsb" / "dev.tsv")
    rows["Jaccard"]["stsb_dev_cosine"] = spearman(overlap(stsb), stsb["score"])
    pairs = nli_dev(source)
    sides = pairs[pairs["label"] != 1]
    rows["Jaccard"]["auc_e_c"] = float(
        roc_auc_score(sides["label"] == 0, jaccard(sides["premise"], sides["hypothesis"]))
    )
    for pooling in ("mean", "max", "cls", "max without the mask"):
        encoder = SentenceEncoder.load(mini_bert(), pooling=pooling)
        rows[pooling] = measure(encoder, None, Arm(pooling, sets=TABLE_1), source)
    return {name: {"recipe": "not trained", "runs": [scores]} for name, scores in rows.items()}


def overlap(pairs: pd.DataFrame) -> np.ndarray:
    """Jaccard of each pair of a table."""
    return jaccard(pairs["sentence1"], pairs["sentence2"])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiments", nargs="*", default=["raw", *EXPERIMENTS])
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/record"))
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    torch.set_flush_denormal(True)
    if "max" in args.experiments:
        for pooling in ("max", "mean"):
            POOLINGS[f"{pooling}, centred"] = centred(pooling, args.source)
    trained_ones = [name for name in args.experiments if name != "raw"]
    if "raw" in args.experiments:
        write_results("raw", raw(args.source), provenance())
    for name in trained_ones:
        arms = EXPERIMENTS[name]
        bring_back(name, arms, lambda a, r: run_file(a, r["rate"], r["seed"], args.runs))
    for seeds in range(1, args.seeds + 1):
        for name in trained_ones:
            for arm in EXPERIMENTS[name]:
                record(arm, seeds, args.source, args.runs)
                write_experiment(name, args.runs)


def write_experiment(name: str, runs: Path) -> None:
    """All finished arms of an experiment."""
    arms = {arm.name: results(arm, runs) for arm in EXPERIMENTS[name]}
    write_results(name, arms, provenance())


if __name__ == "__main__":
    main()
