"""Train data/mini-sbert: the bundled backbone after the paper's softmax recipe on real NLI pairs.

python tools/train_sbert.py --source SOURCE --backbone data/mini-bert --out runs/sbert

SOURCE is laid out as `corpus.py` says. Pairs with a sentence of its `sts/` files are left out, and
`cleaning.json` counts them. The recipe is chosen on the bundled dev set alone; real STS-B dev
(`sts/stsb/dev.tsv`) is measured for the model card. `history.csv` has a row a step.
"""

import argparse
import json
from collections.abc import Callable
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


def evaluator(encoder: SentenceEncoder, sets: dict[str, pd.DataFrame]) -> Callable[[], dict]:
    """A function that scores the encoder on each set and prints what it found."""

    def evaluate() -> dict[str, float]:
        scores = {name: sts_score(encoder, pairs) for name, pairs in sets.items()}
        print({name: round(score, 2) for name, score in scores.items()}, flush=True)
        return scores

    return evaluate


def arguments() -> argparse.Namespace:
    """The command line; its defaults are the settings of data/mini-sbert."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--backbone", type=Path, default=Path("data/mini-bert"))
    parser.add_argument("--out", type=Path, default=Path("runs/sbert"))
    parser.add_argument("--pairs", type=int, help="only the first so many pairs")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=3e-5)
    parser.add_argument("--head-rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--evaluations", type=int, default=8)
    return parser.parse_args()


def main() -> None:
    args = arguments()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_flush_denormal(True)
    pairs, counts = clean_pairs(args.source)
    pairs = pairs.head(args.pairs or len(pairs))
    (args.out / "cleaning.json").write_text(json.dumps(counts | {"used": len(pairs)}, indent=1))
    sets = {
        "bundled_dev": load_sts("dev"),
        "stsb_dev": read_tsv(args.source / "sts" / "stsb" / "dev.tsv"),
    }
    for name, sts in sets.items():
        overlap = spearman(jaccard(sts["sentence1"], sts["sentence2"]), sts["score"])
        print(f"Jaccard on {name}: {overlap:.2f}", flush=True)
    torch.manual_seed(args.seed)
    encoder = SentenceEncoder.load(args.backbone.resolve())
    loss, evaluate = SoftmaxLoss(SoftmaxHead(encoder.dim)), evaluator(encoder, sets)
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
