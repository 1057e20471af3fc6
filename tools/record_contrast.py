"""Record the contrastive runs at full scale, for lesson 09: `data/results/contrast.json`.

ACCELERATE_MIXED_PRECISION=bf16 python tools/record_contrast.py --source SOURCE

Sentences and pairs are those of `record_results.nli`: NLI that may be shared, without an STS
sentence. Each arm is run at every rate with seed 0, and the bundled dev set chooses its rate. Each
run is one file in --runs, so that a stopped recording goes on where it was; what is finished is
written after each run, all arms with seed 0 first; on a new machine the recording goes on from
that file. For another recipe, remove the file first.
"""

import argparse
import time
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from record_results import TABLE_1, further_scores, measure, nli
from record_results import Arm as Measured
from recording import bring_back, kept, made, preferred, provenance, recorded_arm, write_results
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from sbert_lessons.data import load_sts, read_tsv
from sbert_lessons.encoder import SentenceEncoder, mini_bert, mini_sbert, without_dropout
from sbert_lessons.evaluation import cosine, encode_pairs
from sbert_lessons.geometry import alignment, uniformity
from sbert_lessons.heads import ProjectionHead
from sbert_lessons.losses import InfoNCELoss, ProjectedLoss
from sbert_lessons.training import train

RATES = (3e-5, 1e-4, 3e-4)
BATCH, HEAD_RATE, SENTENCES = 64, 1e-3, 30_000
UNLABELLED = ("once", "twice", "shuffled")
PROBED = 4_000  # sentences for the probe: three quarters to fit it, the rest to score it


@dataclass(frozen=True)
class Arm:
    """One way to train by contrast: what changes from arm to arm, and nothing else."""

    name: str
    columns: str = "twice"  # or "once", "shuffled", "pairs", "triplets"
    dropout: float = 0.1
    temperature: float = 0.05
    head: int | None = None  # output size of a projection head
    sets: tuple[str, ...] = ()  # further sets to measure, once

    @property
    def key(self) -> str:
        """The folder of its runs."""
        return " ".join(map(str, (self.columns, self.dropout, self.temperature, self.head)))


ARMS = [
    Arm("two masks", sets=TABLE_1),
    Arm("same mask", "once"),
    Arm("no dropout", dropout=0.0),
    Arm("entailed, contradicted", "triplets", sets=TABLE_1),
    Arm("entailed", "pairs", sets=TABLE_1),
    Arm("shuffled", "shuffled", sets=TABLE_1),
    Arm("shuffled, head 192", "shuffled", head=192),
    *(Arm(f"temperature {t:g}", "triplets", temperature=t) for t in (1.0, 0.01, 0.1)),
    *(Arm(f"shuffled, head {size}", "shuffled", head=size) for size in (32, 384)),
    Arm("two masks, head 192", head=192),
]


class SameMask(InfoNCELoss):
    """The same mask for both sides makes both vectors equal: each sentence goes through once."""

    def forward(self, u: Tensor) -> Tensor:
        return super().forward(u, u)


class FullPrecision(nn.Module):
    """An objective in float32, whatever the encoder's precision: 1 / temperature is large."""

    def __init__(self, objective: nn.Module) -> None:
        super().__init__()
        self.objective = objective

    def forward(self, *vectors: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            return self.objective(*(x.float() for x in vectors))


@cache
def triplets(source: Path) -> pd.DataFrame:
    """Premise, a sentence that it entails, one that it contradicts: each premise once."""
    pairs = nli(source, None).drop_duplicates(["premise", "label"])
    sides = [
        pairs[pairs["label"] == label].set_index("premise")["hypothesis"].rename(name)
        for label, name in ((0, "entailed"), (2, "contradicted"))
    ]
    return pd.concat(sides, axis=1, join="inner").reset_index()


@cache
def sentences(source: Path) -> list[str]:
    """Distinct sentences of the NLI pairs, in an order of their own."""
    pairs = nli(source, None)
    texts = pd.concat([pairs["premise"], pairs["hypothesis"]]).drop_duplicates()
    return texts.sample(SENTENCES + PROBED, random_state=0).tolist()


def shuffled(texts: list[str]) -> list[str]:
    """Each text with its words in random order."""
    rng = np.random.default_rng(0)
    return [" ".join(rng.permutation(text.split())) for text in texts]


def training_columns(columns: str, source: Path) -> list[list[str]]:
    """The columns of sentences that `train` gets."""
    if columns in UNLABELLED:
        chosen = sentences(source)[:SENTENCES]
        second = {"once": [], "twice": [chosen], "shuffled": [shuffled(chosen)]}
        return [chosen, *second[columns]]
    names = ["premise", "entailed", "contradicted"][: 3 if columns == "triplets" else 2]
    return [triplets(source)[name].tolist() for name in names]


def objective(arm: Arm, dim: int) -> nn.Module:
    """InfoNCE, behind a projection head if the arm has one."""
    loss = (SameMask if arm.columns == "once" else InfoNCELoss)(arm.temperature)
    return FullPrecision(ProjectedLoss(ProjectionHead(dim, arm.head), loss) if arm.head else loss)


def plane(encoder: SentenceEncoder, source: Path) -> dict[str, float]:
    """Alignment of the pairs graded over 4, uniformity of all sentences: bundled test, STS-B."""
    sets = {"bundled_test": load_sts("test")}
    sets["stsb_dev"] = read_tsv(source / "sts" / "stsb" / "dev.tsv")
    found = {}
    for name, pairs in sets.items():
        u, v = encode_pairs(encoder, pairs)
        close = (pairs["score"] > 4).to_numpy()
        found[f"{name}_alignment"] = float(alignment(u[close], v[close]))
        texts = pd.concat([pairs["sentence1"], pairs["sentence2"]]).to_numpy()
        distinct = np.unique(texts, return_index=True)[1]
        found[f"{name}_uniformity"] = float(uniformity(np.concatenate([u, v])[distinct]))
    return found


@torch.no_grad()
def probes(encoder: SentenceEncoder, head: nn.Module | None, source: Path) -> dict[str, float]:
    """How often logistic regression sees that the words were shuffled: from h, and from g(h)."""
    texts = sentences(source)[SENTENCES:]
    h = np.stack([encoder.encode(texts, 64), encoder.encode(shuffled(texts), 64)])
    spaces = {"h": h}
    if head is not None:
        spaces["z"] = head(torch.from_numpy(h)).numpy()
    first = PROBED * 3 // 4
    found = {}
    for name, x in spaces.items():
        fit, test = (np.concatenate(x[:, rows]) for rows in (slice(first), slice(first, None)))
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
        model.fit(fit, np.repeat([0, 1], len(fit) // 2))
        found[f"probe_{name}"] = model.score(test, np.repeat([0, 1], len(test) // 2))
    return found


def run(arm: Arm, rate: float, seed: int, source: Path, runs: Path) -> dict:
    """Train and measure once; with the file of an earlier run, only read it."""
    path = run_file(arm, rate, seed, runs)
    return kept(path, lambda: trained(arm, rate, seed, source, path.with_suffix("")))


def run_file(arm: Arm, rate: float, seed: int, runs: Path) -> Path:
    """Where a run is kept."""
    return runs / arm.key / f"{rate:.5f} {seed}.json"


def trained(arm: Arm, rate: float, seed: int, source: Path, model: Path) -> dict:
    """The scores after one training; models that meet further sets are kept."""
    start = time.perf_counter()
    torch.manual_seed(seed)
    encoder = SentenceEncoder.load(mini_bert())
    if not arm.dropout:
        without_dropout(encoder)
    loss, columns = objective(arm, encoder.dim), training_columns(arm.columns, source)
    settings = {"batch_size": BATCH, "rate": rate, "head_rate": HEAD_RATE}
    history = train(encoder, loss, columns, seed=seed, **settings)
    seconds = round(time.perf_counter() - start)
    result = {"rate": rate, "seed": seed, "rows": len(columns[0]), "seconds": seconds} | made()
    result |= {"loss": float(history["loss"].tail(100).mean())}
    result |= measure(encoder, None, Measured(arm.name), source)
    result |= plane(encoder, source)
    result |= probes(encoder, loss.objective.head if arm.head else None, source)
    if arm.sets:
        encoder.save(model)
    return result


def tested(arm: Arm, result: dict, source: Path, runs: Path) -> dict:
    """The run with its scores on further sets, which only the chosen rate's models see, once."""
    if not arm.sets or "stsb_test" in result:  # a run that was brought back has its scores
        return result
    model = runs / arm.key / f"{result['rate']:.5f} {result['seed']}"

    def found() -> dict:
        encoder = SentenceEncoder.load(model.resolve())
        return further_scores(arm.sets, source, lambda t: cosine(*encode_pairs(encoder, t)))

    return result | kept(Path(f"{model} tests.json"), found)


def record(arm: Arm, seed: int, source: Path, runs: Path) -> None:
    """Every rate with seed 0; then the seed at the rate that bundled dev prefers."""
    rate = preferred([run(arm, rate, 0, source, runs) for rate in RATES])["rate"]
    run(arm, rate, seed, source, runs)


def results(arm: Arm, source: Path, runs: Path) -> dict | None:
    """What the files of an arm hold; None while a rate is missing."""
    recipe = asdict(arm) | {"batch_size": BATCH, "head_rate": HEAD_RATE}
    if arm.columns in UNLABELLED:
        recipe |= {"sentences": SENTENCES}
    found = recorded_arm(recipe, RATES, lambda rate, seed: run_file(arm, rate, seed, runs))
    return found and found | {"runs": [tested(arm, r, source, runs) for r in found["runs"]]}


def shipped(source: Path, runs: Path) -> dict[str, dict]:
    """The models of the course that are not trained here."""

    def rows() -> dict:
        models = {
            "raw, mean": SentenceEncoder.load(mini_bert()),
            "raw, CLS": SentenceEncoder.load(mini_bert(), pooling="cls"),
            "mini-sbert": SentenceEncoder.load(mini_sbert()),
        }
        return {k: plane(m, source) | probes(m, None, source) for k, m in models.items()}

    return {
        name: {"recipe": "not trained here", "rates_tried": {}, "runs": [row]}
        for name, row in kept(runs / "shipped.json", rows).items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [arm.name for arm in ARMS]
    parser.add_argument("arms", nargs="*", default=names, help="only these arms (default: all)")
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/record_contrast"))
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    if unknown := sorted({*args.arms} - {*names}):
        parser.error(f"no arm has the name {', '.join(unknown)}; there are: {', '.join(names)}")
    torch.set_flush_denormal(True)
    bring_back("contrast", ARMS, lambda a, r: run_file(a, r["rate"], r["seed"], args.runs))
    untrained = shipped(args.source, args.runs)
    for seed in range(args.seeds):
        for arm in (arm for arm in ARMS if arm.name in args.arms):
            record(arm, seed, args.source, args.runs)
            trained_ones = {arm.name: results(arm, args.source, args.runs) for arm in ARMS}
            write_results("contrast", untrained | trained_ones, provenance())


if __name__ == "__main__":
    main()
