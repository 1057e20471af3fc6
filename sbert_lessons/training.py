"""One loop for every objective of the course. Introduced in lesson 03."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from accelerate import Accelerator
from accelerate.utils import send_to_device
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from sbert_lessons.checkpoint import resume, save_checkpoint
from sbert_lessons.data import TokenStore, checked_texts, shuffled_batches
from sbert_lessons.encoder import TextEncoder
from sbert_lessons.progress import progress_bar

LIVE_RECIPE = {"epochs": 2, "batch_size": 32, "rate": 2e-4, "head_rate": 1e-3, "together": True}
"""For the bundled NLI pairs, after `fit_head` and `without_dropout`; chosen on bundled dev."""


class Siamese(nn.Module):
    """Encoder and objective as one module: one encoder for every column of a batch."""

    def __init__(self, encoder: TextEncoder, objective: nn.Module) -> None:
        super().__init__()
        self.encoder, self.objective = encoder, objective

    def forward(
        self, blocks: Sequence[tuple[Tensor, Tensor]], rows: Tensor, *labels: Tensor
    ) -> Tensor:
        """Loss of a batch of B rows, `labels: (B,)` if the objective asks for them.

        A block: `ids, mask: (S, T)` of S different sentences. `rows: (columns, B)` says which
        sentence each row has in each column, counted through all blocks.
        """
        vectors = torch.cat([self.encoder(ids, mask) for ids, mask in blocks])
        return self.objective(*vectors[rows], *labels)


class Pairs:
    """Tokenised columns of sentences, with a label a row or none, cut into batches.

    A batch holds each sentence of a column once, and pads each column for itself if that saves a
    tenth of the token places. With `together`, rows of one group, those that share their first
    sentence, share a batch. Raises TypeError for a column of anything but strings, and ValueError
    for an empty text, bad labels, no column, or columns of unequal length.
    """

    def __init__(
        self,
        encoder: TextEncoder,
        columns: Sequence[Sequence[str]],
        labels: Sequence | None,
        together: bool = False,
    ) -> None:
        columns = [checked_texts(column) for column in columns]
        self.labels = [] if labels is None else [label_tensor(labels)]
        sizes = {len(column) for column in [*columns, *self.labels]}
        if not columns or sizes == {0} or len(sizes) != 1:
            raise ValueError(
                "Need columns of sentences of one length, and as many labels as rows, at least "
                f"one; got {len(columns)} columns and sizes {sorted(sizes)}."
            )
        self.size = len(columns[0])
        self.store: TokenStore = encoder.tokenize([t for column in columns for t in column])
        places = [first_places(column) + self.size * i for i, column in enumerate(columns)]
        self.places = np.stack(places)
        lengths = self.store.lengths.reshape(len(columns), self.size)
        self.lengths = lengths[0] if together else lengths.max(0)
        self.groups = self.places[0] if together else np.arange(self.size)

    def batch(self, rows: np.ndarray) -> tuple:
        """The arguments of `Siamese.forward` for these rows."""
        different, where = np.unique(self.places[:, rows], return_inverse=True)
        blocks = [self.store.batch(block) for block in self.blocks(different)]
        where = torch.from_numpy(where.reshape(-1, len(rows)))
        return blocks, where, *(values[rows] for values in self.labels)

    def blocks(self, different: np.ndarray) -> list[np.ndarray]:
        """These sentences column by column, or in one block: each block is a pass of its own."""
        starts = self.size * np.arange(1, len(self.places))
        columns = np.split(different, np.searchsorted(different, starts))
        apart = sum(len(column) * self.store.lengths[column].max() for column in columns)
        in_one = len(different) * self.store.lengths[different].max()
        return columns if apart <= 0.9 * in_one else [different]


def first_places(texts: Sequence[str]) -> np.ndarray:
    """For each text, where the same text stands first, `(N,)`."""
    seen: dict[str, int] = {}
    return np.array([seen.setdefault(text, i) for i, text in enumerate(texts)])


def label_tensor(labels: Sequence) -> Tensor:
    """Labels as int64 (classes) or float32 (grades), `(N,)`.

    Raises ValueError for another shape, for what is not a number, and if all are equal.
    """
    values = np.array(labels)
    if values.ndim != 1:
        raise ValueError(f"Labels have the shape {values.shape}: give a flat list, one a row.")
    if values.dtype.kind not in "biuf" or not np.isfinite(values).all():
        raise ValueError("Labels must be numbers, none missing: give classes as 0, 1, 2 ...")
    if len(values) > 1 and (values == values[0]).all():
        raise ValueError(f"All labels are {values[0]}: training needs at least two different ones.")
    return torch.as_tensor(values, dtype=torch.float if values.dtype.kind == "f" else torch.long)


def parameter_groups(
    siamese: Siamese, rate: float, head_rate: float | None
) -> list[dict[str, object]]:
    """Encoder and head, each with its learning rate."""
    groups = [{"params": list(siamese.encoder.parameters()), "lr": rate}]
    head = list(siamese.objective.parameters())
    own_rate = rate if head_rate is None else head_rate
    return groups + ([{"params": head, "lr": own_rate}] if head else [])


def warmup_then_decay(steps: int, warmup: float) -> Callable[[int], float]:
    """Factor of the learning rate: up over a share `warmup` of the steps, then down to zero."""
    warm = max(1, round(warmup * steps))
    return lambda step: min((step + 1) / warm, (steps - step) / max(1, steps - warm))


def train(
    encoder: TextEncoder,
    objective: nn.Module,
    columns: Sequence[Sequence[str]],
    labels: Sequence | None = None,
    *,
    epochs: int = 1,
    batch_size: int = 16,
    rate: float = 2e-5,
    head_rate: float | None = None,
    warmup: float = 0.1,
    seed: int = 0,
    together: bool = False,
    evaluate: Callable[[], dict[str, float]] | None = None,
    evaluations: int = 1,
    checkpoint: str | Path | None = None,
) -> pd.DataFrame:
    """Train the encoder, and the objective's own parameters, on columns of sentences.

    `columns`: two lists of N sentences for pairs, three for triplets; `labels`: N of them, passed
    to `objective(u, v, labels)`, or None for an objective without labels. The defaults are the
    paper's (SBERT, section 3.1), with AdamW and a gradient norm of at most 1. With `together`, rows
    that share their first sentence share a batch, which encodes it once: cheaper for NLI pairs,
    where a premise has several hypotheses; wrong for in-batch negatives. `evaluate()` is called
    `evaluations` times an epoch; the returned history has a row a step: step, loss, and what
    `evaluate` gave. Ctrl-C leaves encoder and objective at their best evaluation in this call (the
    first number that `evaluate` gives, larger is better); with `checkpoint`, the same call goes on
    from that file, and a call with another seed, other batches or number of rows is refused.
    `accelerate launch` shares each batch among its processes; end such a script with
    `Accelerator().end_training()`.
    Raises ValueError for rows or settings that cannot be trained on, and for a loss, or a first
    score, that is not a number; TypeError for an `evaluate` that gives no dict; OSError for a
    checkpoint that cannot be written.
    """
    check_counts(epochs=epochs, batch_size=batch_size, evaluations=evaluations)
    accelerator = Accelerator()
    data, siamese = Pairs(encoder, columns, labels, together), Siamese(encoder, objective)
    optimizer = AdamW(parameter_groups(siamese, rate, head_rate), weight_decay=0.01, fused=True)
    order = [b for e in range(epochs) for b in epoch_batches(data, batch_size, seed, e)]
    parallel, optimizer = accelerator.prepare(siamese, optimizer)
    run = f"seed {seed}, {data.size} rows in batches of {batch_size}{', together' * together}"
    log = Log(siamese, optimizer, evaluate, checkpoint, run)
    first, factor = log.resume(), warmup_then_decay(len(order), warmup)
    schedule = LambdaLR(optimizer, lambda step: factor(first + step))
    marks = set(np.linspace(0, len(order), epochs * evaluations + 1).astype(int)[1:])
    steps = range(first, len(order))
    siamese.train()
    try:
        for step in progress_bar(steps, "train", shown=accelerator.is_main_process):
            torch.manual_seed(1_000_003 * seed + step)  # dropout, too, depends on the step alone
            batch = data.batch(share(order[step], accelerator))
            log.add(update(accelerator, parallel, optimizer, batch, step))
            schedule.step()
            if step + 1 in marks:
                log.mark(save=accelerator.is_main_process)
    except KeyboardInterrupt as stop:
        raise KeyboardInterrupt(log.stopped(len(order))) from stop
    finally:
        encoder.eval()
    return pd.DataFrame(log.history)


def check_counts(**counts: int) -> None:
    """ValueError for a count below 1."""
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"{name} is {count}: give 1 or more.")


class Log:
    """What a training has done so far: a row a step, its best weights, and its file if it has one.

    `run` says in words what makes the run's batches what they are.
    """

    def __init__(
        self,
        siamese: Siamese,
        optimizer: Optimizer,
        evaluate: Callable[[], dict[str, float]] | None,
        checkpoint: str | Path | None,
        run: str,
    ) -> None:
        self.siamese, self.optimizer, self.evaluate = siamese, optimizer, evaluate
        self.checkpoint, self.run = Path(checkpoint) if checkpoint else None, run
        self.best, self.history = Best(siamese), []

    def resume(self) -> int:
        """The step to go on from, with the weights and rows that are on file, if any are."""
        if not self.checkpoint:
            return 0
        step, self.history = resume(self.checkpoint, self.siamese, [self.optimizer], self.run)
        if self.history:  # what was on file are the weights of its last evaluation
            scores = {k: v for k, v in self.history[-1].items() if k not in ("step", "loss")}
            self.best.keep(scores, step)
        return step

    def add(self, loss: float) -> None:
        """One step more."""
        self.history.append({"step": len(self.history) + 1, "loss": loss})

    def mark(self, save: bool) -> None:
        """Score the last step, keep its weights if they are the best so far, and write the file."""
        scores = self.evaluate() if self.evaluate else {}
        if not isinstance(scores, Mapping):
            raise TypeError(f"evaluate() gave {scores!r}: let it return a dict of named scores.")
        self.history[-1] |= scores
        self.best.keep(scores, len(self.history))
        if save and self.checkpoint:
            parts = self.siamese, [self.optimizer], len(self.history)
            save_checkpoint(self.checkpoint, *parts, self.history, self.run)

    def stopped(self, steps: int) -> str:
        """Put the best weights back; returns what to say of the stop, and how to go on."""
        done = f"Stopped after {len(self.history)} of {steps} steps: {self.best.restore()}"
        again = f"; the same call goes on from {self.checkpoint}" if self.checkpoint else ""
        return f"{done}{again}."


class Best:
    """A module's weights at its best evaluation: by the first number, larger is better.

    `unit`: what its steps are called.
    """

    def __init__(self, module: nn.Module, unit: str = "step") -> None:
        self.module, self.unit, self.weights = module, unit, {}
        self.score, self.step = float("-inf"), 0

    def keep(self, scores: dict[str, float], step: int) -> None:
        """Copy the weights if these scores are the best so far. ValueError if the first is NaN."""
        score = next(iter(scores.values()), self.score)
        if math.isnan(score):
            raise ValueError(
                f"'{next(iter(scores))}' is NaN at {self.unit} {step}, so it cannot choose the "
                "best weights: look at what it is computed from."
            )
        if score > self.score:
            self.score, self.step = score, step
            self.weights = {k: v.detach().clone() for k, v in self.module.state_dict().items()}

    def restore(self) -> str:
        """Put the best weights back, and say so; without any, say how to start afresh."""
        if not self.weights:
            return "to start afresh, load the encoder again"  # this one is half trained
        self.module.load_state_dict(self.weights)
        of = f"{self.unit} {self.step}"
        return f"encoder and objective have their best weights, those of {of}"


def share(rows: np.ndarray, accelerator: Accelerator) -> np.ndarray:
    """This process's rows of a batch; a batch with fewer rows than processes is repeated."""
    rows = np.resize(rows, max(len(rows), accelerator.num_processes))
    return rows[accelerator.process_index :: accelerator.num_processes]


def update(
    accelerator: Accelerator,
    siamese: nn.Module,
    optimizer: Optimizer,
    batch: tuple,
    step: int,
    max_norm: float = 1.0,
) -> float:
    """Forward, backward, one clipped step of the optimizer; returns the loss of the whole batch.

    Raises ValueError, before any weight has changed, for a loss that is not a number.
    """
    loss = siamese(*send_to_device(batch, accelerator.device))
    if not loss.isfinite():
        raise ValueError(f"The loss is {loss.item()} at step {step}: lower the rate, check labels.")
    accelerator.backward(loss)
    accelerator.clip_grad_norm_(siamese.parameters(), max_norm)
    optimizer.step()
    optimizer.zero_grad()
    return accelerator.reduce(loss.detach(), "mean").item()


def epoch_batches(data: Pairs, batch_size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """The batches of one epoch: the same for the same seed, so that a stopped run can go on."""
    rng = np.random.default_rng((seed, epoch))
    return list(shuffled_batches(data.lengths, batch_size, rng, data.groups))
