"""Train data/mini-sbert: the bundled backbone after the paper's softmax recipe on real NLI pairs.

python tools/train_sbert.py --source ../shared/data --backbone data/mini-bert --out build/sbert

Pairs with a sentence of STS12-16, STS-B or SICK are left out; `cleaning.json` counts them. The
recipe is chosen on the bundled dev set alone; real STS-B dev is measured for the model card.
"""

import argparse
import json
from pathlib import Path

import pandas as pd
import torch
from corpus import NLI_FILES, HeldOut, held_out_sentences

from sbert_lessons.data import NLI_LABELS, load_sts, read_tsv
from sbert_lessons.encoder import SentenceEncoder
from sbert_lessons.evaluation import jaccard, spearman, sts_score
from sbert_lessons.heads import SoftmaxHead
from sbert_lessons.losses import SoftmaxLoss
from sbert_lessons.training import train


def clean_pairs(source: Path) -> tuple[pd.DataFrame, dict[str, dict[str, int]]]:
    """All sharable NLI training pairs without an evaluation sentence, and the counts by source."""
    held_out = HeldOut(held_out_sentences(source))
    kept, counts = [], {}
    for name in NLI_FILES:
        pairs = read_tsv(source / "nli" / f"{name}.tsv.xz")
        usable = pairs[
            pairs["label"].isin(NLI_LABELS) & (pairs[["premise", "hypothesis"]] != "").all(axis=1)
        ]
        touched = usable["premise"].map(held_out.inside) | usable["hypothesis"].map(held_out.inside)
        kept.append(usable[~touched])
        counts[name] = {"pairs": len(pairs), "dropped": len(pairs) - len(kept[-1])}
    pairs = pd.concat(kept).drop_duplicates(["premise", "hypothesis"])
    return pairs.sample(frac=1, random_state=0).reset_index(drop=True), counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path, default=Path("../shared/data"))
    parser.add_argument("--backbone", type=Path, default=Path("data/mini-bert"))
    parser.add_argument("--out", type=Path, default=Path("build/sbert"))
    parser.add_argument("--pairs", type=int, help="only the first so many pairs")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=3e-4)
    parser.add_argument("--head-rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--evaluations", type=int, default=10)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_flush_denormal(True)
    pairs, counts = clean_pairs(args.source)
    pairs = pairs.head(args.pairs or len(pairs))
    (args.out / "cleaning.json").write_text(json.dumps(counts | {"used": len(pairs)}, indent=1))
    real = read_tsv(args.source / "sts" / "stsb" / "dev.tsv")
    bundled = load_sts("dev")
    torch.manual_seed(args.seed)
    encoder = SentenceEncoder.load(args.backbone.resolve())
    loss = SoftmaxLoss(SoftmaxHead(encoder.dim))

    def evaluate() -> dict[str, float]:
        scores = {"bundled_dev": sts_score(encoder, bundled), "stsb_dev": sts_score(encoder, real)}
        print({name: round(score, 2) for name, score in scores.items()}, flush=True)
        return scores

    overlap = spearman(jaccard(real["sentence1"], real["sentence2"]), real["score"])
    print(f"{counts} used {len(pairs)}; Jaccard on STS-B dev {overlap:.2f}", flush=True)
    start = {"step": 0} | evaluate()
    history = train(
        encoder,
        loss,
        [pairs["premise"], pairs["hypothesis"]],
        pairs["label"].map(NLI_LABELS),
        epochs=args.epochs,
        batch_size=args.batch,
        rate=args.rate,
        head_rate=args.head_rate,
        seed=args.seed,
        evaluate=evaluate,
        evaluations=args.evaluations,
        checkpoint=args.out / "checkpoint.safetensors",
    )
    pd.concat([pd.DataFrame([start]), history]).to_csv(args.out / "history.csv", index=False)
    encoder.backbone.half()
    encoder.save(args.out / "model")


if __name__ == "__main__":
    main()
