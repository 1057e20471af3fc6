"""One loop for every objective of the course. Introduced in lesson 03."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR
from tqdm.auto import tqdm

from sbert_lessons.checkpoint import resume, save_checkpoint
from sbert_lessons.data import TokenStore, shuffled_batches
from sbert_lessons.encoder import SentenceEncoder


class Siamese(nn.Module):
    """Encoder and objective as one module: a single forward pass for all sentences of a batch."""

    def __init__(self, encoder: SentenceEncoder, objective: nn.Module) -> None:
        super().__init__()
        self.encoder, self.objective = encoder, objective

    def forward(self, ids: Tensor, mask: Tensor, columns: int, labels: Tensor) -> Tensor:
        """`ids, mask: (columns * B, T)`, `labels: (B,)` -> loss."""
        return self.objective(*self.encoder(ids, mask).chunk(columns), labels)


class Pairs:
    """Tokenised columns of sentences with one label a row, cut into batches of like length."""

    def __init__(
        self, encoder: SentenceEncoder, columns: Sequence[Sequence[str]], labels: Sequence
    ) -> None:
        sizes = {len(column) for column in columns} | {len(labels)}
        if sizes == {0} or len(sizes) != 1:
            raise ValueError(
                f"Need as many labels as rows, at least one; got sizes {sorted(sizes)}."
            )
        self.labels = label_tensor(labels)
        self.columns, self.size = len(columns), len(labels)
        self.store: TokenStore = encoder.tokenize([t for column in columns for t in column])
        self.lengths = self.store.lengths.reshape(self.columns, self.size).max(0)

    def batch(self, rows: np.ndarray) -> tuple[Tensor, Tensor, int, Tensor]:
        """The arguments of `Siamese.forward` for these rows."""
        all_rows = np.concatenate([rows + self.size * i for i in range(self.columns)])
        return *self.store.batch(all_rows), self.columns, self.labels[rows]


def label_tensor(labels: Sequence) -> Tensor:
    """Labels as int64 (classes) or float32 (grades), `(N,)`."""
    values = np.array(labels)
    if values.dtype.kind not in "biuf" or not np.isfinite(values).all():
        raise ValueError("Labels must be numbers, none missing: give classes as 0, 1, 2 ...")
    return torch.as_tensor(values, dtype=torch.float if values.dtype.kind == "f" else torch.long)


def parameter_groups(
    siamese: Siamese, rate: float, head_rate: float | None
) -> list[dict[str, object]]:
    """Encoder and head, each with its learning rate."""
    groups = [{"params": list(siamese.encoder.parameters()), "lr": rate}]
    head = list(siamese.objective.parameters())
    return groups + ([{"params": head, "lr": head_rate or rate}] if head else [])


def warmup_then_decay(steps: int, warmup: float) -> Callable[[int], float]:
    """Factor of the learning rate: up over a share `warmup` of the steps, then down to zero."""
    warm = max(1, round(warmup * steps))
    return lambda step: min((step + 1) / warm, (steps - step) / max(1, steps - warm))


def train(
    encoder: SentenceEncoder,
    objective: nn.Module,
    columns: Sequence[Sequence[str]],
    labels: Sequence,
    *,
    epochs: int = 1,
    batch_size: int = 16,
    rate: float = 2e-5,
    head_rate: float | None = None,
    warmup: float = 0.1,
    seed: int = 0,
    evaluate: Callable[[], dict[str, float]] | None = None,
    evaluations: int = 1,
    checkpoint: Path | None = None,
) -> pd.DataFrame:
    """Train the encoder, and the objective's own parameters, on columns of sentences.

    `columns`: two lists of N sentences for pairs, three for triplets; `labels`: N of them, passed
    to `objective(u, v, labels)`. The defaults are the paper's (SBERT, section 3.1), with AdamW and
    a gradient norm of at most 1. `evaluate()` is called `evaluations` times an epoch; the returned
    history has a row a step: step, loss, and what `evaluate` gave. With `checkpoint`, a run that
    was stopped goes on from that file, and Ctrl-C says so. Raises ValueError for a loss that is
    not a number.
    """
    accelerator = Accelerator()
    data, siamese = Pairs(encoder, columns, labels), Siamese(encoder, objective)
    optimizer = AdamW(parameter_groups(siamese, rate, head_rate), weight_decay=0.01, fused=True)
    order = [b for e in range(epochs) for b in epoch_batches(data, batch_size, seed, e)]
    siamese, optimizer = accelerator.prepare(siamese, optimizer)
    first, history = resume(checkpoint, siamese, [optimizer]) if checkpoint else (0, [])
    factor = warmup_then_decay(len(order), warmup)
    schedule = LambdaLR(optimizer, lambda step: factor(first + step))
    marks = set(np.linspace(0, len(order), epochs * evaluations + 1).astype(int)[1:])
    siamese.train()
    try:
        for step in tqdm(range(first, len(order)), "train", leave=False):
            torch.manual_seed(1_000_003 * seed + step)  # dropout, too, depends on the step alone
            loss = update(accelerator, siamese, optimizer, data.batch(order[step]), step)
            schedule.step()
            history.append({"step": step + 1, "loss": loss})
            if step + 1 in marks:
                history[-1] |= evaluate() if evaluate else {}
                if checkpoint:
                    save_checkpoint(checkpoint, siamese, [optimizer], step + 1, history)
    except KeyboardInterrupt as stop:
        done = f"Stopped after {len(history)} of {len(order)} steps"
        again = f"the same call goes on from {checkpoint}"
        afresh = "to start afresh, load the encoder again"  # this one is half trained
        raise KeyboardInterrupt(f"{done}: {again if checkpoint else afresh}.") from stop
    finally:
        encoder.eval()
    return pd.DataFrame(history)


def update(
    accelerator: Accelerator,
    siamese: Siamese,
    optimizer: AdamW,
    batch: tuple[Tensor, Tensor, int, Tensor],
    step: int,
) -> float:
    """Forward, backward, one clipped step of the optimizer; returns the loss of the batch.

    Raises ValueError, before any weight has changed, for a loss that is not a number.
    """
    loss = siamese(*(x.to(accelerator.device) if isinstance(x, Tensor) else x for x in batch))
    if not loss.isfinite():
        raise ValueError(f"The loss is {loss.item()} at step {step}: lower the rate, check labels.")
    accelerator.backward(loss)
    accelerator.clip_grad_norm_(siamese.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


def epoch_batches(data: Pairs, batch_size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """The batches of one epoch: the same for the same seed, so that a stopped run can go on."""
    return list(shuffled_batches(data.lengths, batch_size, np.random.default_rng((seed, epoch))))
