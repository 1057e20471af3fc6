"""The sentence encoder: a BERT, a pooling, and a folder that sentence-transformers can open."""

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from threadpoolctl import threadpool_limits
from torch import Tensor, nn
from torch.nn.functional import normalize
from transformers import (
    AutoModel,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    logging,
)
from transformers.utils import cached_file

from sbert_lessons.data import DATA, TokenStore, encoding_batches, tokenize
from sbert_lessons.files import CHECKSUMS, damaged_files, new_folder
from sbert_lessons.pooling import POOLINGS
from sbert_lessons.progress import progress_bar

OLD_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
NEEDED = (  # in a model folder: one file of each line
    ("config.json",),
    ("model.safetensors", "model.safetensors.index.json"),
    ("tokenizer.json", "vocab.txt"),
)
LONG_WORK = 50  # batches; fewer need no progress bar

logging.set_verbosity_error()  # loading a backbone without its MLM layer is what the course wants
logging.disable_progress_bar()
threadpool_limits(1, user_api="blas")  # numpy's threads wait for torch's cores, and torch for them


class TextEncoder(nn.Module):
    """What all encoders of the course share: texts to token ids, and in batches to vectors.

    A subclass sets `tokenizer` and `max_length`, and has `dim` and `forward`, which takes ids and
    mask, `(B, T)` each, and returns `(B, D)`.
    """

    tokenizer: PreTrainedTokenizerBase
    max_length: int
    dim: int

    def tokenize(self, texts: str | Sequence[str]) -> TokenStore:
        """Token ids of the texts, cut at `max_length`."""
        return tokenize(texts, self.tokenizer, self.max_length)

    def encode(self, texts: str | Sequence[str], batch_size: int = 32) -> np.ndarray:
        """Sentence vectors in the caller's order: float32 `(N, D)`, one row for a single string.

        Texts of like length share a batch (SBERT, section 7), long ones a smaller batch; each core
        has a batch of its own. Long work shows a progress bar.
        Raises TypeError or ValueError, naming the text, for anything but non-empty strings.
        """
        store = self.tokenize(texts)
        vectors = np.empty((len(store), self.dim), dtype=np.float32)
        batches = encoding_batches(store.lengths, batch_size)
        shown = progress_bar(batches, "encode", shown=len(batches) > LONG_WORK)
        with evaluating(self), side_by_side(len(batches), self.device) as pool:
            found = pool.map(lambda rows: self.vectors(*store.batch(rows)), batches)
            for rows, of_batch in zip(shown, found, strict=True):
                vectors[rows] = of_batch
        return vectors

    @torch.inference_mode()  # holds for the thread that calls: here, not in `encode`
    def vectors(self, ids: Tensor, mask: Tensor) -> np.ndarray:
        """One batch, `(B, T)` each, as float32 `(B, D)` on the CPU."""
        return self(ids.to(self.device), mask.to(self.device)).float().cpu().numpy()

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def tokens(self, text: str) -> list[str]:
        """The word pieces of one text, [CLS] and [SEP] included."""
        return self.tokenizer.convert_ids_to_tokens(self.tokenize(text).ids.tolist())


class SentenceEncoder(TextEncoder):
    """A transformer and a way to pool its token vectors into one vector per sentence.

    `forward`: `(B, T) ids, (B, T) mask -> (B, D)`. `encode`: texts to a float32 array `(N, D)`.
    SBERT, section 3. Introduced in lesson 02.
    """

    def __init__(
        self,
        backbone: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        pooling: str = "mean",
        max_length: int = 128,
        normalized: bool = False,
    ) -> None:
        super().__init__()
        if pooling not in POOLINGS:
            raise ValueError(f"There is no pooling '{pooling}': choose from {', '.join(POOLINGS)}.")
        self.backbone, self.tokenizer = backbone, tokenizer
        positions = getattr(backbone.config, "max_position_embeddings", max_length)
        self.pooling, self.normalized = pooling, normalized
        self.max_length = min(max_length, positions)
        self.train(backbone.training)

    @property
    def dim(self) -> int:
        """D, the length of a sentence vector."""
        return self.backbone.config.hidden_size

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        tokens = self.backbone(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        pooled = POOLINGS[self.pooling](tokens, attention_mask)
        return normalize(pooled) if self.normalized else pooled

    @torch.inference_mode()
    def hidden_states(self, texts: Sequence[str]) -> tuple[tuple[Tensor, ...], Tensor]:
        """Token vectors of every layer, each `(B, T, D)`, embeddings first, and the mask `(B, T)`.

        For looking inside a few sentences. Introduced in lesson 02.
        """
        store = self.tokenize(texts)
        ids, mask = (x.to(self.device) for x in store.batch(np.arange(len(store))))
        with evaluating(self):
            output = self.backbone(ids, attention_mask=mask, output_hidden_states=True)
        return output.hidden_states, mask

    @classmethod
    def load(cls, path: str | Path, pooling: str | None = None) -> "SentenceEncoder":
        """Open a sentence-transformers folder, a plain Hugging Face folder, or either by hub name.

        A plain model gets mean pooling. `pooling` overrides what the folder says. Raises
        FileNotFoundError for a missing model and ValueError for a damaged or unsupported one.
        """
        with well_formed(path):
            stored = stored_settings(path)
            if pooling is not None:
                stored["pooling"] = pooling
            return cls(*load_backbone(path), **stored)

    def save(self, path: str | Path) -> None:
        """Write a folder that `sentence_transformers.SentenceTransformer(path)` opens.

        The folder appears whole or not at all. A training head is not part of it. An older model
        there is replaced, and other files in its folder stay. Raises FileExistsError for a folder
        of anything else, and OSError where it cannot be written.
        """
        with new_folder(Path(path)) as draft:
            self.backbone.save_pretrained(draft)
            self.tokenizer.save_pretrained(draft)
            for name, content in library_files(self).items():
                (draft / name).parent.mkdir(exist_ok=True)
                (draft / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf8")


def without_dropout(encoder: TextEncoder) -> TextEncoder:
    """The same encoder, which no longer drops anything while it is trained.

    Introduced in lesson 04.
    """
    for module in encoder.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return encoder


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Dropout off inside the block; afterwards, also after Ctrl-C, the mode is what it was."""
    was_training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(was_training)


@contextmanager
def side_by_side(jobs: int, device: torch.device) -> Iterator[Executor]:
    """A pool in which the cores work on a job each, as long as there are as many jobs as cores.

    A product of small matrices gains little from a second core: two batches at once are faster
    than two cores on one. On a GPU the jobs go one after the other. After Ctrl-C only those that
    have begun are finished.
    """
    threads = torch.get_num_threads()
    workers = max(1, min(threads, jobs)) if device.type == "cpu" else 1
    pool = ThreadPoolExecutor(workers)
    torch.set_num_threads(threads // workers)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)


@contextmanager
def well_formed(path: str | Path) -> Iterator[None]:
    """ValueError for JSON in a model's files that is sound but not what a model has there."""
    model = Path(path)  # a TypeError of this one is the caller's
    try:
        yield
    except (TypeError, LookupError, AttributeError, StrictDataclassError) as error:
        raise ValueError(
            f"A .json file of {model} is damaged ({error!r}): restore the folder or download it "
            "again."
        ) from error


def load_backbone(path: str | Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Transformer, without the pooler that sentence vectors never use, and tokenizer."""
    if Path(path).is_dir() or Path(path).is_absolute():
        check_model_folder(Path(path))
    try:
        tokenizer = AutoTokenizer.from_pretrained(path)
        backbone = load_weights(AutoModel, path)
    except OSError as error:
        raise FileNotFoundError(
            f"Cannot load '{path}': it is neither a model folder nor, without a network, a model "
            "that was downloaded before. The bundled mini_bert() and mini_sbert() need no network."
        ) from error
    if getattr(backbone, "pooler", None) is not None:
        backbone.pooler = None
    return backbone, tokenizer


def load_weights(kind: type, path: str | Path) -> PreTrainedModel:
    """A model of this class in float32, ready to be used; weights from safetensors, never pickle.

    ValueError for damaged weights, and where some are missing, the pooler's aside: the library
    would draw them at random, in silence.
    """
    try:
        model, found = kind.from_pretrained(
            path, dtype=torch.float32, use_safetensors=True, output_loading_info=True
        )
    except (SafetensorError, RuntimeError) as error:  # RuntimeError: of another size
        raise ValueError(
            f"The weights in {path} are damaged or not those of its config.json ({error}): "
            "restore the folder or download it again."
        ) from error
    missing = sorted(name for name in found["missing_keys"] if not name.startswith("pooler."))
    if missing:
        raise ValueError(
            f"{path} lacks {len(missing)} of the model's weights, such as {missing[0]}: restore "
            "the folder, or check that it holds a model of this kind."
        )
    return model.eval()


def check_model_folder(folder: Path) -> None:
    """One clear sentence if a file of a model is missing or damaged.

    Bundled files are compared with data/checksums.sha256: a flipped bit breaks no file format.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no model in {folder}: check the path.")
    for names in NEEDED:
        if not any((folder / name).exists() for name in names):
            raise FileNotFoundError(
                f"There is no {names[0]} in {folder}: restore the folder or download it again."
            )
    for damaged in damaged_files(DATA / CHECKSUMS, folder):
        raise ValueError(f"{damaged} is damaged: restore it with `git checkout -- data`.")
    for path in folder.glob("*.json"):
        read_json(path)


def stored_settings(path: str | Path) -> dict:
    """Pooling, length limit and normalisation as a sentence-transformers model states them."""
    modules = model_json(path, "modules.json")
    if not modules:
        return {}
    settings: dict = {}
    for module in modules:
        kind = module["type"].rsplit(".", 1)[-1]
        if kind == "Pooling":
            settings["pooling"] = pooling_name(model_json(path, f"{module['path']}/config.json"))
        elif kind == "Normalize":
            settings["normalized"] = True
        elif kind != "Transformer":
            raise ValueError(
                f"{path} has a module of kind {kind}, which this course does not load."
            )
    limit = model_json(path, "sentence_bert_config.json").get("max_seq_length")
    limit = limit or model_json(path, "tokenizer_config.json").get("model_max_length")
    return settings | ({"max_length": limit} if limit else {})


def model_json(path: str | Path, name: str) -> dict | list:
    """A JSON file of a model in a folder, or on the hub or in its cache; `{}` if there is none."""
    try:
        return read_json(Path(cached_file(str(path), name)))
    except OSError:
        return {}


def pooling_name(config: dict) -> str:
    """The pooling in a library configuration, in the form of version 5.4 or of those before."""
    old = [name for flag, name in OLD_FLAGS.items() if config.get(flag)]
    name = config.get("pooling_mode") or "+".join(old)
    if name not in POOLINGS:
        raise ValueError(f"The folder asks for pooling '{name}'; known are {', '.join(POOLINGS)}.")
    return name


def library_files(encoder: SentenceEncoder) -> dict[str, dict | list]:
    """The files, besides weights and tokenizer, that make a sentence-transformers folder."""
    modules = [
        ("", "base.modules.transformer.Transformer"),
        ("1_Pooling", "sentence_transformer.modules.pooling.Pooling"),
    ]
    if encoder.normalized:
        modules.append(("2_Normalize", "base.modules.normalize.Normalize"))
    return {
        "modules.json": [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.{kind}"}
            for i, (path, kind) in enumerate(modules)
        ],
        "sentence_bert_config.json": {"max_seq_length": encoder.max_length, "do_lower_case": False},
        "config_sentence_transformers.json": {"similarity_fn_name": "cosine", "prompts": {}},
        "1_Pooling/config.json": {
            "embedding_dimension": encoder.dim,
            "pooling_mode": encoder.pooling,
        },
    }


def read_json(path: Path) -> dict | list:
    """A JSON file; `{}` if there is none, and one clear sentence if it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:  # not JSON, or not UTF-8
        raise ValueError(
            f"{path} is damaged ({error}): restore it or download it again."
        ) from error


def mini_bert() -> Path | str:
    """The raw backbone of the course: data/mini-bert, or what SBERT_LESSONS_BACKBONE names."""
    return os.environ.get("SBERT_LESSONS_BACKBONE", DATA / "mini-bert")


def mini_sbert() -> Path:
    """The bundled backbone after the paper's training on NLI: data/mini-sbert."""
    return DATA / "mini-sbert"
