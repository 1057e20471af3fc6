# %% [markdown]
# # 14 The claims ledger
#
# **Question.** What did we find out, and how many did you predict?
#
# **You will be able to**
# - read a verdict: its number, its margin, and what *undecided at this scale* says and does not say
# - join claims and results so that nothing is counted twice and nothing gets lost
# - say how a true effect stays undecided, and how a false one gets found
# - give a short, honest answer to the main question of this course, with its numbers
# - compare all models of the course by what they cost and what they score
#
# **You need** lessons 00 to 07; those of 08 to 13 that you have done count too. What an interval is (lesson 01).
#
# **Time.** 45 minutes to read and answer, 20 s to run.

# %% tags=["setup"]
import numpy as np
import pandas as pd
from scipy.stats import norm

from sbert_lessons import ledger, plots
from sbert_lessons.bilstm import BiLSTMEncoder
from sbert_lessons.data import DATA, load_sts
from sbert_lessons.encoder import SentenceEncoder, mini_bert, mini_sbert

# %% tags=["setup"]
from sbert_lessons.evaluation import bootstrap, cosine, encode_pairs, interval, jaccard, spearman
from sbert_lessons.exercises import check, measured, predict, progress, registry, sure_part, verdict
from sbert_lessons.ledger import HELD, STATES, rejudge, tally
from sbert_lessons.plots import show
from sbert_lessons.results import average, recorded

plots.use_style()

# %% tags=["setup"]
book = ledger.read_ledger()
claims = book.claims

# %% [markdown]
# ## One record
# Each lesson ended with verdicts. A verdict is shown as a line, and it leaves five things in the notebook's file:
# which claim, the verdict, the measured number (positive speaks for the claim), the margin, and perhaps a reason why the claim holds only in part.
# Here are those of lesson 05, read from the file as it is stored.

# %%
path = next(ledger.NOTEBOOKS.glob("05_*.ipynb"))
records = ledger.read_verdicts(path)
pd.DataFrame(records).set_index("claim")

# %% [markdown]
# The rule is short. The **margin** says which effect is large enough to matter; it was fixed before the number was looked at on fresh seeds.
#
# | number | verdict |
# |---|---|
# | at or above the margin | **supported**; with a reason that limits it: **softened** |
# | at or below minus the margin | **refuted** |
# | between | **undecided** |
#
# Most numbers are already careful: of a difference with its 95 % interval, only the end nearer to 0 counts, and 0 if the interval holds 0.
# So +1 with margin 1 does not mean "about one point"; it means "at least one point, as far as these pairs can make sure".
#
# ### Exercise 14.1
# Name the four verdicts:
# (a) number 2.0, margin 2; (b) number -0.9, margin 1; (c) number 1.5, margin 1, reason "on one seed"; (d) number -1.2, margin 1, reason "on one seed".

# %% tags=["exercise"]
# BEGIN SOLUTION
verdicts_by_hand = ["supported", "undecided", "softened", "refuted"]
# END SOLUTION

# %% tags=["check"]
check("14.1", verdicts_by_hand)

# %% [markdown]
# ## The join
# Claims are declared in one place, records lie in another. A ledger joins them, and a join has four ways to go wrong quietly:
# a claim without a record disappears; a record without a claim sneaks in; a missing result is passed off as *undecided*;
# and a claim that needs no experiment (true by definition, or known from the literature) is called missing.
#
# ### Exercise 14.2
# `claims` is a list of `(id, kind)`, with kind `"measured"`, `"definition"` or `"literature"`; `records` a list of `(id, verdict)`.
# Give back a dictionary with exactly one entry a claim, in the order of the claims:
# the verdict of its record, `"not run"` without one, `"by definition"` or `"by literature"` for those kinds.


# %% tags=["exercise"]
def my_join(claims, records):
    # BEGIN SOLUTION
    found = dict(records)
    return {
        id: found.get(id, "not run") if kind == "measured" else f"by {kind}" for id, kind in claims
    }
    # END SOLUTION


# %% tags=["check"]
check("14.2", my_join)

# %% [markdown]
# The same with pandas, on three claims: a *left* join keeps every claim, and only the claims.

# %%
declared = pd.DataFrame({"claim": ["a", "b", "c"], "text": ["A", "B", "C"]})
stored = pd.DataFrame({"claim": ["c", "a", "z"], "verdict": ["refuted", "supported", "supported"]})
joined = declared.merge(stored, on="claim", how="left").fillna({"verdict": "not run"})
assert joined["claim"].tolist() == declared["claim"].tolist()
joined

# %% [markdown]
# `ledger.read_ledger()` did this for all lessons in the setup cell. It reads the notebooks of the course, and your own in `work/` where you have run and saved them.
# It also looks at what it reads: a verdict that does not follow from its number, a damaged file, two copies that disagree: each gets a line.

# %%
print(f"{len(claims)} claims from {claims['lesson'].nunique()} lessons")
print("\n".join(book.lines) or "every notebook is there, whole and run")

# %% [markdown]
# ## What came out
# Before you look: of all claims that have a verdict, how many are *supported in full*?

# %%
predict("14.1", ...)

# %%
judged = claims[claims["verdict"].isin(STATES)]
full = (judged["verdict"] == "supported").mean()
print(f"{len(judged)} claims with a verdict: {tally(judged['verdict'])}")
print(f"{len(claims) - len(judged)} without one: "
      f"{tally(claims.drop(judged.index)['verdict'])}")  # fmt: skip
options = ("less than a third", "a third to a half", "more than half")
measured("14.1", options[int(np.digitize(full, [1 / 3, 1 / 2]))])

# %%
states = judged["verdict"].value_counts()
most = states.index[0]
title = f"{states[most]} of {len(judged)} claims are {most}: the largest group"
show(
    plots.verdict_map(claims, title),
    alt="One dot a claim, a row a lesson, at its number in units of its margin. A grey band from -1 "
    "to 1 holds the undecided; supported and softened ones lie right of it, refuted ones left.",
)
ledger.counts(claims)

# %% [markdown]
# Every dot in the grey band is a claim for which these runs do not make sure of an effect as large as the margin. They are not failures: a ledger without them would be a ledger of wishes.
# Look at the edges of the band too. A dot near an edge has a verdict that a slightly stricter reader, or a slightly milder one, would not give:

# %%
near = judged[judged["to margin"] <= 0.1 * judged["margin"]]
near[["verdict", "number", "margin", "text"]]

# %% [markdown]
# (Most numbers in whole points are rounded towards 0: such a 1 stands for anything from 1 to just below 2. Lessons 06, 07, 09 and 11 round to the nearest.)
#
# ## The ledger
# Now all of it, lesson by lesson. Each name at the left opens its lesson.
# *The paper*: what the source reports, in its own terms. *Recorded*: the same difference as the verdict's, between means over seeds of our full-scale runs on real data.
# (For 07.E it is the nearest one: NLI classes in the place of grades. For 13.A it is the verdict's own number.)
# *Course*: the number in the notebook as it was handed out, with its margin. *Yours*: the number in your own copy in `work/`, once you have run that lesson to its end and saved it.

# %%
ledger.page(claims, ledger.titles())

# %% [markdown]
# Read three things from it before you go on: one claim that you believed and that is refuted; one that is *supported* here and has a recorded number of the other sign, if there is one;
# one whose paper figure and course figure are not about the same quantity.
#
# ## Undecided at this scale
# Suppose a claim is true. How often would a small lab find that out?
# We have a case: NLI training improved the cosine (lesson 05: on 1,252 bundled pairs, the shipped model against the raw one).
# Cut the pairs into twelve sets of 100, give each to a lab of its own, and ask for a gain that is surely above 0.
# Will most labs say *supported*, *undecided* or *refuted*?

# %%
predict("14.2", ...)

# %%
sts = load_sts("test")
grades = sts["score"].to_numpy()
encoders = {path.name: SentenceEncoder.load(path) for path in (mini_bert(), mini_sbert())}
cosines = {name: cosine(*encode_pairs(encoder, sts)) for name, encoder in encoders.items()}
live = {name: spearman(c, grades) for name, c in cosines.items()}
live["Jaccard"] = spearman(jaccard(sts["sentence1"], sts["sentence2"]), grades)
pd.Series(live).round(1)


# %%
def lab(rows):  # the 95 % interval of trained - raw on these pairs
    samples = bootstrap([c[rows] for c in cosines.values()], grades[rows], draws=200)
    return interval(samples[:, 1] - samples[:, 0])


shuffled = np.random.default_rng(0).permutation(len(grades))
labs = [lab(rows) for rows in shuffled[:1200].reshape(12, 100)]
said = ["supported" if low > 0 else "refuted" if high < 0 else "undecided" for low, high in labs]
print(f"twelve labs: {tally(sorted(said))}")
measured("14.2", pd.Series(said).mode()[0])

# %% [markdown]
# The effect is real, twelve labs looked, and that is what they saw. If you expected most of them to find it: an interval from 100 pairs reaches more than seven points to each side.
# *Undecided* is a statement about the measurement. It becomes a statement about the world only together with the interval:
# "undecided, between -8 and +14" is ignorance; "undecided, between -0.3 and +0.4" is as good as a no.
#
# With all pairs, the gap has a standard error $s$, and with $n$ pairs about $s \sqrt{1252 / n}$ (lesson 01: four times the pairs, half the interval).
# From that one can compute how many pairs would be needed, **before** collecting them.

# %%
samples = bootstrap(list(cosines.values()), grades, draws=500)
gap, s = np.diff(samples, axis=1).mean(), np.diff(samples, axis=1).std()
sizes = np.array([100, 300, 1_252, 5_000, 20_000])
power = {
    f"surely above {margin}": norm.cdf((gap - margin) / (s * (1252 / sizes) ** 0.5) - 1.96)
    for margin in (0, 1, 2)
}
power = pd.DataFrame(power, sizes)

# %%
show(
    plots.shares(power, "pairs in the test set", "chance to find it",
                 f"A true gain of {gap:.1f} points: what 100 pairs miss, 5,000 find"),
    alt="Three rising lines over the number of pairs from 100 to 20,000: the chance to find a gain "
    "surely above 0, 1 and 2 points. At 100 pairs all are low, at 20,000 high.",
)  # fmt: skip
print(f"gap {gap:.1f}, standard error {s:.1f}")
power.round(1)

# %% [markdown]
# That is why claim 01.A, with its margin of 2, can be *undecided* while nobody doubts that training helped: the same pairs surely show a gain above 0, and not surely one of 2.
# The other way out is a larger run. Where a claim is undecided here, what do the recorded full-scale runs say?

# %%
open_here = judged[(judged["verdict"] == "undecided") & judged["recorded"].notna()]
decided = open_here["recorded"].abs() >= open_here["margin"]
print(f"undecided: {(judged['verdict'] == 'undecided').sum()}; with a recorded figure: "
      f"{len(open_here)}; there beyond the margin: {decided.sum()}")  # fmt: skip
open_here[["text", "number", "margin", "recorded"]].round(1)

# %% [markdown]
# A recorded figure beyond the margin, with a plus: the means at full scale speak for the claim; with a minus: against it. So *undecided* hides both.
# (They are differences of means over few seeds, not sure ends of intervals: a milder rule than that of the verdicts. Some claims are judged by recorded runs themselves, alone or in part, and their lessons say so:)

# %%
judges = {
    "alone": ["06.E", "07.J", "07.K", "07.L", "08.H", "10.F", "13.A"],
    "in part": ["04.D", "04.F", "05.A", "05.B", "12.A", "12.B", "12.C", "13.F"],
}
for how, names in judges.items():
    print(f"judged by recorded runs {how}: {', '.join(names)}")

# %% [markdown]
# ### Exercise 14.3
# Margins are chosen by people. Double all of them: which claims get another verdict? Give their names.

# %% tags=["exercise"]
# BEGIN SOLUTION
_now = rejudge(claims, 2)
_before = claims.loc[_now.index, "verdict"]
changed_claims = list(_now.index[_now != _before])
# END SOLUTION

# %% tags=["check"]
check("14.3", changed_claims)

# %%
share = {}
for factor in (0.25, 0.5, 1, 2, 4):
    now = rejudge(claims, factor)
    share[f"margins x {factor:g}"] = now.value_counts().reindex(STATES, fill_value=0)
pd.DataFrame(share).T

# %% [markdown]
# Margins move claims in and out of the grey band. They never turn a *supported* into a *refuted*: for that a number would have to change its sign.
# So disagree with our margins freely; you will end with more or fewer open questions, and not with opposite answers.
#
# ## How a false claim gets found
# The opposite mistake is easier to make than you think. Two recipes are equal. Their scores differ from seed to seed, as in lesson 05's live training.
# Someone runs *ours* with ten seeds and reports the best, and runs *theirs* once. How often is *ours* ahead by half a point or more?

# %%
predict("14.3", ...)

# %%
gains = recorded("live")["stsb_dev"] - average("raw", "mean")
print(f"STS-B dev after live training, against raw: {gains.mean():+.1f}, sd {gains.std():.1f}")
print(f"worst seed {gains.min():+.1f}, best seed {gains.max():+.1f}")

# %%
rng = np.random.default_rng(0)
scores = rng.normal(0, gains.std(), size=(20_000, 11))  # ten seeds of ours, one of theirs
tries = [1, 2, 3, 5, 10]
found = [(scores[:, :k].max(1) - scores[:, -1] >= 0.5).mean() for k in tries]
honest = (np.abs(scores[:, :5].mean(1) - scores[:, 5:10].mean(1)) >= 0.5).mean()
print(pd.Series(found, tries, name="gap of 0.5 or more").rename_axis("seeds tried").round(2))
print(f"means of five seeds each, either way: {honest:.2f}")
options = ("less than a tenth", "about a quarter", "about half or more")
measured("14.3", options[int(np.digitize(found[-1], [0.1, 0.38]))])

# %% [markdown]
# Nobody lied in any single run. If you expected less: the best of ten draws lies one and a half standard deviations above the mean, before anything real has happened.
# With five seeds on each side and the means compared, such a gap is rare here: four times in a hundred, and half of those favour *theirs*.
# How rare depends on the spread. Where seeds spread twice as much, it would be about three times in ten. An interval says so; a bare mean does not.
#
# This is why most lessons take `SEEDS = range(10)` as they come, fix margins on seeds 0 to 4, and check them once on others.
# It works on claims as well as on seeds: test forty true-or-false questions at 95 %, and expect one or two sure answers that are luck.
# A margin above 0 helps: luck rarely carries a number past 0 *and* a margin.
#
# ### Another training of the same model
# The seeds of a lesson are one thing, the seed of a model that we *ship* another. mini-sbert is one training of its recipe, and so are mini-infersent and mini-roformer-sim.
# So each was trained again, from other seeds, and the lessons that judge by it were run once with each of those in its place.
# These are the verdicts whose number changes with the model; none rests on mini-infersent. (All start from one and the same mini-bert: a second pre-training we do not have.)

# %%
runs = recorded("trainings")
runs[["model", "claim"]] = runs["arm"].str.split(": ", expand=True)
by_claim = runs.groupby(["model", "claim"])
rests = by_claim[["number", "margin"]].agg({"number": ["first", "min", "max"], "margin": "first"})
rests.columns = ["shipped", "lowest", "highest", "margin"]
rests["verdicts"] = by_claim["verdict"].agg(lambda kept: " / ".join(dict.fromkeys(kept)))
turns = by_claim["verdict"].nunique() > 1
print(f"{len(rests)} verdicts rest on a shipped model; with its seed change: {turns.sum()}")
print(runs.groupby("model")["seed"].nunique().rename("trainings"))
rests

# %% [markdown]
# All but one hold: their numbers move, their verdicts do not. The exception is 13.F. The model that we ship leaves it open, and each of the four others supports it.
# Where a number may turn a verdict, it has to hold with all trainings: 13.F and 12.A to 12.C take the one nearest to 0, so 13.F stays undecided.
# Had we shipped another seed, the lesson would have told you *supported*, and you could not have known.
#
# ### Exercise 14.4
# A colleague sums up a small ledger. The function has three bugs. Mend it: wanted is the share of the claims *with a verdict* that held, in full or in part.

# %%
small = pd.DataFrame(
    [("a", "supported"), ("a", "supported"), ("b", "refuted"), ("c", "undecided"),
     ("d", "softened"), ("e", "not run")],
    columns=["claim", "verdict"],
)  # fmt: skip


def broken_share(records):  # one row a record; a lesson kept in two copies gives two equal rows
    return (records["verdict"].isin(["supported", "softened", "undecided"])).mean()


print(f"held: {broken_share(small):.2f}")


# %% tags=["exercise"]
def mended_share(records):
    # BEGIN SOLUTION
    known = records.drop_duplicates()
    known = known[known["verdict"] != "not run"]
    return known["verdict"].isin(["supported", "softened"]).mean()
    # END SOLUTION


# %% tags=["check"]
check("14.4", mended_share)

# %% [markdown]
# ## What fell
# Which claims did not survive? All that are refuted, and all that hold only in part, with the reason:

# %%
fallen = claims[claims["verdict"] == "refuted"]
fallen[["text", "source", "number", "recorded"]].round(1)

# %%
claims.loc[claims["verdict"] == "softened", ["text", "reason", "source"]]

# %% [markdown]
# Notes on the paper, in blogs, courses and repositories, repeat a few sentences again and again. Here is each with the claims that test it.


# %%
notes = {
    "All similarity measures agree.": ["01.D", "01.E", "05.F"],
    "Predict as you trained: the head's score is the consistent one.": ["05.B"],
    "Regression on the cosine trains what is used.": ["05.J"],
    "(u, v) would do; |u-v| only adds a little.": ["03.A", "03.D"],
    "u*v only hurts.": ["03.B", "03.C"],
    "The cone is the problem: isotropic vectors are better vectors.": ["10.A", "10.E"],
    "Whitening repairs sentence vectors.": ["10.B", "10.D"],
    "A projection head helps because it reduces the dimension.": ["09.B"],
}
text = {note: [f"  - {ledger.line(claims, id)}" for id in ids] for note, ids in notes.items()}
ledger.Page("\n".join("\n".join([f"- *{ledger.plain(n)}*", *lines]) for n, lines in text.items()))

# %% [markdown]
# Two of them deserve a word of their own. The first, all measures, is a copying mistake: the paper says it of *distances*, Manhattan and Euclid beside cosine; notes stretched it to all measures, and the dot product is the one that does not follow.
# The last, on projection heads, is not what its source says: SimCLR's authors found that the size of the projection's output hardly matters, and suspect that the head takes in what the loss throws away
# (rotation can be read from h at 67.6 %, from g(h) at 25.6 %, with chance at 25: their Table 3).
#
# Do claims with a published number behind them hold more often than claims without one? A difference of ten points counts.

# %%
predict("14.4", ...)

# %%
good = ledger.held(claims)
paper = claims.loc[good.index, "paper"]
published = (paper != "") & ~paper.str.contains("without figures")
groups = {"with a number": good[published], "without": good[~published]}
table = {k: {"claims": len(x), "held": x.sum(), "share": x.mean()} for k, x in groups.items()}
table = pd.DataFrame(table).T
step = table.loc["with a number", "share"] - table.loc["without", "share"]
print(table.round(2))
measured("14.4", "more often" if step > 0.1 else "less often" if step < -0.1 else "about as often")

# %%
error = np.sqrt((table["share"] * (1 - table["share"]) / table["claims"]).sum())
low, high = step - 1.96 * error, step + 1.96 * error
print(f"difference {100 * step:+.0f} points, 95 % interval {100 * low:+.0f} to {100 * high:+.0f}")

# %% [markdown]
# Look at the width of that interval. A ledger of this size can compare sources only roughly, and our claims were not drawn by lot: we chose them because they were interesting.
#
# ## The main question
# *Trained as a classifier, used with cosine: does it work, and why?* The sentences below are chosen by the verdicts, so another backbone gets its own answer.

# %%
ANSWER = [  # claim; if it held; if refuted; if undecided
    ("05.A", "It works: a classifier's training improved a cosine that it never saw.",
     "It does not work here: the cosine got worse.", "Whether it works stayed open here."),
    ("05.B", "The head's own score would have been better still.",
     "The mismatch costs nothing on similarity: the head's own, 'consistent' score is worse.",
     "Head and cosine could not be told apart."),
    ("05.C", "The cosine also learns the training's own question, E against C.",
     "On the training's own question, E against C, the cosine gets worse.",
     "Whether the cosine learns the training's own question, E against C, is open in small."),
]  # fmt: skip

# %%
ANSWER += [
    ("05.D", "If that question is what you want, train the cosine itself: that does raise it.",
     "Training the cosine itself does not raise it either.",
     "Whether training the cosine itself would raise it is open."),
    ("03.D", "|u-v| beside (u, v) makes the better vectors.", "|u-v| makes the vectors worse.",
     "Whether |u-v| beside (u, v) makes better vectors for the cosine stayed open in small."),
    ("06.B", "Why: the loss knows no 'close'; under |u-v| the class that starts closest ends closest.",
     "The start does not decide which class ends closest.", "What decides stayed open."),
    ("06.D", "And it is the labels that mend a bad start.", "Shuffled labels mend a bad start better.",
     "Most of the mending of a bad start needs no right labels; that they lead by 2 points was not sure."),
]  # fmt: skip

# %%
ANSWER += [
    ("07.L", "The head is not the best way: a cosine trained by order, with random negatives, beats it.",
     "Not even a cosine trained by order, with random negatives, reaches the head.",
     "A cosine trained by order, with random negatives, and the head could not be told apart."),
]  # fmt: skip

# %%
lines = []
for id, if_held, if_refuted, if_undecided in ANSWER:
    words = dict.fromkeys(HELD, if_held) | {"refuted": if_refuted, "undecided": if_undecided}
    said = words.get(claims["verdict"].get(id), "Not run.")
    lines += [f"- *{ledger.plain(said)}*", f"  - {ledger.line(claims, id)}"]
ledger.Page("\n".join(lines))

# %% [markdown]
# In one breath, and with the guesses marked as such: the loss asks for classes, not for closeness; the pre-trained start already holds entailed pairs closer; $|u-v|$ makes that usable;
# and a moderate rate keeps the rest of the geometry alive. The first two are shown, by definition and by measurement. That they *explain* the success of full training is still a guess (lesson 06 says which experiment is missing).
#
# ## Your predictions
# How many did you predict? Only a prediction made *before* its experiment counts, so this table cannot be improved afterwards.
# *By guessing* is what a coin with as many sides as options would get right of those that were measured.

# %%
scored = ledger.score_predictions()
scored.loc["all"] = scored.sum()
scored.round(1).astype({c: int for c in ("asked", "answered", "measured", "right")})

# %%
asked = {id: p for lesson in registry.lessons() for id, p in registry.predictions(lesson).items()}
guess = sum(1 / len(p.options) for p in asked.values())
right, answered = int(scored.loc["all", "right"]), int(scored.loc["all", "measured"])
print(f"{len(asked)} predictions are asked in all; guessing gets about {guess:.0f} of them right")
print(f"you: {right} right of {answered} that were answered and then measured")
for needed in (guess + 5, guess + 10, guess + 15):
    chance = ledger.luck(round(needed), [len(p.options) for p in asked.values()])
    print(f"{needed:.0f} or more right by luck alone: {chance:.0%}")

# %% [markdown]
# If your row is empty: you have read, and not bet. Both are fine; the next time you read a paper, bet on its Table 1 before you turn the page.
# If it is full: look at the lessons where you were wrong. There your picture of these models was wrong as well, and that is where you learnt most.
# Being right less often than by guessing is no shame here. Claims were chosen because sensible people expect them, and a good part of them fell.
#
# ## All models on one page
# What do seconds of training buy? Here are the models of the course that are worth comparing, each with the record it comes from.

# %%
WITHOUT_TRAINING = {
    "word overlap": ("raw", "Jaccard"),
    "raw, CLS": ("raw", "cls"),
    "raw, MAX": ("raw", "max"),
    "raw, MEAN": ("raw", "mean"),
    "word vectors": ("infersent", "mean of the word vectors"),
    "word vectors, whitened on NLI": ("whitening", "raw, embeddings, whitening (NLI)"),
    "first-last, whitened on NLI": ("whitening", "raw, first-last, whitening (NLI)"),
}

# %%
TRAINED = {
    "flow, first-last, NLI text": ("flow", "mini-bert, scaled, 1 pass (NLI)"),
    "InferSent, 119,199 pairs": ("infersent", "max, all pairs"),
    "RoFormer-Sim": ("roformer_sim", "scores: cls"),
    "contrast, no labels": ("contrast", "two masks"),
    "contrast, hard negatives": ("contrast", "entailed, contradicted"),
    "softmax head, bundled pairs": ("live", "live"),
    "cosine, 30,000 pairs": ("objectives", "cosine to 1, 0.5, 0"),
    "CoSENT, 30,000 pairs": ("objectives", "CoSENT, E over N over C"),
}

# %%
TRAINED |= {
    "softmax head, 30,000 pairs": ("objectives", "softmax"),
    "softmax head, 121,199 pairs": ("nli", "all pairs"),
    "STS-B grades": ("table2", "STS-B"),
    "121,199 pairs, then STS-B grades": ("table2", "NLI, then STS-B"),
}
wanted = WITHOUT_TRAINING | TRAINED
models = ledger.recorded_models(wanted)
print("not recorded yet:", "; ".join(name for name in wanted if name not in models.index) or "none")

# %% [markdown]
# Seconds are those of one thread, after pre-training, and of the fastest run; not all runs were made on one machine. Read them as orders of magnitude.
# (Those of RoFormer-Sim are added up from the log of its training.)

# %%
models.loc[models.index.isin(WITHOUT_TRAINING), "seconds"] = 0
log = pd.read_csv(DATA / "mini-roformer-sim" / "log.csv")
models["seconds"] = models["seconds"].mask(models.index == "RoFormer-Sim", log["cpu_s"].sum())

# %% [markdown]
# And how large are they? The shipped ones are loaded and counted, and scored on our test pairs on the way.


# %%
def shipped(folder):
    load = BiLSTMEncoder.load if folder.name == "mini-infersent" else SentenceEncoder.load
    return encoders.get(folder.name) or load(folder)


folders = [f for f in sorted(DATA.glob("mini-*")) if any(f.glob("*.safetensors"))]
size, now = {}, {}
for folder in folders:
    encoder = shipped(folder)
    size[folder.name] = sum(x.numel() for x in encoder.parameters())
    now[folder.name] = live.get(folder.name) or spearman(
        cosine(*encode_pairs(encoder, sts)), grades
    )

# %%
words = encoders["mini-bert"].backbone.get_input_embeddings().weight.numel()
own_size = {"word overlap": 0, "word vectors": words, "word vectors, whitened on NLI": words}
own_size["InferSent, 119,199 pairs"] = words + size.get("mini-infersent", np.nan)
own_size["RoFormer-Sim"] = size.get("mini-roformer-sim", np.nan)
models["parameters"] = models.index.to_series().map(own_size).fillna(size["mini-bert"])

# %%
scores = ["bundled test", "STS-B dev"]
models = models.sort_values(["seconds", "STS-B dev"]).rename_axis("name").reset_index()
models.index += 1
best = pd.DataFrame({score: ledger.frontier(models, score) for score in scores})
first, second = (models.loc[models[score].idxmax(), "name"] for score in scores)

# %%
show(
    plots.models_page(models, best, f"Best on our pairs: {first}; on STS-B dev: {second}"),
    alt="Two panels of numbered bubbles: score against seconds of training on a logarithmic axis. "
    "Untrained models stand at the left; blue bubbles are better than all that cost less.",
)
table = models.assign(blue=best.any(axis=1)).astype({"parameters": int})
table.round({"seconds": 0} | dict.fromkeys(scores, 1))

# %% [markdown]
# Blue: better on one of the two sets than everything that cost as little or less. The blue numbers are the models worth knowing.
# A model that is grey is not wrong. It answered a question (a control, another objective), and answered it without being the best.
# And mind the home ground: models trained on STS-B's own graded pairs are at home on STS-B dev, and guests on our pairs; RoFormer-Sim has learnt from pairs of image captions, and STS-B holds many captions. The two panels need not agree: a model can be far ahead on one and behind on the other.
#
# Are the shipped models in your clone the recorded ones? Their scores on our test pairs, now and as recorded for the first seed (above stand means of all seeds). They may differ by a tenth: the shipped files hold 16-bit numbers.

# %%
source = {"mini-bert": ("raw", "mean"), "mini-sbert": ("nli", "all pairs"),
          "mini-infersent": ("infersent", "max, all pairs"), "Jaccard": ("raw", "Jaccard"),
          "mini-roformer-sim": ("roformer_sim", "scores: cls")}  # fmt: skip


def first_seed(experiment, arm):
    return recorded(experiment).set_index("arm").loc[[arm], "bundled_test"].iloc[0]


both = {"your run, now": pd.Series(now | {"Jaccard": live["Jaccard"]})}
both["recorded, seed 0"] = pd.Series({name: first_seed(*place) for name, place in source.items()})
pd.DataFrame(both).round(1)

# %% [markdown]
# ## With a network
# The open claims are a list of things to do. With a network, or a better computer, begin with those that are undecided here and have no recorded figure:

# %%
todo = judged[(judged["verdict"] == "undecided") & judged["recorded"].isna()]
todo[["lesson", "text"]]

# %% [markdown]
# | to find out | do this |
# |---|---|
# | does it hold for a full-size BERT? | `SBERT_LESSONS_BACKBONE=bert-base-uncased make lab`, then run the lesson; your number appears under *yours* |
# | does it hold on the paper's pairs? | `.venv/bin/python -m sbert_lessons fetch stsb sick snli`, then `load_sts("test", "stsb")` in the lesson |
# | is it the seed? | set `SEEDS = range(10, 20)` in the setup cell of lessons 03 to 13 (in 11: `range(3, 6)`), and compare verdicts, not numbers |
# | is it our data? | write 100 graded pairs of your own, in the format of `data/sts/`, and point `SBERT_LESSONS_DATA` to a copy of the folder with yours in it |
#
# Whatever you run: write down the claim, the margin and what would refute it, **before** you look. That is all there is to this ledger.

# %% [markdown]
# ## Takeaways
# - A verdict is a number against a margin that was fixed first; whoever dislikes the margin can judge again.
# - *Undecided at this scale* speaks of the measurement; only its interval says whether that is ignorance or a no.
# - The best of ten seeds finds differences that are not there; means over seeds, fixed margins and fresh seeds do so far more rarely.
# - Ask of every sentence in a note which table it comes from; the popular ones here were a stretched quotation, and a reason that its source does not give.
# - A claim without something that could refute it is a definition, and belongs in another column.

# %% [markdown]
# ## Verdicts
# These are about the ledger itself: lessons 00 to 13, without this one. Margins were set before the later lessons were there to be counted.
# A to C are shares of claims above one half, in points. Here, too, the end of the 95 % interval that is nearer to 0 counts: other people would have tested other claims.


# %%
def sure_share(yes):  # of claims, one by one: True or False
    share = yes.mean() - 0.5
    half = 1.96 * np.sqrt(yes.mean() * (1 - yes.mean()) / len(yes))
    return round(100 * sure_part(share - half, share + half))


verdict("14.A", sure_share(good), margin=10)

# %% [markdown]
# Of the undecided claims with a recorded figure, the share that is decided there. The claims that recorded runs have judged, alone or in part (the list above 14.3), are left out, here and below: they would agree with themselves.

# %%
by_recorded = sum(judges.values(), [])
elsewhere = decided.drop(by_recorded, errors="ignore")
print(f"{elsewhere.sum()} of {len(elsewhere)} are decided at full scale")
verdict("14.B", sure_share(elsewhere), margin=25)

# %% [markdown]
# Of the claims that both decide, the share that points the same way.

# %%
both = judged[(judged["verdict"] != "undecided") & (judged["recorded"].abs() >= judged["margin"])]
both = both.drop(by_recorded, errors="ignore")
same = np.sign(both["number"]) == np.sign(both["recorded"])
print(f"{same.sum()} of {len(same)} point the same way; not: {', '.join(same.index[~same]) or '-'}")
verdict("14.C", sure_share(same), margin=25)

# %%
verdict("14.D", round(100 * sure_part(low, high)), margin=10)

# %% [markdown]
# For the rank correlation of seconds and score (STS-B dev, trained models of the page): the end of its 95 % interval that is nearer to 0, by Fisher's formula, $\operatorname{artanh} r \pm 1.96 / \sqrt{n - 3}$.

# %%
trained = models[models["seconds"] > 0].dropna(subset="STS-B dev")
r = spearman(trained["seconds"], trained["STS-B dev"]) / 100
half = 1.96 / np.sqrt(len(trained) - 3)
low, high = np.tanh([np.arctanh(r) - half, np.arctanh(r) + half])
print(f"{len(trained)} models, rank correlation {r:+.1f}")
verdict("14.E", round(sure_part(low, high), 1), margin=0.3)

# %% [markdown]
# ## Recall
# **1. A number is +0.9, the margin 1. What is the verdict, and what may you conclude?**
#
# <details><summary>Answer</summary>
#
# Undecided. Only that this measurement did not make sure of an effect of 1 or more. Not that there is none, and not that it is "nearly supported".
#
# </details>
#
# **2. Why must a ledger start from the declared claims, and not from the results that were found?**
#
# <details><summary>Answer</summary>
#
# A claim whose experiment is missing would disappear without a trace, and mostly the inconvenient ones do. Starting from the claims, it stands there as "not run".
#
# </details>
#
# **3. You compare your method, best of ten seeds, with a published number. What is wrong, and what would be right?**
#
# <details><summary>Answer</summary>
#
# The best of ten is about one and a half standard deviations above your mean, for nothing. Compare means over seeds, with their spread, chosen on dev and measured once on test.
#
# </details>
#
# **4. All margins are doubled. Which verdicts can change, and into what?**
#
# <details><summary>Answer</summary>
#
# Supported, softened and refuted ones can become undecided. Nothing can become its opposite, and no undecided one can become decided.
#
# </details>

# %% [markdown]
# ## References
# - Reimers & Gurevych (2019), *Sentence-BERT*, arXiv 1908.10084: Tables 1, 2 and 6; section 4 on the distances.
# - Chen, Kornblith, Norouzi & Hinton (2020), *SimCLR*, arXiv 2002.05709, section 4.2 and Table 3: what the projection head throws away.
# - Gao, Yao & Chen (2021), *SimCSE*, arXiv 2104.08821, appendix B.2: how a setting moves a score.
# - Su Jianlin (2022), kexue.fm 8847: the start decides; CoSENT.
# - Each claim's own source stands in its row, and in full at the end of its lesson.

# %% [markdown]
# ## If something goes wrong
# <details><summary>The column "yours" is empty, though you ran the lessons</summary>
#
# The ledger reads files: save the lesson's notebook (Ctrl+S), then run this one again. A copy that is equal to the one handed out does not count as yours.
#
# </details>
#
# <details><summary>"... cannot be read as a notebook"</summary>
#
# That file is damaged. Delete it and run `make lab`: you get a fresh copy. If it is one in `notebooks/`, restore it with `git checkout -- notebooks`.
#
# </details>
#
# <details><summary>"no verdict on ...; run it to its end, and save it"</summary>
#
# The lesson's outputs were cleared, or it stopped at an error: run all its cells and save it.
#
# </details>

# %%
progress("14")
