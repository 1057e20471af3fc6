"""Pre-train the course's small BERT from scratch by masked language modelling.

python tools/pretrain.py --corpus build/corpus --out build/pretrain --steps 7000

Killed and started again with the same command, it goes on from the last checkpoint with the same
batches and the same loss. The finished model lands in OUT/model as Hugging Face files in fp16.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import BertConfig, BertForMaskedLM, BertTokenizer

from sbert_lessons.checkpoint import load_checkpoint, save_checkpoint
from sbert_lessons.files import new_folder

PAD, UNK, CLS, SEP, MASK = range(5)
SHARES = {"sentences": 0.4, "wikipedia": 0.3, "books": 0.3}
ROW_LENGTHS = (32, 32, 64, 128)
MASK_RATE = 0.25
SEED = 0


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
    return np.concatenate([np.load(path) for path in sorted(folder.glob(f"{name}-*.npy"))])


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
    warm = max(1, round(0.03 * steps))
    return peak * min((step + 1) / warm, (steps - step) / (steps - warm))


def export(model: BertForMaskedLM, corpus_folder: Path, out: Path) -> None:
    """Write the Hugging Face folder: fp16 weights, dropout back at BERT's 0.1."""
    model.config.hidden_dropout_prob = model.config.attention_probs_dropout_prob = 0.1
    half = BertForMaskedLM(model.config)
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, default=Path("build/corpus"))
    parser.add_argument("--out", type=Path, default=Path("build/pretrain"))
    parser.add_argument("--steps", type=int, default=7_000)
    parser.add_argument("--stop", type=int, help="stop at this step, to go on later")
    parser.add_argument("--tokens", type=int, default=4_096, help="tokens per step")
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--random-start", action="store_true", help="token vectors from noise")
    parser.add_argument(
        "--bf16", action="store_true", help="mixed precision, where the machine has it"
    )
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_flush_denormal(True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    corpus = Corpus(args.corpus, args.tokens)
    vectors = torch.from_numpy(np.load(args.corpus / "token-vectors.npy"))
    if args.random_start:
        vectors = torch.randn(vectors.shape, generator=torch.Generator().manual_seed(SEED))
    checkpoint = args.out / "checkpoint.safetensors"
    model = new_model(vectors, args.layers)
    model.to(device).train()
    opts = optimizers(model, args.rate)
    first = load_checkpoint(checkpoint, model, opts) if checkpoint.exists() else 0
    tick, losses, last = time.time(), [], min(args.stop or args.steps, args.steps)
    for step, ids, chosen, targets in batches(corpus, len(vectors), first, last):
        with torch.autocast(device, dtype=torch.bfloat16, enabled=args.bf16):
            loss = masked_loss(model, ids.to(device), chosen.to(device), targets.to(device))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for opt in opts:
            for group in opt.param_groups:
                group["lr"] = rate_at(step, args.steps, args.rate)
            opt.step()
            opt.zero_grad()
        losses.append(loss.item())
        if (step + 1) % 50 == 0 or step + 1 == last:
            speed = len(losses) * args.tokens / (time.time() - tick)
            line = {
                "step": step + 1,
                "loss": round(float(np.mean(losses)), 4),
                "tokens_per_s": round(speed),
            }
            print(json.dumps(line), flush=True)
            with open(args.out / "log.jsonl", "a") as log:
                log.write(json.dumps(line) + "\n")
            tick, losses = time.time(), []
        if (step + 1) % 250 == 0 or step + 1 == last:
            save_checkpoint(checkpoint, model, opts, step + 1)
            export(model, args.corpus, args.out / "model")
            model.config.hidden_dropout_prob = model.config.attention_probs_dropout_prob = 0.0


if __name__ == "__main__":
    main()
