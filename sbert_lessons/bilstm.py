"""InferSent's sentence encoder, and the recipe that trained it. Introduced in lesson 08.

Conneau et al. (2017), *Supervised Learning of Universal Sentence Representations from Natural
Language Inference Data*, arXiv 1705.02364.
"""

import json
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from accelerate import Accelerator
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.optim import SGD
from transformers import PreTrainedTokenizerBase

from sbert_lessons.data import DATA
from sbert_lessons.encoder import TextEncoder, evaluating, load_backbone, read_json, well_formed
from sbert_lessons.files import CHECKSUMS, damaged_files, new_folder
from sbert_lessons.pooling import POOLINGS
from sbert_lessons.progress import progress_bar
from sbert_lessons.training import Best, Pairs, Siamese, epoch_batches, update

MAX_NORM = 5.0  # of the gradient
SHRINK, DECAY = 5, 0.99  # of the learning rate: after a worse epoch, after every epoch
LAST_RATE = 1e-5


class BiLSTMEncoder(TextEncoder):
    """Two LSTMs, one a direction, over fixed word vectors, and a pooling over their states.

    h_t = (forward LSTM up to word t, backward LSTM down to word t); u = max_t h_t, dimension by
    dimension. `forward`: `(B, T) ids, (B, T) mask -> (B, 2 hidden)`. `words: (V, d)` is one vector
    a token id; it does not learn. InferSent, section 3.2. Introduced in lesson 08.
    """

    def __init__(
        self,
        words: Tensor,
        tokenizer: PreTrainedTokenizerBase,
        hidden: int = 256,
        pooling: str = "max",
        max_length: int = 128,
    ) -> None:
        super().__init__()
        if pooling not in POOLINGS:
            raise ValueError(f"There is no pooling '{pooling}': choose from {', '.join(POOLINGS)}.")
        self.register_buffer("words", words, persistent=False)  # not saved: the backbone has it
        self.lstm = nn.LSTM(words.shape[1], hidden, batch_first=True, bidirectional=True)
        self.tokenizer, self.pooling, self.max_length = tokenizer, pooling, max_length

    @property
    def dim(self) -> int:
        """D, the length of a sentence vector: both directions."""
        return 2 * self.lstm.hidden_size

    def states(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Both LSTMs' states at every token: `(B, T), (B, T) -> (B, T, D)`, zero at padding.

        Packing takes the padding out, so that the backward LSTM starts at the last real token.
        """
        if not attention_mask[:, 0].all():
            raise ValueError("A BiLSTM needs its padding on the right, and a token in every row.")
        lengths = attention_mask.sum(1).cpu()
        vectors = self.words[input_ids]
        packed = pack_padded_sequence(vectors, lengths, batch_first=True, enforce_sorted=False)
        states = self.lstm(packed)[0]
        total = input_ids.shape[1]
        return pad_packed_sequence(states, batch_first=True, total_length=total)[0]

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        states = self.states(input_ids, attention_mask)
        return POOLINGS[self.pooling](states, attention_mask)

    @torch.inference_mode()
    def winners(self, text: str) -> pd.DataFrame:
        """For each token, of how many dimensions of each direction it holds the largest value.

        They are the words that MAX takes the vector from; all counts together add up to D.
        """
        ids, mask = self.tokenize(text).batch(np.array([0]))
        with evaluating(self):
            best = self.states(ids, mask)[0].argmax(0)
        tokens, halves = self.tokens(text), best.split(self.lstm.hidden_size)
        counts = [half.bincount(minlength=len(tokens)).numpy() for half in halves]
        return pd.DataFrame(dict(zip(("forward", "backward"), counts, strict=True)), index=tokens)

    def save(self, path: str | Path) -> None:
        """Write the LSTMs and the settings; the word vectors stay with the backbone they are from.

        The folder appears whole or not at all; the errors are those of `SentenceEncoder.save`.
        """
        settings = {
            "hidden": self.lstm.hidden_size,
            "pooling": self.pooling,
            "max_length": self.max_length,
            "words": digest(self.words),
        }
        with new_folder(Path(path)) as draft:
            save_file(self.state_dict(), draft / "model.safetensors")
            (draft / "config.json").write_text(json.dumps(settings, indent=2) + "\n", "utf8")

    @classmethod
    def load(cls, path: str | Path, backbone: str | Path = DATA / "mini-bert") -> "BiLSTMEncoder":
        """Open a folder that `save` wrote; `backbone` is the BERT whose word vectors it was fed.

        Raises FileNotFoundError for a missing model and ValueError for a damaged one, or for
        another backbone's word vectors.
        """
        with well_formed(path):
            settings = {**read_json(Path(path) / "config.json")}
        if "words" not in settings:
            raise FileNotFoundError(f"There is no BiLSTM in {path}: check the path.")
        for damaged in damaged_files(DATA / CHECKSUMS, Path(path)):
            raise ValueError(f"{damaged} is damaged: restore it with `git checkout -- data`.")
        words, tokenizer = word_vectors(backbone)
        if settings.pop("words") != digest(words):
            raise ValueError(
                f"{path} was trained on other word vectors than those of {backbone}: give the "
                "backbone that it was trained with, `load(path, backbone)`."
            )
        with well_formed(path):
            encoder = cls(words, tokenizer, **settings)
        try:
            encoder.load_state_dict(load_file(Path(path) / "model.safetensors"))
        except (SafetensorError, RuntimeError, OSError) as error:
            raise ValueError(
                f"The weights in {path} are damaged ({error}): restore them."
            ) from error
        return encoder.eval()


def word_vectors(backbone: str | Path) -> tuple[Tensor, PreTrainedTokenizerBase]:
    """A BERT's token embedding table `(V, d)`, for words out of context, and its tokenizer.

    Divided by its standard deviation, so that an LSTM with the usual first weights hears it.
    InferSent had GloVe vectors here.
    """
    model, tokenizer = load_backbone(backbone)
    table = model.get_input_embeddings().weight.detach()
    return table / round(table.double().std().item(), 4), tokenizer  # rounded: alike everywhere


def digest(words: Tensor) -> str:
    """A short fingerprint of word vectors."""
    return sha256(words.cpu().numpy().tobytes()).hexdigest()[:16]


def mini_infersent() -> Path:
    """The bundled BiLSTM-max after InferSent's training on NLI: data/mini-infersent."""
    return DATA / "mini-infersent"


def train_infersent(
    encoder: BiLSTMEncoder,
    objective: nn.Module,
    columns: Sequence[Sequence[str]],
    labels: Sequence,
    accuracy: Callable[[], float],
    *,
    epochs: int = 20,
    batch_size: int = 64,
    rate: float = 0.1,
    seed: int = 0,
) -> pd.DataFrame:
    """Train encoder and objective in place by plain SGD, with InferSent's schedule of its rate.

    After each epoch the rate is multiplied by 0.99, and divided by 5 too if `accuracy()`, on
    pairs kept aside, was not the best so far; below 1e-5 training ends. The gradient's norm is at
    most 5. The weights of the best epoch are put back, also after Ctrl-C. Returns a row an epoch:
    epoch, rate, loss, accuracy. Raises ValueError for a loss or an accuracy that is not a number.
    InferSent, section 3.3, and its `train_nli.py`. Introduced in lesson 08.
    """
    accelerator = Accelerator()
    data, siamese = Pairs(encoder, columns, labels), Siamese(encoder, objective)
    parallel, optimizer = accelerator.prepare(siamese, SGD(siamese.parameters(), lr=rate))
    best, history = Best(siamese, "epoch"), []
    try:
        for epoch in range(1, epochs + 1):
            siamese.train()
            rows = epoch_batches(data, batch_size, seed, epoch - 1)
            steps = map(data.batch, progress_bar(rows, f"epoch {epoch}"))
            losses = [
                update(accelerator, parallel, optimizer, b, i, MAX_NORM)
                for i, b in enumerate(steps)
            ]
            siamese.eval()
            row = {"epoch": epoch, "rate": rate, "loss": np.mean(losses), "accuracy": accuracy()}
            history.append(row)
            rate *= DECAY if row["accuracy"] > best.score else DECAY / SHRINK
            best.keep({"accuracy": row["accuracy"]}, epoch)
            optimizer.param_groups[0]["lr"] = rate
            if rate < LAST_RATE:
                break
    except KeyboardInterrupt as stop:
        done = f"Stopped after {len(history)} of {epochs} epochs"
        raise KeyboardInterrupt(f"{done}: {best.restore()}.") from stop
    finally:
        siamese.eval()
        best.restore()
    return pd.DataFrame(history)
