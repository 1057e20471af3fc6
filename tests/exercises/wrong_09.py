"""Wrong answers that the checks of lesson 09 must reject."""

import math

import torch
from torch.nn.functional import cross_entropy, normalize

LOSS, SHARE, AT_1 = 0.0725390, 0.1192029, 0.5555771
NEAR, FAR = math.exp(-4), math.exp(-8)


def table(u, candidates, t):
    return cross_entropy(u @ candidates.T / t, torch.arange(len(u)))


def own_negative_only(u, v, w, t):
    own = (normalize(u) * normalize(w)).sum(1, keepdim=True)
    scores = torch.cat([normalize(u) @ normalize(v).T, own], 1)
    return cross_entropy(scores / t, torch.arange(len(u)))


def summed(u, v, w, t):
    return len(u) * table(normalize(u), normalize(torch.cat([v, w])), t)


def softmax_twice(u, v, w, t):
    shares = (normalize(u) @ normalize(torch.cat([v, w])).T / t).softmax(1)
    return cross_entropy(shares, torch.arange(len(u)))


def rows(u, v, t=0.05):
    return table(normalize(u), normalize(v), t)


WRONG = {
    "09.1": {
        "sum": (2 * LOSS, SHARE, AT_1),
        "minus forgotten": (-LOSS, SHARE, AT_1),
        "columns": (math.log1p(math.exp(-3)), SHARE, AT_1),
        "per cent": (LOSS, 100 * SHARE, AT_1),
        "multiplied": (0.6782, SHARE, AT_1),
        "at 1": (AT_1, SHARE, AT_1),
        "partner 2 wrong": (LOSS + 2, SHARE, AT_1),
        "the partner's share": (LOSS, 1 - SHARE, AT_1),
        "odds": (LOSS, math.exp(-2), AT_1),
        "share without temperature": (LOSS, 0.450166, AT_1),
        "sum at 1": (LOSS, SHARE, 2 * AT_1),
        "0.1 again": (LOSS, SHARE, LOSS),
    },
    "09.2": {
        "no hard negatives": lambda u, v, w, t: table(normalize(u), normalize(v), t),
        "own negative only": own_negative_only,
        "dot products": lambda u, v, w, t: table(u, torch.cat([v, w]), t),
        "multiplied": lambda u, v, w, t: table(normalize(u), normalize(torch.cat([v, w])), 1 / t),
        "no temperature": lambda u, v, w, t: table(normalize(u), normalize(torch.cat([v, w])), 1),
        "always 0.05": lambda u, v, w, t: table(normalize(u), normalize(torch.cat([v, w])), 0.05),
        "softmax twice": softmax_twice,
        "w first": lambda u, v, w, t: table(normalize(u), normalize(torch.cat([w, v])), t),
        "sum": summed,
        "columns": lambda u, v, w, t: table(
            normalize(u, dim=0), normalize(torch.cat([v, w]), dim=0), t
        ),
    },
    "09.3": {
        "as it was": lambda u, v, t=0.05: table(u / u.norm(), v / v.norm(), t),
        "columns": lambda u, v, t=0.05: table(normalize(u, dim=0), normalize(v, dim=0), t),
        "u only": lambda u, v, t=0.05: table(normalize(u), v / v.norm(), t),
        "v only": lambda u, v, t=0.05: table(u / u.norm(), normalize(v), t),
        "no norm": lambda u, v, t=0.05: table(u, v, t),
        "v asks": lambda u, v, t=0.05: rows(v, u, t),
        "multiplied": lambda u, v, t=0.05: rows(u, v, 1 / t),
        "another default": lambda u, v, t=1.0: rows(u, v, t),
    },
    "09.4": {
        "the other way round": ("lost", "kept"),
        "both lost": ("lost", "lost"),
        "both kept": ("kept", "kept"),
        "points": (12.0, 3.0),
    },
    "09.5": {
        "not squared": (math.sqrt(2) / 2, math.log((2 * NEAR + FAR) / 3)),
        "sum": (2.0, math.log((2 * NEAR + FAR) / 3)),
        "mean cosine": (0.5, math.log((2 * NEAR + FAR) / 3)),
        "no logarithm": (1.0, (2 * NEAR + FAR) / 3),
        "with itself": (1.0, math.log((4 * NEAR + 2 * FAR + 3) / 9)),
        "mean of logarithms": (1.0, -16 / 3),
        "factor 1": (1.0, math.log((2 * math.exp(-2) + NEAR) / 3)),
        "distances": (1.0, math.log((2 * math.exp(-2 * math.sqrt(2)) + NEAR) / 3)),
        "summed": (1.0, math.log(2 * NEAR + FAR)),
    },
}
