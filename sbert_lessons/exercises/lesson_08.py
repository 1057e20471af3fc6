"""Lesson 08: exercises, predictions and claims."""

import math

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ..features import combine
from ..results import average
from .judging import compare
from .model import Claim, Prediction, exercise


@exercise("08.1", "A memory that forgets half", kind="hand", minutes=6, level=1, hints=(
    "Forward: c1 = 0.8; c2 = 0.5 * 0.8 - 0.2; c3 = 0.5 * c2 + 0.6.",
    "Backward: begin at word 3. Its cell is 0.6; word 2 has 0.5 * 0.6 - 0.2; then word 1.",
    "MAX compares the three words of one direction: which cell is the largest?",
))  # fmt: skip
def memory(answer):
    forward, backward, winners = answer
    return compare(forward, [0.8, 0.2, 0.7], mistakes={
        "forward: those are the new values alone; add half of the old cell.": [0.8, -0.2, 0.6],
        "forward: half of the old cell is kept, not all of it.": [0.8, 0.6, 1.2],
        "forward: the new value counts in full, the old cell by half.": [0.4, 0.1, 0.35],
        "forward: those are the states, tanh of the cells; write down the cells.": [
            math.tanh(c) for c in (0.8, 0.2, 0.7)
        ],
    }, otherwise="forward: c_t = 0.5 c_(t-1) + g_t, with c_0 = 0.") or compare(
        backward, [0.85, 0.1, 0.6], mistakes={
            "backward: give the cells in the order of the words, first word first.": [
                0.6, 0.1, 0.85,
            ],
            "backward: begin at the last word, with an empty memory.": [0.8, 0.2, 0.7],
            "backward: half of the old cell is kept, not all of it.": [1.2, 0.4, 0.6],
        }, otherwise="backward: c_t = 0.5 c_(t+1) + g_t, from the last word to the first.",
    ) or compare(winners, [1, 1], mistakes={
        "winners: words count from 1 here.": [0, 0],
        "winners: that is the last word read in each direction; MAX takes the largest.": [3, 1],
    }, otherwise="winners: the word whose cell is the largest, for each direction.")  # fmt: skip


def stretch(lstm, x, lengths):
    """States of a packed batch, zero at padding, and the mask."""
    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    states = pad_packed_sequence(lstm(packed)[0], batch_first=True, total_length=x.shape[1])[0]
    return states, torch.arange(x.shape[1]) < lengths[:, None]


@exercise("08.2", "The padding bug", kind="bug", minutes=10, level=2, hints=(
    "First fault: the second LSTM reads from the right. What does it read first in a short row?",
    "`pack_padded_sequence(..., batch_first=True, enforce_sorted=False)` and back again.",
    "Second fault: a zero beats every negative state. Put something smaller at the padding.",
    "`torch.arange(T) < lengths[:, None]` is the mask; `masked_fill(..., -torch.inf)`.",
))  # fmt: skip
@torch.no_grad()
def padding_bug(answer):
    with torch.random.fork_rng():
        torch.manual_seed(3)
        lstm = nn.LSTM(4, 6, batch_first=True, bidirectional=True)
        x, lengths = torch.randn(3, 5, 4), torch.tensor([2, 5, 3])
    lstm.bias_hh_l0 += torch.linspace(-2, 1, 24)  # many negative states
    states, mask = stretch(lstm, x, lengths)
    hidden = ~mask.unsqueeze(-1)
    loose = lstm(x)[0]
    loose_zero = loose.masked_fill(hidden, 0)
    return compare(answer(lstm, x, lengths), states.masked_fill(hidden, -torch.inf).amax(1),
        mistakes={
            "The zeros of the padding still take part in MAX: a zero beats a negative state.":
                states.amax(1),
            "The backward LSTM still begins in the padding: pack the sequences.":
                loose.masked_fill(hidden, -torch.inf).amax(1),
            "Nothing has changed yet: two faults are left.": loose_zero.amax(1),
            "Padding takes part, with the states that the LSTMs wrote there.": loose.amax(1),
            "That is MEAN; InferSent takes MAX.":
                states.sum(1) / lengths[:, None],
        }, otherwise="Pack, run the LSTMs, unpack, then MAX over real tokens only.")  # fmt: skip


@exercise("08.3", "A head that holds two similarities", kind="code", minutes=10, level=2, hints=(
    "The features lie side by side: u, v, |u-v|, u*v, each D wide.",
    "A dot product is the sum of u*v: which D weights are 1, and which are 0?",
    "`weights[0, 3 * D:] = 1`; the second row is -1 on the block of |u-v|.",
))  # fmt: skip
def two_similarities(answer):
    with torch.random.fork_rng():
        torch.manual_seed(5)
        u, v = torch.randn(2, 4, 5)
    weights = answer(5)
    if weights is None:
        return "Your function gives back nothing: does it end with `return ...`?"
    weights = torch.as_tensor(weights)
    if weights.shape != (2, 20):
        return f"The shape is {tuple(weights.shape)}, wanted is (2, 4 D) = (2, 20)."
    scores = combine(u, v, "u,v,|u-v|,u*v") @ weights.float().T
    dot, manhattan = (u * v).sum(1), (u - v).abs().sum(1)
    return compare(scores, torch.stack([dot, -manhattan], 1), mistakes={
        "The second row has the sign of a distance: larger must mean closer.":
            torch.stack([dot, manhattan], 1),
        "The rows are exchanged: dot product first.": torch.stack([-manhattan, dot], 1),
        "You used the blocks of u and v; a sum of u and v compares nothing.":
            torch.stack([u.sum(1), -v.sum(1)], 1),
        "Both rows have the wrong sign: larger must mean closer.":
            torch.stack([-dot, manhattan], 1),
        "Sums, not averages: each weight is 1, -1 or 0.": torch.stack([dot, -manhattan], 1) / 5,
    }, otherwise="1 on the block of u*v, -1 on that of |u-v|, 0 elsewhere.")  # fmt: skip


@exercise("08.4", "The rate of InferSent", kind="hand", minutes=6, level=1, hints=(
    "After every epoch: times 0.99. After an epoch that is not the best so far: divided by 5 too.",
    "Epoch 3 (.63) is worse than epoch 2 (.64), so it is epoch 4 that runs at a fifth.",
    "Rates: 0.1, 0.1 * 0.99, 0.1 * 0.99^2, 0.1 * 0.99^3 / 5.",
))  # fmt: skip
def rates(answer):
    right = [0.1, 0.099, 0.09801, 0.0970299 / 5]
    return compare(answer, right, tolerance=1e-5, mistakes={
        "An epoch's accuracy changes the rate of the next epoch, not its own.": [
            0.1, 0.099, 0.09801 / 5, 0.0970299 / 5,
        ],
        "The accuracy of epoch 3 fell: divide the rate by 5 after it.": [
            0.1, 0.099, 0.09801, 0.0970299,
        ],
        "Times 0.99 after every epoch, also after a worse one.": [0.1, 0.099, 0.09801, 0.019602],
        "The factor after a good epoch is 0.99, not 1.": [0.1, 0.1, 0.1, 0.02],
        "Divided by 5 after the worse epoch only: the rate of epoch 2 is 0.099.": [
            0.1, 0.1 / 5, 0.1 / 25, 0.1 / 125,
        ],
    }, otherwise="Four rates, of epochs 1 to 4; the first is 0.1.")  # fmt: skip


@exercise("08.5", "What do all MAX vectors share?", kind="experiment", minutes=10, level=2, hints=(
    "`encode_pairs(encoder, test)` gives u and v; their mean over all rows is one vector.",
    "`np.concatenate([u, v]).mean(0)`, and subtract it from both.",
    "Four scores: each encoder before and after. A gain is after minus before.",
))  # fmt: skip
def shared_part(answer):
    gains_more, max_ahead = answer
    if gains_more not in ("max", "mean") or max_ahead not in (True, False):
        return "Answer with a name, 'max' or 'mean', and with True or False."
    if gains_more == "max":
        return "Gains are differences, after minus before: MAX rises by less than MEAN."
    return "MAX rises, but is it above MEAN, whose mean is removed too?" if max_ahead else None


PREDICTIONS = (
    Prediction(
        "08.1",
        "With zeros in MAX, how many dimensions of a sentence change beside a longer one",
        ("none", "a few", "many"),
    ),
    Prediction(
        "08.2",
        "Over LSTMs with random weights, the higher STS score has",
        ("MAX", "MEAN", "neither"),
    ),
    Prediction(
        "08.3",
        "After training, the token that holds most dimensions is",
        ("a word of content", "a little word", "a mark"),
    ),
    Prediction(
        "08.4",
        "Trained on all real pairs, BiLSTM-max stands on STS-B",
        ("below word overlap", "between word overlap and mini-sbert", "above mini-sbert"),
    ),
)


SEVEN = (*(f"sts{year}_all" for year in range(12, 17)), "stsb_test", "sick_test")


def lead(better, worse, scores=("stsb_dev_cosine",)):
    """How far one recorded arm (experiment, name) is above another, on average over the scores."""
    return lambda: sum(average(*better, s) - average(*worse, s) for s in scores) / len(scores)


def infersent(arm):
    """An arm of this lesson's recorded runs."""
    return "infersent", arm


CLAIMS = (
    Claim(
        "08.A",
        "Over LSTMs with random weights, MAX makes better sentence vectors than MEAN",
        "lesson 08, before any training",
        recorded=lead(infersent("max, not trained"), infersent("mean, not trained")),
    ),
    Claim(
        "08.B",
        "The zeros of the padding in MAX cost points on STS",
        "lesson 08, on InferSent's README",
    ),
    Claim(
        "08.C",
        "InferSent beats the averaged token vectors of a raw BERT",
        "Reimers & Gurevych 2019, Table 1",
        paper="65.01 against 54.81, average of seven sets",
        recorded=lead(infersent("max, all pairs"), ("raw", "mean"), SEVEN),
    ),
    Claim(
        "08.D",
        "A BERT trained with the head beats a BiLSTM trained with it",
        "Reimers & Gurevych 2019, Table 1",
        paper="74.89 against 65.01, average of seven sets",
        recorded=lead(("nli", "all pairs"), infersent("max, all pairs"), SEVEN),
    ),
    Claim(
        "08.E",
        "InferSent beats the mean of its own word vectors",
        "Reimers & Gurevych 2019, Table 1",
        paper="65.01 against 61.32, average of seven sets",
        recorded=lead(infersent("max, all pairs"), infersent("mean of the word vectors"), SEVEN),
    ),
    Claim(
        "08.F",
        "The product u*v adds nothing to (u, v, |u-v|)",
        "Reimers & Gurevych 2019, Table 6",
        kind="literature",
        paper="80.44 with it, 80.78 without (STS-B dev)",
        recorded=lead(("features", "u,v,|u-v|"), ("features", "u,v,|u-v|,u*v")),
    ),
    Claim(
        "08.H",
        "After NLI training, MAX over a BiLSTM makes better sentence vectors than MEAN",
        "Conneau et al. 2017, as told by Reimers & Gurevych 2019, section 6",
        paper="said without figures",
        recorded=lead(infersent("max, all pairs"), infersent("mean, all pairs"), SEVEN),
    ),
    Claim(
        "08.G",
        "InferSent's classifier of three layers is one linear layer",
        "its code, nonlinear_fc=0",
        kind="definition",
    ),
)
