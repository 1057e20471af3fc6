"""Wrong implementations, each of which the checks of the other files must refuse.

A check that accepts a mutant would also accept the mistake that the mutant stands for.
"""

import itertools

import numpy as np
import pytest
import torch
from test_encoder import check_batch_size, check_order, check_repeat, check_without_dropout
from test_evaluation import check_similarities
from test_features_heads_losses import check_combine, check_softmax_loss
from test_losses import (
    PAIRS,
    check_contrastive_by_hand,
    check_cosent_by_hand,
    check_cosine_by_hand,
    check_triplet_by_hand,
)
from test_losses import check_library as check_objective
from test_pooling import check_hand, check_library, check_padding
from test_search import check_top_k
from test_training import check_resume, check_siamese, run
from torch.nn.functional import cross_entropy

from sbert_lessons import checkpoint, training
from sbert_lessons.encoder import SentenceEncoder
from sbert_lessons.evaluation import SIMILARITIES, cosine
from sbert_lessons.features import combine
from sbert_lessons.losses import (
    ContrastiveLoss,
    CoSENTLoss,
    CosineLoss,
    SoftmaxLoss,
    TripletLoss,
)
from sbert_lessons.pooling import POOLINGS
from sbert_lessons.search import top_k
from sbert_lessons.training import Siamese


def masked_sum(x, mask):
    return (x * mask.unsqueeze(-1)).sum(1)


WRONG_POOLINGS = {
    "mean without the mask": ("mean", lambda x, m: x.mean(1)),
    "mean, mask above only": ("mean", lambda x, m: masked_sum(x, m) / x.shape[1]),
    "mean, mask below only": ("mean", lambda x, m: x.sum(1) / m.sum(1, keepdim=True)),
    "max without the mask": ("max", lambda x, m: x.amax(1)),
    "max, zeros for padding": ("max", lambda x, m: (x * m.unsqueeze(-1)).amax(1)),
    "cls at place 0": ("cls", lambda x, m: x[:, 0]),
    "last at place -1": ("lasttoken", lambda x, m: x[:, -1]),
    "last at place length - 1": (
        "lasttoken",
        lambda x, m: x[torch.arange(len(x)), m.sum(1) - 1],
    ),
    "square root of the padded length": (
        "mean_sqrt_len_tokens",
        lambda x, m: masked_sum(x, m) / x.shape[1] ** 0.5,
    ),
    "the length itself": ("mean_sqrt_len_tokens", POOLINGS["mean"]),
    "weights counted from the left edge": (
        "weightedmean",
        lambda x, m: (
            masked_sum(x, m * torch.arange(1, x.shape[1] + 1))
            / (m * torch.arange(1, x.shape[1] + 1)).sum(1, keepdim=True)
        ),
    ),
    "weights without the mask below": (
        "weightedmean",
        lambda x, m: masked_sum(x, m.cumsum(1) * m) / m.cumsum(1).sum(1, keepdim=True),
    ),
}


def refused(check, *arguments) -> bool:
    try:
        check(*arguments)
    except AssertionError:
        return True
    return False


@pytest.mark.parametrize("name, pool", WRONG_POOLINGS.values(), ids=WRONG_POOLINGS)
def test_wrong_poolings(name, pool):
    assert refused(check_library, name, pool)
    assert refused(check_hand, name, pool)


@pytest.mark.parametrize("name, pool", WRONG_POOLINGS.values(), ids=WRONG_POOLINGS)
def test_padding_gives_wrong_poolings_away(name, pool):
    caught = [refused(check_padding, pool, [2, 5], side, 3, 0) for side in ("left", "right")]
    assert any(caught) or pool is POOLINGS["mean"]  # the wrong formula, but a right mask


WRONG_FEATURES = {
    "no absolute value": lambda u, v, f="u,v,|u-v|": combine(u, v, f.replace("|u-v|", "u-v")),
    "u and v exchanged": lambda u, v, f="u,v,|u-v|": combine(v, u, f),
    "the order forgotten": lambda u, v, f="u,v,|u-v|": combine(
        u, v, ",".join(sorted(f.split(","), key=str.strip))
    ),
}


@pytest.mark.parametrize("wrong", WRONG_FEATURES.values(), ids=WRONG_FEATURES)
def test_wrong_features(wrong):
    assert refused(check_combine, wrong)


class Summed(SoftmaxLoss):
    def forward(self, u, v, labels):
        return cross_entropy(self.head(u, v), labels, reduction="sum")


class Detached(SoftmaxLoss):
    def forward(self, u, v, labels):
        return super().forward(u, v.detach(), labels)


class TwiceSoftmax(SoftmaxLoss):
    def forward(self, u, v, labels):
        return cross_entropy(self.head(u, v).softmax(-1), labels)


@pytest.mark.parametrize("wrong", [Summed, TwiceSoftmax])
def test_wrong_losses(wrong):
    assert refused(check_softmax_loss, wrong)


def test_a_loss_that_trains_one_side_only():
    with pytest.raises((AssertionError, TypeError)):
        check_softmax_loss(Detached)


class Unmasked(SentenceEncoder):
    """The backbone attends to padding."""

    def forward(self, input_ids, attention_mask):
        return super().forward(input_ids, torch.ones_like(attention_mask))


def only_now(encoder):
    """Dropout is off until the next training."""
    return encoder.eval()


def not_in_attention(encoder):
    """Leaves the dropout of the attention weights."""
    for layer in encoder.backbone.encoder.layer:
        layer.attention.output.dropout.p = layer.output.dropout.p = 0.0
    encoder.backbone.embeddings.dropout.p = 0.0
    return encoder


@pytest.mark.parametrize("wrong", [only_now, not_in_attention])
def test_wrong_ways_to_switch_dropout_off(tiny_encoder, wrong):
    assert refused(check_without_dropout, wrong, tiny_encoder)


class Unordered(SentenceEncoder):
    """Rows come back from longest to shortest."""

    def encode(self, texts, batch_size=32):
        rows = np.argsort(-self.tokenize(texts).lengths, kind="stable")
        return super().encode(texts, batch_size)[rows]


class Dropping(SentenceEncoder):
    """Dropout stays on while encoding."""

    def eval(self):
        return self


class Forgetful(SentenceEncoder):
    """The training mode is lost by encoding."""

    def encode(self, texts, batch_size=32):
        vectors = super().encode(texts, batch_size)
        self.train(False)
        return vectors


def as_class(encoder: SentenceEncoder, wrong: type) -> SentenceEncoder:
    return wrong(encoder.backbone, encoder.tokenizer, encoder.pooling, encoder.max_length)


@pytest.mark.parametrize(
    "wrong, check",
    [
        (Unmasked, check_order),
        (Unmasked, check_batch_size),
        (Unordered, check_order),
        (Dropping, check_repeat),
        (Forgetful, check_repeat),
    ],
)
def test_wrong_encoders(tiny_encoder, wrong, check):
    assert refused(check, as_class(tiny_encoder, wrong))


WRONG_SIMILARITIES = {
    "cosine": lambda u, v: (u * v).sum(1) / np.linalg.norm(u, axis=1),
    "dot": cosine,
    "euclidean": lambda u, v: np.linalg.norm(u - v, axis=1),
    "manhattan": lambda u, v: -np.abs(u - v).mean(1),
}


@pytest.mark.parametrize("name, wrong", WRONG_SIMILARITIES.items())
def test_wrong_similarities(name, wrong):
    assert refused(check_similarities, SIMILARITIES | {name: wrong})


def smallest_first(queries, corpus, k):
    cosines, rows = top_k(queries, corpus, len(corpus))
    return cosines[:, ::-1][:, :k], rows[:, ::-1][:, :k]


def dot_product(queries, corpus, k):
    rows = np.argsort(-(queries @ corpus.T), axis=1, kind="stable")[:, :k]
    return np.take_along_axis(queries @ corpus.T, rows, 1), rows


@pytest.mark.parametrize("wrong", [smallest_first, dot_product])
def test_wrong_searches(wrong):
    assert refused(check_top_k, wrong)


class InOrder(Siamese):
    """Takes the different sentences of a batch for those of its rows."""

    def forward(self, blocks, rows, labels):
        order = torch.arange(rows.numel()).reshape(rows.shape)
        last = sum(len(ids) for ids, _ in blocks) - 1
        return super().forward(blocks, order.clamp(max=last), labels)


class OneMask(Siamese):
    """Reads every sentence as if all were as long as the longest of their block."""

    def forward(self, blocks, rows, labels):
        full = [(ids, torch.ones_like(mask)) for ids, mask in blocks]
        return super().forward(full, rows, labels)


@pytest.mark.parametrize("wrong", [InOrder, OneMask])
def test_wrong_columns_of_a_batch(tiny_encoder, wrong):
    assert refused(check_siamese, wrong, tiny_encoder)


@pytest.mark.parametrize(
    "module, forgotten, value",
    [
        (checkpoint, "restore_optimizers", lambda *_: None),
        (checkpoint, "load_checkpoint", lambda path, *_: int(checkpoint.read_notes(path)["step"])),
        (training, "warmup_then_decay", lambda *_: falling_by_calls()),  # the rate starts again
    ],
)
def test_a_resumed_run_that_forgets(encoder_with, tmp_path, monkeypatch, module, forgotten, value):
    monkeypatch.setattr(module, forgotten, value)
    assert refused(check_resume, run, encoder_with, tmp_path)


def falling_by_calls():
    """A rate that falls with each call, not with the step that it is asked for."""
    calls = itertools.count(1)
    return lambda _: 1 / next(calls)


class Distance(CosineLoss):
    def forward(self, u, v, labels):
        return (u - v).square().sum(-1).sub(labels).square().mean()


class AllPairs(CoSENTLoss):
    """Takes pairs of equal labels for ordered ones."""

    def forward(self, u, v, labels):
        ranks = labels + torch.arange(len(labels)) * 1e-3
        return super().forward(u, v, ranks)


class Upside(CoSENTLoss):
    def forward(self, u, v, labels):
        return super().forward(u, v, -labels)


class MeanOfTerms(CoSENTLoss):
    """Averages inside the logarithm, so that the number of pairs of pairs no longer counts."""

    def forward(self, u, v, labels):
        terms = (labels[:, None] > labels[None, :]).sum()
        return (super().forward(u, v, labels).exp().sub(1) / terms + 1).log()


class NoRelu(ContrastiveLoss):
    def forward(self, u, v, labels):
        cos = torch.nn.functional.cosine_similarity(u, v)
        return torch.where(labels == 1, 1 - cos, cos - self.floor).square().mean()


class Squared(TripletLoss):
    def forward(self, anchor, positive, negative):
        gap = (anchor - positive).square().sum(-1) - (anchor - negative).square().sum(-1)
        return (gap + self.margin).relu().mean()


@pytest.mark.parametrize(
    "wrong, by_hand, right",
    [
        (Distance, check_cosine_by_hand, CosineLoss),
        (AllPairs, check_cosent_by_hand, CoSENTLoss),
        (Upside, check_cosent_by_hand, CoSENTLoss),
        (MeanOfTerms, check_cosent_by_hand, CoSENTLoss),
        (NoRelu, check_contrastive_by_hand, ContrastiveLoss),
        (Squared, check_triplet_by_hand, TripletLoss),
    ],
)
def test_wrong_objectives(wrong, by_hand, right):
    assert refused(by_hand, wrong())
    caught = []
    for ours, *row in PAIRS:
        if type(ours) is right:
            mutant = wrong()
            mutant.__dict__.update(ours.__dict__)  # the same scale, margin or floor
            caught.append(refused(check_objective, mutant, *row))
    assert any(caught)
