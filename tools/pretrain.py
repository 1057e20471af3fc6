"""Pre-train the course's small BERT from scratch by masked language modelling.

python tools/pretrain.py --corpus runs/corpus --out runs/pretrain --steps 8000

Killed and started again with the same command, it goes on from the last checkpoint with the same
batches and the same loss. OUT/model holds the model as Hugging Face files in fp16, and OUT/log.csv
step, loss and tokens per second.
"""

import argparse
import copy
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import BertConfig, BertForMaskedLM, BertTokenizer

from sbert_lessons.checkpoint import resume, save_checkpoint
from sbert_lessons.files import new_folder
from sbert_lessons.training import warmup_then_decay

PAD, UNK, CLS, SEP, MASK = range(5)
SHARES = {"sentences": 0.4, "wikipedia": 0.3, "books": 0.3}
ROW_LENGTHS = (32, 32, 64, 128)
MASK_RATE = 0.25
SEED = 0
LOG_EVERY, SAVE_EVERY = 50, 250  # steps


class Corpus:
    """Rows of token ids, each from the beginning of a line; they depend on the step alone."""

    def __init__(self, folder: Path, tokens_per_step: int) -> None:
        self.tokens_per_step = tokens_per_step
        self.streams = {name: load_stream(folder, name) for name in SHARES}
        self.starts = {
            name: np.flatnonzero(ids[:-200] == SEP) + 1 for name, ids in self.streams.items()
        }

    def rows(self, step: int) -> np.ndarray:
        """Token ids `(B, T)` of one step, `B * T = tokens_per_step`."""
        rng = np.random.default_rng((SEED, step))
        length = ROW_LENGTHS[step % len(ROW_LENGTHS)]
        count = self.tokens_per_step // length
        parts = []
        for name, share in SHARES.items():
            starts = rng.choice(self.starts[name], round(count * share))
            parts.append(self.streams[name][starts[:, None] + np.arange(length - 1)])
        body = np.concatenate(parts).astype(np.int64)
        return np.concatenate([np.full((len(body), 1), CLS), body], axis=1)


def load_stream(folder: Path, name: str) -> np.ndarray:
    """All shards of one source as one array of uint16 ids."""
    shards = sorted(folder.glob(f"{name}-*.npy"))
    if not shards:
        raise FileNotFoundError(f"There is no {name}-000.npy in {folder}: run tools/corpus.py.")
    return np.concatenate([np.load(path) for path in shards])


def mask_tokens(ids: Tensor, vocab_size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """BERT's corruption: of the chosen positions 80 % [MASK], 10 % a random token, 10 % unchanged.

    Returns the corrupted ids and the boolean mask of chosen positions, both `(B, T)`.
    """
    chance = torch.rand(ids.shape, generator=generator)
    chosen = (chance < MASK_RATE) & (ids != CLS) & (ids != SEP)
    how = chance / MASK_RATE
    random_ids = torch.randint(5, vocab_size, ids.shape, generator=generator)
    corrupted = torch.where(chosen & (how < 0.8), MASK, ids)
    corrupted = torch.where(chosen & (how >= 0.8) & (how < 0.9), random_ids, corrupted)
    return corrupted, chosen


def masked_loss(model: BertForMaskedLM, ids: Tensor, chosen: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy at the chosen positions; the output layer runs on these alone."""
    hidden = model.bert(input_ids=ids).last_hidden_state[chosen]
    return cross_entropy(model.cls(hidden).float(), targets[chosen])


def new_model(vectors: Tensor, layers: int) -> BertForMaskedLM:
    """A random BERT whose token vectors `(V, D)` start from co-occurrence statistics."""
    torch.manual_seed(SEED)
    vocab_size, dim = vectors.shape
    config = BertConfig(
        vocab_size=vocab_size,
        hidden_size=dim,
        num_hidden_layers=layers,
        num_attention_heads=dim // 32,
        intermediate_size=4 * dim,
        max_position_embeddings=128,
        pad_token_id=PAD,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    model = BertForMaskedLM(config)
    with torch.no_grad():
        model.bert.embeddings.word_embeddings.weight.copy_(0.04 * vectors / vectors.std())
    return model


def optimizers(model: BertForMaskedLM, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the layers, AdamW for everything else."""
    inner = [p for p in model.bert.encoder.parameters() if p.ndim == 2]
    taken = {id(p) for p in inner}
    rest = [p for p in model.parameters() if id(p) not in taken]
    return [
        torch.optim.Muon(inner, lr=rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, lr=rate, weight_decay=0.0, betas=(0.9, 0.98)),
    ]


def rate_at(step: int, steps: int, peak: float) -> float:
    """Linear warm-up over 3 % of the steps, then linear decay to zero."""
    return peak * warmup_then_decay(steps, 0.03)(step)


def export(model: BertForMaskedLM, corpus_folder: Path, out: Path) -> None:
    """Write the Hugging Face folder: fp16 weights, dropout back at BERT's 0.1."""
    config = copy.deepcopy(model.config)
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.1
    half = BertForMaskedLM(config)
    half.load_state_dict(model.state_dict())
    with new_folder(out) as draft:
        half.half().save_pretrained(draft)
        wordpiece(corpus_folder).save_pretrained(draft)


def wordpiece(corpus_folder: Path) -> BertTokenizer:
    """The corpus's vocabulary in BERT's tokenizer, which adds [CLS] and [SEP]."""
    vocab = Tokenizer.from_file(str(corpus_folder / "tokenizer.json")).get_vocab()
    return BertTokenizer(vocab=vocab, model_max_length=128)


def batches(corpus: Corpus, vocab_size: int, first: int, steps: int) -> Iterator[tuple]:
    """Step number, corrupted ids, chosen positions, original ids: a function of the step alone."""
    for step in range(first, steps):
        ids = torch.from_numpy(corpus.rows(step))
        generator = torch.Generator().manual_seed(SEED + step)
        yield step, *mask_tokens(ids, vocab_size, generator), ids


def update(
    model: BertForMaskedLM, opts: list[torch.optim.Optimizer], batch: list[Tensor], bf16: bool
) -> float:
    """One step of the optimizers on `(corrupted ids, chosen, ids)`, each `(B, T)`: the loss."""
    ids, chosen, targets = (x.to(model.device) for x in batch)
    with torch.autocast(model.device.type, dtype=torch.bfloat16, enabled=bf16):
        loss = masked_loss(model, ids, chosen, targets)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for opt in opts:
        opt.step()
        opt.zero_grad()
    return loss.item()


def set_rate(opts: list[torch.optim.Optimizer], rate: float) -> None:
    """Give every group of parameters this learning rate."""
    for opt in opts:
        for group in opt.param_groups:
            group["lr"] = rate


def log_line(step: int, losses: list[float], tokens_per_step: int, seconds: float) -> dict:
    """Mean loss and speed since the line before."""
    speed = round(len(losses) * tokens_per_step / seconds)
    return {"step": step, "loss": round(float(np.mean(losses)), 4), "tokens_per_s": speed}


def run_of(args: argparse.Namespace) -> str:
    """What makes a run's steps what they are, in words: a checkpoint of another is refused."""
    return f"{args.steps} steps of {args.tokens} tokens, rate {args.rate:g}"


def pretrain(args: argparse.Namespace) -> None:
    """From the last checkpoint in `args.out`, or from a new model, to the last step."""
    corpus = Corpus(args.corpus, args.tokens)
    vectors = torch.from_numpy(np.load(args.corpus / "token-vectors.npy"))
    model = new_model(vectors, args.layers).train()
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    opts = optimizers(model, args.rate)
    checkpoint = args.out / "checkpoint.safetensors"
    first, log = resume(checkpoint, model, opts, run_of(args))
    last = min(args.stop or args.steps, args.steps)
    tick, losses = time.time(), []
    for step, *batch in batches(corpus, len(vectors), first, last):
        set_rate(opts, rate_at(step, args.steps, args.rate))
        losses.append(update(model, opts, batch, args.bf16))
        if (step + 1) % LOG_EVERY == 0 or step + 1 == last:
            log.append(log_line(step + 1, losses, args.tokens, time.time() - tick))
            print(json.dumps(log[-1]), flush=True)
            tick, losses = time.time(), []
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == last:
            save_checkpoint(checkpoint, model, opts, step + 1, log, run_of(args))
            pd.DataFrame(log).to_csv(args.out / "log.csv", index=False)
            export(model, args.corpus, args.out / "model")


def arguments() -> argparse.Namespace:
    """The command line; its defaults are the settings of data/mini-bert."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, default=Path("runs/corpus"))
    parser.add_argument("--out", type=Path, default=Path("runs/pretrain"))
    parser.add_argument("--steps", type=int, default=8_000)
    parser.add_argument("--stop", type=int, help="stop at this step, to go on later")
    parser.add_argument("--tokens", type=int, default=4_096, help="tokens per step")
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--bf16", action="store_true", help="mixed precision, where it is fast")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    torch.set_flush_denormal(True)
    try:
        pretrain(args)
    except KeyboardInterrupt:
        sys.exit(f"Stopped: the same command goes on from the last checkpoint in {args.out}.")


if __name__ == "__main__":
    main()
