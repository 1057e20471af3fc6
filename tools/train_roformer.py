"""Train data/mini-roformer-sim: one model that writes near-paraphrases and finds them.

ACCELERATE_MIXED_PRECISION=bf16 python tools/train_roformer.py --source SOURCE --out runs/roformer

SOURCE is laid out as `corpus.py` says. A pair is two captions of one COCO image, or an NLI premise
and a hypothesis of like length that it entails; both are *near*-paraphrases: neither is sure to
say the same. Pairs with a sentence of STS12-16, STS-B or SICK are left out, and so are all captions
of 300 images, kept for `record_roformer.py`. The start is data/mini-bert without its position
table. Killed and started again with the same command, it goes on from the last checkpoint.
"""

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from corpus import HeldOut, held_out_sentences
from pretrain import rate_at, set_rate
from record_results import nli
from torch import Tensor
from transformers import AutoTokenizer, BertForMaskedLM

from sbert_lessons.checkpoint import resume, save_checkpoint
from sbert_lessons.data import load_sts, read_tsv, words
from sbert_lessons.encoder import mini_bert
from sbert_lessons.evaluation import sts_score
from sbert_lessons.files import new_folder
from sbert_lessons.unilm import Paraphraser, from_bert

KEPT_IMAGES = 300  # for measuring, never in a pair
LONGEST_TEXT = 20  # words
PER_SOURCE = 32  # pairs a step from each of the two sources
LOG_EVERY, SAVE_EVERY = 50, 400  # steps
BF16 = os.environ.get("ACCELERATE_MIXED_PRECISION") == "bf16"


def captions(source: Path) -> tuple[list[list[str]], list[list[str]], dict[str, int]]:
    """Captions by image, for training and for measuring, and how many were dropped."""
    table = read_tsv(source / "text" / "coco_val2017.tsv")
    held_out = HeldOut(held_out_sentences(source))
    clean = table[~table["caption"].map(held_out.inside)]
    clean = clean[clean["caption"].map(lambda text: 3 <= len(words(text)) <= LONGEST_TEXT)]
    groups = (group.str.strip() for _, group in clean.groupby("image")["caption"])
    images = [[*group] for group in groups if len(group) > 1]
    counts = {"captions": len(table), "used": sum(map(len, images)), "images": len(images)}
    return images[:-KEPT_IMAGES], images[-KEPT_IMAGES:], counts


def entailments(source: Path) -> list[tuple[str, str]]:
    """Entailed pairs of like length: at most 20 words, the longer at most half as long again."""
    table = nli(source, None)
    table = table[table["label"] == 0]
    sizes = np.array([[len(words(t)) for t in table[c]] for c in ("premise", "hypothesis")])
    like = (sizes.max(0) <= 1.5 * sizes.min(0)) & (sizes.max(0) <= LONGEST_TEXT)
    like &= table["premise"].str.lower() != table["hypothesis"].str.lower()
    return [*zip(table["premise"][like], table["hypothesis"][like], strict=True)]


def pairs_of_step(
    images: list[list[str]], entailed: list[tuple[str, str]], step: int, seed: int
) -> list[tuple[str, str]]:
    """64 pairs, no image twice: they depend on seed and step alone."""
    rng = np.random.default_rng((seed, step))
    chosen = rng.choice(len(images), PER_SOURCE, replace=False)
    two_captions = [tuple(rng.choice(images[i], 2, replace=False)) for i in chosen]
    rows = rng.choice(len(entailed), PER_SOURCE, replace=False)
    return two_captions + [entailed[i] for i in rows]


def both_ways(pairs: list[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """Sources and targets of a -> b, b -> a, c -> d, d -> c, ..."""
    sources = [str(text) for a, b in pairs for text in (a, b)]
    targets = [str(text) for a, b in pairs for text in (b, a)]
    return sources, targets


def start() -> Paraphraser:
    """data/mini-bert with rotary positions in the place of its position table."""
    bert = BertForMaskedLM.from_pretrained(mini_bert(), dtype=torch.float32)
    return from_bert(bert, AutoTokenizer.from_pretrained(mini_bert()))


def optimizers(paraphraser: Paraphraser, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the layers, AdamW for everything else, as in `pretrain.py`."""
    layers = paraphraser.model.roformer.encoder.layer
    inner = [p for p in layers.parameters() if p.ndim == 2]
    taken = {id(p) for p in inner}
    rest = [p for p in paraphraser.parameters() if p.requires_grad and id(p) not in taken]
    return [
        torch.optim.Muon(inner, lr=rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, lr=rate, weight_decay=0.0, betas=(0.9, 0.98), fused=True),
    ]


def losses(paraphraser: Paraphraser, pairs: list[tuple[str, str]]) -> tuple[Tensor, Tensor]:
    """Writing and finding."""
    batch = paraphraser.batch(*both_ways(pairs))
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=BF16):
        return paraphraser.losses(*batch)


def update(paraphraser: Paraphraser, opts: list, pairs: list[tuple[str, str]]) -> list[float]:
    """One step of the optimizers: both losses, with equal weight as in SimBERT."""
    writing, finding = losses(paraphraser, pairs)
    (writing + finding).backward()
    torch.nn.utils.clip_grad_norm_(paraphraser.parameters(), 1.0)
    for opt in opts:
        opt.step()
        opt.zero_grad()
    return [writing.item(), finding.item()]


@torch.no_grad()
def evaluate(paraphraser: Paraphraser, kept: list[list[str]]) -> dict[str, float]:
    """Both losses on captions of kept images, and Spearman on the bundled dev set."""
    paraphraser.eval()
    parts = [losses(paraphraser, [tuple(g[:2]) for g in kept[i : i + 50]]) for i in (0, 50, 100)]
    scores = {
        "kept_writing": float(np.mean([w.item() for w, _ in parts])),
        "kept_finding": float(np.mean([f.item() for _, f in parts])),
        "bundled_dev": sts_score(paraphraser.encoder(), load_sts("dev")),
    }
    paraphraser.train()
    return {name: round(value, 3) for name, value in scores.items()}


def run_of(args: argparse.Namespace) -> str:
    """What makes a run's steps what they are, in words: a checkpoint of another is refused."""
    return f"seed {args.seed}, {args.steps} steps, rate {args.rate:g}"


def export(paraphraser: Paraphraser, out: Path) -> None:
    """The folder that ships: a sentence-transformers folder, output layer included, in fp16."""
    with new_folder(out) as draft:
        paraphraser.encoder().save(draft)
        paraphraser.model.save_pretrained(draft)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("runs/roformer"))
    parser.add_argument("--steps", type=int, default=1_600)
    parser.add_argument("--stop", type=int, help="stop at this step, to go on later")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0, help="of the order of the pairs")
    args = parser.parse_args()
    torch.set_flush_denormal(True)
    args.out.mkdir(parents=True, exist_ok=True)
    images, kept, counts = captions(args.source)
    entailed = entailments(args.source)
    counts |= {"entailed pairs": len(entailed)}
    (args.out / "data.json").write_text(json.dumps(counts, indent=1))
    print(counts, flush=True)
    paraphraser = start().train()
    opts = optimizers(paraphraser, args.rate)
    checkpoint = args.out / "checkpoint.safetensors"
    first, log = resume(checkpoint, paraphraser, opts, run_of(args))
    log = log or [{"step": 0} | evaluate(paraphraser, kept)]
    last = min(args.stop or args.steps, args.steps)
    tick, found = time.process_time(), []
    for step in range(first, last):
        set_rate(opts, rate_at(step, args.steps, args.rate))
        found.append(update(paraphraser, opts, pairs_of_step(images, entailed, step, args.seed)))
        done = step + 1
        if done % LOG_EVERY == 0 or done == last:
            writing, finding = np.mean(found, 0).round(4)
            line = {"step": done, "writing": writing, "finding": finding}
            log.append(line | {"cpu_s": round(time.process_time() - tick, 1)})
            if done % SAVE_EVERY == 0 or done == last:
                log[-1] |= evaluate(paraphraser, kept)
                save_checkpoint(checkpoint, paraphraser, opts, done, log, run_of(args))
                pd.DataFrame(log).to_csv(args.out / "log.csv", index=False)
            print(json.dumps(log[-1]), flush=True)
            tick, found = time.process_time(), []
    paraphraser.eval().half()
    export(paraphraser, args.out / "model")


if __name__ == "__main__":
    main()
