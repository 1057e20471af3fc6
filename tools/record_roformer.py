"""Record what data/mini-roformer-sim can do: data/results/roformer_sim.json for lesson 12.

ACCELERATE_MIXED_PRECISION=bf16 python tools/record_roformer.py --source SOURCE [PART ...]

Parts; each run is one file in --runs, so that a stopped recording goes on where it was, on a new
machine from the results:
scores    STS and NLI scores with CLS and with MEAN
finding   another caption of the same image, among the captions of 300 images kept out of the pairs
writing   variants of those captions and of bundled sentences: copies, overlap, likeness
joint     a short training (200 steps) with both losses and with finding alone, seeds 0 to 4
terms     three score terms of a bias-free head on fixed vectors, with wrong labels, seeds 0 to 4
trained   the scores of other trainings, with CLS: runs/roformer/SEED/model
tuned     the encoder and a bias-free head on 30,000 NLI pairs, seeds 0 to 4
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from pretrain import rate_at, set_rate
from record_results import TESTS, Arm, measure, nli, nli_dev
from recording import bring_back, kept, made, provenance, write_results
from sklearn.metrics import roc_auc_score
from torch import nn
from train_roformer import BF16, both_ways, captions, entailments, losses, optimizers, pairs_of_step
from train_roformer import start as fresh_start

from sbert_lessons.data import load_sts
from sbert_lessons.encoder import SentenceEncoder, mini_bert, mini_sbert, read_json
from sbert_lessons.evaluation import cosine, encode_pairs, jaccard
from sbert_lessons.heads import SoftmaxHead
from sbert_lessons.losses import SoftmaxLoss
from sbert_lessons.microscope import train_adapter
from sbert_lessons.search import unit
from sbert_lessons.training import train
from sbert_lessons.unilm import (
    Paraphraser,
    finding_loss,
    mini_roformer_sim,
    same_words,
    score_terms,
)

JOINT_STEPS, JOINT_RATE = 200, 2e-3


def bias_free(dim: int, classes: int = 2) -> SoftmaxHead:
    """The head of RoFormer-Sim-FT: no bias."""
    head = SoftmaxHead(dim, classes)
    head.linear = nn.Linear(head.linear.in_features, classes, bias=False)
    return head


def scores(pooling: str, seed: int, source: Path) -> dict:
    """The measures of every other record, of one training; that of seed 0 is shipped."""
    folder = Path(f"runs/roformer/{seed}/model") if seed else mini_roformer_sim()
    encoder = SentenceEncoder.load(folder, pooling=pooling)
    return measure(encoder, None, Arm(pooling, sets=TESTS), source)


MODELS = {"mini-bert": (mini_bert, "mean"), "mini-sbert": (mini_sbert, "mean")}
MODELS["mini-roformer-sim"] = (mini_roformer_sim, "cls")


def finding(model: str, seed: int, source: Path) -> dict:
    """From the first caption of each kept image to any other of the same image, cosine."""
    kept = captions(source)[1]
    texts = [text for group in kept for text in group]
    image = np.repeat(np.arange(len(kept)), [len(group) for group in kept])
    first = np.flatnonzero(np.diff(image, prepend=-1))
    if model == "Jaccard":
        near = np.array([jaccard([texts[i]] * len(texts), texts) for i in first])
    else:
        path, pooling = MODELS[model]
        vectors = unit(SentenceEncoder.load(path(), pooling=pooling).encode(texts))
        near = vectors[first] @ vectors.T
    near[np.arange(len(first)), first] = -np.inf
    right = image[np.argsort(-near, axis=1, kind="stable")[:, :10]] == image[first][:, None]
    return {
        "queries": len(first),
        "texts": len(texts),
        "first_right": 100 * float(right[:, 0].mean()),
        "right_in_10": 100 * float(right.any(1).mean()),
    }


def writing(domain: str, seed: int, source: Path) -> dict:
    """50 sentences, 10 variants each: how near they are, by words and by another model's cosine.

    `nearest_*`: the variant that the model's own cosine puts first. `random_cosine`: the source
    beside the variants of another source. `reference_*`: a person's other sentence.
    """
    if domain == "captions":
        pairs = [group[:2] for group in captions(source)[1][:50]]
    else:
        table = load_sts("test")
        like = table[(table["score"] >= 4) & (table["genre"] != "scenes")].drop_duplicates(
            "sentence1"
        )
        pairs = like.sample(50, random_state=0)[["sentence1", "sentence2"]].to_numpy().tolist()
    paraphraser, judge = Paraphraser.load(mini_roformer_sim()), SentenceEncoder.load(mini_sbert())
    rows = [
        (source_text, text)
        for number, (source_text, _) in enumerate(pairs)
        for text in paraphraser.write(source_text, 10, seed=1000 * seed + number)
    ]
    sources, texts = ([row[i] if row[i].strip() else "." for row in rows] for i in (0, 1))
    own, other = (
        cosine(e.encode(sources), e.encode(texts)) for e in (paraphraser.encoder(), judge)
    )
    overlap, copies = jaccard(sources, texts), [same_words(*row) for row in rows]
    best = own.reshape(-1, 10).argmax(1) + 10 * np.arange(len(pairs))
    elsewhere = cosine(judge.encode(sources), np.roll(judge.encode(texts), 10, axis=0))
    references = [b for _, b in pairs]
    return {
        "copies": 100 * float(np.mean(copies)),
        "jaccard": float(overlap.mean()),
        "words": float(np.mean([len(t.split()) for t in texts])),
        "cosine": float(other.mean()),
        "nearest_cosine": float(other[best].mean()),
        "nearest_jaccard": float(overlap[best].mean()),
        "random_cosine": float(elsewhere.mean()),
        "reference_cosine": float(
            cosine(judge.encode([a for a, _ in pairs]), judge.encode(references)).mean()
        ),
        "reference_jaccard": float(jaccard([a for a, _ in pairs], references).mean()),
    }


def joint(arm: str, seed: int, source: Path) -> dict:
    """The training of `train_roformer.py`, cut short: with and without its writing part."""
    images, kept, _ = captions(source)
    entailed, paraphraser = entailments(source), fresh_start().train()
    opts = optimizers(paraphraser, JOINT_RATE)
    for step in range(JOINT_STEPS):
        set_rate(opts, rate_at(step, JOINT_STEPS, JOINT_RATE))
        pairs = pairs_of_step(images, entailed, step, seed)
        if arm == "writing and finding":
            loss = sum(losses(paraphraser, pairs))
        else:
            batch = paraphraser.batch(*both_ways(pairs))
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=BF16):
                loss = finding_loss(paraphraser(*batch)[:, 0])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(paraphraser.parameters(), 1.0)
        for opt in opts:
            opt.step()
            opt.zero_grad()
    paraphraser.eval()
    with torch.no_grad():
        parts = [losses(paraphraser, [g[:2] for g in kept[i : i + 50]]) for i in range(0, 300, 50)]
    written, found = np.mean([[w.item(), f.item()] for w, f in parts], axis=0)
    return {
        "kept_writing": float(written),
        "kept_finding": float(found),
    } | measure(paraphraser.encoder(), None, Arm("joint", sets=TESTS), source)


@cache
def vectors_for_terms(source: Path) -> tuple:
    """E and C pairs of real NLI, fixed vectors: 20,000 for training, SNLI dev for measuring."""
    encoder = SentenceEncoder.load(mini_roformer_sim())
    tables = [t[t["label"] != 1] for t in (nli(source, 30_000), nli_dev(source))]
    return [(*encode_pairs(encoder, t), (t["label"] == 0).to_numpy().astype(int)) for t in tables]


def terms(arm: str, seed: int, source: Path) -> dict:
    """A bias-free head and a linear map on fixed vectors; what each term holds."""
    (u, v, labels), (p, h, entailed) = vectors_for_terms(source)
    wrong = np.random.default_rng(seed).random(len(labels)) < int(arm.split()[0]) / 100
    given = np.where(wrong, 1 - labels, labels)
    torch.manual_seed(seed)
    head = bias_free(u.shape[1])
    A, _ = train_adapter(SoftmaxLoss(head), [u, v], given, epochs=3, batch_size=256, seed=seed)
    weight = head.linear.weight.detach()
    lead = weight[1] - weight[0]
    held, trained = (
        score_terms(lead, *(torch.from_numpy(x @ A) for x in two)).numpy()
        for two in ((p, h), (u, v))
    )
    whole = held.sum(1)
    result = {
        "auc_cosine": float(roc_auc_score(entailed, cosine(p @ A, h @ A))),
        "auc_score": float(roc_auc_score(entailed, whole)),
        "same_sentence": float(
            (score_terms(lead, *(2 * [torch.from_numpy(p @ A)])).sum(1) > 0).float().mean()
        ),
    }
    for i, name in enumerate(("u", "v", "|u-v|")):
        typical = [trained[~wrong & (labels == c), i].mean() for c in (0, 1)]
        result |= {
            f"auc {name}": float(roc_auc_score(entailed, held[:, i])),
            f"share {name}": float(np.cov(held[:, i], whole)[0, 1] / whole.var(ddof=1)),
            f"mean {name}": float(held[:, i].mean()),
            f"signal {name}": float(typical[1] - typical[0]) / 2,
        }
        if wrong.any():
            towards = (2 * given - 1) * (trained[:, i] - np.array(typical)[labels])
            result[f"absorbed {name}"] = float(towards[wrong].mean())
    return result


def tuned(arm: str, seed: int, source: Path) -> dict:
    """All weights on 30,000 pairs of three classes, CLS pooling, as `nli` of record_results."""
    torch.manual_seed(seed)
    encoder = SentenceEncoder.load(mini_roformer_sim())
    loss, table = SoftmaxLoss(bias_free(encoder.dim, classes=3)), nli(source, 30_000)
    columns = [table["premise"], table["hypothesis"]]
    train(
        encoder, loss, columns, table["label"], batch_size=32, rate=3e-5, head_rate=1e-3, seed=seed
    )
    return measure(encoder, loss, Arm("tuned", sets=TESTS), source)


@dataclass(frozen=True)
class Recorded:
    """An arm of a part: what to call with its name, a seed and the source; how many seeds."""

    part: str
    arm: str
    call: Callable
    seeds: int = 5

    @property
    def name(self) -> str:
        return f"{self.part}: {self.arm}"

    def file(self, seed: int, runs: Path) -> Path:
        """Where a run is kept."""
        return runs / self.part / self.arm / f"{seed}.json"

    def run(self, seed: int, source: Path, runs: Path) -> dict:
        """One run, or the file of an earlier one."""
        about = {"seed": seed} | made()
        return kept(self.file(seed, runs), lambda: about | self.call(self.arm, seed, source))


RECIPES = {
    "scores": "mini-roformer-sim, not trained further",
    "finding": "first caption of an image against all others, cosine",
    "terms": "head without bias and linear map on 20,000 E and C pairs, 3 epochs, batch 256, 1e-3",
    "writing": "50 sentences, 10 variants each, top_k 40, top_p 0.9",
    "joint": "200 steps of tools/train_roformer.py from data/mini-bert",
    "trained": "tools/train_roformer.py, 1,600 steps, one seed each",
    "tuned": "30,000 NLI pairs, 1 epoch, batch 32, encoder 3e-5, head 1e-3",
}
PARTS = tuple(RECIPES)
ARMS = [
    *(Recorded("scores", pooling, scores, 1) for pooling in ("cls", "mean")),
    *(Recorded("finding", model, finding, 1) for model in ("Jaccard", *MODELS)),
    *(Recorded("terms", f"{n} % wrong", terms) for n in (0, 20, 40)),
    *(Recorded("writing", domain, writing, 3) for domain in ("captions", "other sentences")),
    Recorded("joint", "writing and finding", joint),
    Recorded("joint", "finding alone", joint),
    Recorded("trained", "cls", scores, 4),
    Recorded("tuned", "softmax without bias, 30,000 pairs", tuned),
]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", default=PARTS)
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/record_roformer"))
    args = parser.parse_args()
    torch.set_flush_denormal(True)
    bring_back("roformer_sim", ARMS, lambda arm, result: arm.file(result["seed"], args.runs))
    for arm in (arm for arm in ARMS if arm.part in args.parts):
        for seed in range(arm.seeds):
            arm.run(seed, args.source, args.runs)
            write(args.runs)


def write(runs: Path) -> None:
    """All finished runs to data/results/roformer_sim.json."""
    arms = {}
    for arm in ARMS:
        files = [arm.file(seed, runs) for seed in range(arm.seeds)]
        done = [read_json(file) for file in files if file.exists()]
        arms |= {arm.name: {"recipe": RECIPES[arm.part], "runs": done}} if done else {}
    about = provenance()
    about["data"] += "; captions of 300 COCO 2017 validation images"
    write_results("roformer_sim", arms, about)


if __name__ == "__main__":
    main()
