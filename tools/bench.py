"""Measure encode() and a training epoch beside sentence-transformers, with the same weights.

python tools/bench.py --model data/mini-bert

Runs of the two alternate in one process, so that a busy computer slows both; printed are the
medians of their seconds, and the ratio of these. Peak memory is that of a fresh process which does
one thing once; which long sentences meet in a batch depends on the seed, so it is the median over
as many seeds. The last line says how near our training comes to what this computer can do: its
arithmetic a second, as a share of the rate of one large matrix product measured in the same run.
"""

import argparse
import logging
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from statistics import median

import torch
from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.losses import SoftmaxLoss as LibrarySoftmaxLoss
from torch.utils.flop_counter import FlopCounterMode

from sbert_lessons.data import load_sts
from sbert_lessons.encoder import SentenceEncoder, mini_bert
from sbert_lessons.heads import SoftmaxHead
from sbert_lessons.losses import SoftmaxLoss
from sbert_lessons.training import train

STS = load_sts("test")
SENTENCES = [*STS["sentence1"], *STS["sentence2"]][:2000]
PREMISES, HYPOTHESES = [*STS["sentence1"]], [*STS["sentence2"]]
LABELS = [int(score // 2) for score in STS["score"]]  # three classes; which, does not matter here
Job = Callable[[], object]


def library(model: Path) -> SentenceTransformer:
    return SentenceTransformer(str(model), device="cpu", model_kwargs={"dtype": torch.float32})


def our_encode(model: Path, _: int) -> Job:
    encoder = SentenceEncoder.load(model)
    return lambda: encoder.encode(SENTENCES, batch_size=32)


def their_encode(model: Path, _: int) -> Job:
    encoder = library(model)
    return lambda: encoder.encode(SENTENCES, batch_size=32)


def our_epoch(model: Path, seed: int) -> Job:
    encoder = SentenceEncoder.load(model)
    loss = SoftmaxLoss(SoftmaxHead(encoder.dim))
    return lambda: train(encoder, loss, [PREMISES, HYPOTHESES], LABELS, batch_size=16, seed=seed)


def their_epoch(model: Path, seed: int) -> Job:
    encoder = library(model)
    rows = {"sentence1": PREMISES, "sentence2": HYPOTHESES, "label": LABELS}
    settings = SentenceTransformerTrainingArguments(
        output_dir=tempfile.mkdtemp(),
        num_train_epochs=1,
        per_device_train_batch_size=16,
        warmup_steps=0.1,
        weight_decay=0.01,
        seed=seed,
        use_cpu=True,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    loss = LibrarySoftmaxLoss(encoder, encoder.get_embedding_dimension(), num_labels=3)
    trainer = SentenceTransformerTrainer(
        model=encoder, args=settings, train_dataset=Dataset.from_dict(rows), loss=loss
    )
    return trainer.train


Maker = Callable[[Path, int], Job]
TASKS: dict[str, tuple[Maker, Maker]] = {
    f"encode {len(SENTENCES):,} sentences": (our_encode, their_encode),
    f"train on {len(LABELS):,} pairs": (our_epoch, their_epoch),
}


def seconds(job: Job) -> float:
    """Wall time of a job, its progress bars unseen."""
    start = time.perf_counter()
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        job()
    return time.perf_counter() - start


def alternate(ours: Maker, theirs: Maker, model: Path, runs: int) -> list[tuple[float, float]]:
    """Seconds of each run, ours and theirs by turns, after one run each that does not count."""
    pairs = [(seconds(ours(model, 0)), seconds(theirs(model, 0))) for _ in range(runs + 1)]
    return pairs[1:]


def peak_memory(name: str, model: Path, seeds: int) -> float:
    """Median of the largest resident memory, in MB, of fresh processes that make and do one job."""
    command = [sys.executable, __file__, "--model", str(model), "--peak", name, "--seed"]
    once = partial(subprocess.run, check=True, capture_output=True, text=True)
    return median(float(once([*command, str(seed)]).stdout.split()[-1]) for seed in range(seeds))


def gemm_peak() -> float:
    """GFLOP/s of a square float32 matrix product, the best of 20 runs."""
    size = 1536
    a, b = torch.randn(2, size, size)
    best = min(seconds(lambda: a @ b) for _ in range(20))
    return 2 * size**3 / best / 1e9


def arithmetic(job: Job) -> float:
    """GFLOP of the matrix products of a job, forward and backward."""
    with FlopCounterMode(display=False) as counter:
        seconds(job)
    return counter.get_total_flops() / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=Path(mini_bert()))
    parser.add_argument("--runs", type=int, default=5)
    jobs = {job.__name__: job for pair in TASKS.values() for job in pair}
    parser.add_argument("--peak", choices=jobs, help="do this once, print the peak memory in MB")
    parser.add_argument("--seed", type=int, default=0, help="of the job of --peak")
    args = parser.parse_args()
    model = args.model.resolve()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    if args.peak:
        seconds(jobs[args.peak](model, args.seed))
        unit = 2**20 if sys.platform == "darwin" else 2**10
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)
        return
    # first, while this process is small: on Linux a child's peak begins with its parent's size
    peaks = {
        task: [peak_memory(job.__name__, model, args.runs) for job in pair]
        for task, pair in TASKS.items()
    }
    print(f"{torch.get_num_threads()} threads, {args.runs} alternating runs, model {model.name}")
    print(f"{'':24}{'ours s':>8}{'theirs s':>10}{'times':>8}{'ours MB':>10}{'theirs MB':>11}")
    for task, pair in TASKS.items():
        pairs, memory = alternate(*pair, model, args.runs), peaks[task]
        ours, theirs = (median(column) for column in zip(*pairs, strict=True))
        print(f"{task:24}{ours:8.2f}{theirs:10.2f}{theirs / ours:8.2f}", end="")
        print(f"{memory[0]:10.0f}{memory[1]:11.0f}")
    quickest = min(ours for ours, _ in pairs)  # of the last task, which is training
    rate, peak = arithmetic(our_epoch(model, 0)) / quickest, gemm_peak()
    print(f"{task}: {rate:.0f} GFLOP/s, {rate / peak:.0%} of the GEMM peak ({peak:.0f} GFLOP/s)")


if __name__ == "__main__":
    main()
