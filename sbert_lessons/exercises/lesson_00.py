"""Lesson 00: exercises, predictions and claims."""

import numpy as np

from .judging import compare
from .model import Claim, Prediction, exercise


@exercise("00.1", "How long is a vector?", kind="hand", minutes=1, level=1, hints=(
    "`vectors.shape` is (number of sentences, numbers for each sentence).",
    "It is the second number of the shape.",
))  # fmt: skip
def size_of_vector(answer):
    return compare(
        answer,
        192,
        mistakes={
            "That is the number of sentences. Right place, wrong axis: look at the second number.":
                18,
            "That is the whole table. How many numbers has one row?": 18 * 192,
            "Six values are printed further down: they are only its beginning.": 6,
            "That is the vector of BERT-base. This model is smaller.": 768,
            "That is the whole shape. Wanted is one number, its second.": (18, 192),
        },
        otherwise="Read it off `vectors.shape`: it is the second number.",
    )  # fmt: skip


@exercise("00.2", "A cosine by hand", kind="hand", minutes=2, level=1, hints=(
    "Above the line: 3 times 4 plus 4 times 3.",
    "Below the line: both lengths, multiplied. Each is 5.",
))  # fmt: skip
def cosine_by_hand(answer):
    return compare(
        answer,
        0.96,
        mistakes={
            "That is u . v: now divide it by both lengths.": 24,
            "You divided by one length: there are two, 5 and 5.": 4.8,
            "You divided by the sum of the lengths: multiply them.": 2.4,
            "That is the distance of the two points.": np.sqrt(2),
            "That is the angle in degrees: give its cosine.": np.degrees(np.arccos(0.96)),
            "That is the angle in radians: give its cosine.": np.arccos(0.96),
            "The length of (3, 4) is the root of 9 + 16, not 3 + 4.": 24 / 49,
            "Cosine 1 means the same direction. Draw both arrows: theirs differ a little.": 1,
        },
        otherwise="Above the line u . v = 3 * 4 + 4 * 3; below it the product of the two lengths.",
        tolerance=2e-3,
    )


@exercise("00.3", "Your own search", kind="code", minutes=5, level=2, hints=(
    "`corpus @ query` gives all N dot products, of shape (N,).",
    "`np.linalg.norm(corpus, axis=1)` gives the N lengths. Divide by them before you compare.",
    "`np.argmax` gives the place of the largest.",
))  # fmt: skip
def own_search(answer):
    query = np.array([1.0, 2.0])
    corpus = np.array([[1.5, 1.2], [2.0, 4.9], [9.0, 3.0], [-1.0, -1.0], [0.0, 3.0]])
    cosines = corpus @ query / np.linalg.norm(corpus, axis=1) / np.linalg.norm(query)
    return compare(
        answer(query, corpus),
        1,
        mistakes={
            "You took the largest dot product: a long vector wins. Divide by the lengths.": 2,
            "That row has the smallest distance, not the smallest angle.": 0,
            "That is the farthest row: do you look for the largest cosine?": 3,
            "A length is the root of the sum of squares, not the sum of the numbers.": 4,
            "That is the best cosine itself: return the number of its row.": cosines[1],
            "That is the row itself: return its number.": corpus[1],
            "Those are all cosines: return the row number of the largest.": cosines,
        },
        otherwise="Return one row number, counted from 0.",
    )


@exercise("00.4", "Everyone is their own twin", kind="bug", minutes=4, level=2, hints=(
    "The table of cosines holds each pair twice, and the diagonal compares i with i.",
    "Add a condition on `i` and `j` to the list.",
    "`if i < j` at the end of the list keeps each pair once and drops the diagonal.",
))  # fmt: skip
def near_duplicates(answer):
    vectors = np.array([[1.0, 0.0], [3.0, 9.0], [1.0, 0.1], [2.0, 0.0]])
    pairs = sorted((int(i), int(j)) for i, j in answer(vectors, 0.9))
    once = [(0, 2), (0, 3), (2, 3)]
    other = [(j, i) for i, j in once]
    diagonal = [(i, i) for i in range(4)]
    if pairs == once:
        return None
    known = (
        ("Each vector still finds itself, and each pair still comes twice.",
         once + other + diagonal),
        ("Each vector still finds itself: i < j, not i <= j.", once + diagonal),
        ("Each pair still comes twice: keep the one with i < j.", once + other),
        ("You found the right pairs, but with i > j: turn them round.", other),
        ("You dropped the exact copy too: rows 0 and 3 have cosine 1 and are a pair.",
         [(0, 2), (2, 3)]),
        ("Exact copies are gone and each pair comes twice: compare i and j, not cosines with 1.",
         [p for p in once + other if sorted(p) != [0, 3]]),
        ("Those are dot products, not cosines: a long vector is near to all.",
         [(i, j) for i in range(4) for j in range(i + 1, 4)]),
        ("You found nothing: is the comparison with the threshold the right way round?", []),
    )  # fmt: skip
    said = (text for text, mistake in known if pairs == sorted(mistake))
    return next(said, f"For four vectors you found {pairs}; wanted is {once}.")


@exercise("00.5", "What is not seen at all?", kind="experiment", minutes=4, level=1, hints=(
    "`encoder.encode([...])` takes all sentences at once; `cosine(a, b)` compares row by row.",
    "`encoder.tokens(text)` shows what the model reads. In which edit are the tokens the same?",
))  # fmt: skip
def unseen_edit(answer):
    known = {
        "not": "One word more moves the vector, if only a little: its cosine is below 1.",
        "no full stop": "The full stop is a token of its own: without it the vector moves.",
        "question": "The order and the question mark count: its cosine is below 1.",
    }
    if str(answer).strip().lower() == "capitals":
        return None
    return known.get(str(answer).strip().lower(), f"Answer with one of the names of `edits`: "
                     f"{', '.join(map(repr, [*known, 'capitals']))}.")  # fmt: skip


PREDICTIONS = (
    Prediction("00.1", "Asked for fresh bread, the bakery comes",
               ("first", "second or third", "lower")),
    Prediction("00.2", "Sentences that k-means puts in the group of their topic",
               ("all 24", "18 to 23", "fewer")),
    Prediction("00.3", "Compared with the trained encoder, raw BERT finds at the first place",
               ("more", "about as many", "fewer")),
    Prediction("00.4", "Nearer to the original is, on average",
               ("changed", "paraphrase", "the same")),
)  # fmt: skip

CLAIMS = (
    Claim(
        "00.A",
        "A small encoder trained on sentence pairs finds more paraphrases than word overlap",
        "Reimers & Gurevych 2019, section 1",
    ),
    Claim(
        "00.B",
        "Averaged BERT vectors need training on sentence pairs to search well",
        "Reimers & Gurevych 2019, Table 1",
        paper="54.81 raw, 74.89 trained: average of seven STS sets (Table 1)",
    ),
    Claim(
        "00.C",
        "A sentence with its meaning changed by one word stays nearer than a paraphrase",
        "users' reports on sentence-transformers, issue 134",
        paper="a negated sentence with cosine 0.947 (issue 134)",
    ),
    Claim(
        "00.D",
        "Cosine does not depend on the lengths of the vectors",
        "its formula",
        kind="definition",
    ),
)
