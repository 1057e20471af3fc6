"""Wrong answers that the checks of lesson 08 must reject."""

import math

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def loose(lstm, x, lengths):
    return lstm(x)[0], torch.arange(x.shape[1]) >= lengths[:, None]


def packed(lstm, x, lengths):
    rows = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(lstm(rows)[0], batch_first=True, total_length=x.shape[1])[0]


def zeros_win(lstm, x, lengths):
    return packed(lstm, x, lengths).amax(1)


def not_packed(lstm, x, lengths):
    states, padding = loose(lstm, x, lengths)
    return states.masked_fill(padding.unsqueeze(-1), -torch.inf).amax(1)


def unchanged(lstm, x, lengths):
    states, padding = loose(lstm, x, lengths)
    return states.masked_fill(padding.unsqueeze(-1), 0).amax(1)


def average(lstm, x, lengths):
    return packed(lstm, x, lengths).sum(1) / lengths[:, None]


def blocks(first, second, dot=1.0, manhattan=-1.0, swap=False):
    def weights(D):
        w = torch.zeros(2, 4 * D)
        w[0, first * D : (first + 1) * D] = dot
        w[1, second * D : (second + 1) * D] = manhattan
        return w.flip(0) if swap else w

    return weights


FORWARD, BACKWARD = [0.8, 0.2, 0.7], [0.85, 0.1, 0.6]
WRONG = {
    "08.1": {
        "no memory": ([0.8, -0.2, 0.6], BACKWARD, [1, 1]),
        "all is kept": ([0.8, 0.6, 1.2], BACKWARD, [1, 1]),
        "order of reading": (FORWARD, [0.6, 0.1, 0.85], [1, 1]),
        "backward from the left": (FORWARD, FORWARD, [1, 1]),
        "states": ([math.tanh(c) for c in FORWARD], BACKWARD, [1, 1]),
        "from zero": (FORWARD, BACKWARD, [0, 0]),
        "last state": (FORWARD, BACKWARD, [3, 1]),
    },
    "08.2": {
        "zeros": zeros_win,
        "not packed": not_packed,
        "unchanged": unchanged,
        "no mask at all": lambda lstm, x, lengths: lstm(x)[0].amax(1),
        "mean": average,
    },
    "08.3": {
        "distance": blocks(3, 2, manhattan=1.0),
        "both signs": blocks(3, 2, dot=-1.0, manhattan=1.0),
        "nothing returned": lambda D: None,
        "exchanged": blocks(3, 2, swap=True),
        "u and v": blocks(0, 1),
        "averages": lambda D: blocks(3, 2, 1 / D, -1 / D)(D),
        "shape": lambda D: torch.ones(2, 3 * D),
    },
    "08.4": {
        "own epoch": [0.1, 0.099, 0.019602, 0.01940598],
        "not divided": [0.1, 0.099, 0.09801, 0.0970299],
        "not decayed": [0.1, 0.1, 0.1, 0.02],
        "only divided": [0.1, 0.099, 0.09801, 0.019602],
        "each time divided": [0.1, 0.02, 0.004, 0.0008],
    },
    "08.5": {
        "max gains": ("max", False),
        "max ahead": ("mean", True),
        "a score": (38.4, False),
    },
}
