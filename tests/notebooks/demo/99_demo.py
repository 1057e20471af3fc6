# %% [markdown]
# # 99 A mean
#
# **Question.** What does an outlier do to a mean?
#
# **You will be able to**
# - compute a mean, and say when not to
#
# **You need** to add and to divide.
#
# **Time.** 5 minutes to read and answer, 2 s to run.

# %% tags=["setup"]
import base64

import ipywidgets
import numpy as np
from IPython.display import display

import sbert_lessons.exercises as exercises
from sbert_lessons.exercises import check, measured, predict, progress, verdict

exercises.__path__.append(".")  # this demo keeps its own exercises beside the notebook
x = np.array([1.0, 2.0, 9.0])
far = np.array([1.0, 2.0, 99.0])

# %% [markdown]
# ## By hand
# ### Exercise 99.1
# What is the mean of 1, 2 and 9?

# %% tags=["exercise"]
# BEGIN SOLUTION
_total = 1 + 2 + 9
by_hand = _total / 3
# END SOLUTION

# %% tags=["check"]
check("99.1", by_hand)

# %% [markdown]
# ### Exercise 99.2
# Write the mean of each row.


# %% tags=["exercise"]
def row_means(table):  # (B, D) -> (B,)
    # BEGIN SOLUTION
    return table.mean(1)
    # END SOLUTION


# %% tags=["check"]
check("99.2", row_means)

# %% [markdown]
# ## An outlier
# What do the mean and the median do?

# %%
predict("99.1", ...)

# %%
predict("99.2", ...)

# %%
measured("99.1", "rises" if far.mean() > x.mean() else "stays")

# %%
measured("99.2", "rises" if np.median(far) > np.median(x) else "stays")

# %%
pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA"
image = {"image/png": base64.b64decode(pixel + "AABJRU5ErkJggg=="), "text/plain": "<Figure>"}
alt = {"image/png": {"alt": "One pixel, which stands for the mean moving right."}}
display(image, raw=True, metadata=alt)
print(f"mean {x.mean():.4f}, with the outlier {far.mean():.4f}")

# %% [markdown]
# ### Exercise 99.3
# 1 `def mean(x):`, 2 `total = sum(x)`, 3 `return total / 2`: in which line is the bug?

# %% tags=["exercise"]
# BEGIN SOLUTION
line = 3
# END SOLUTION

# %% tags=["check"]
check("99.3", line)

# %% [markdown]
# ## Errors and seconds
# ### Exercise 99.4
# Which moves more, the mean or the median?

# %% tags=["exercise"]
# BEGIN SOLUTION
mover = "mean"
# END SOLUTION

# %% tags=["check"]
check("99.4", mover)

# %%
predict("99.3", ...)

# %%
measured("99.3", "equal" if far.mean() == np.mean([far.mean()]) else "different")

# %%
ipywidgets.IntText(3)

# %% tags=["raises-exception"]
sum("text")

# %% tags=["nbval-ignore-output"] reason="an unseeded draw, to show that it moves"
round(np.random.default_rng().normal(), 4)

# %% [markdown]
# ## Takeaways
# - One.
# - Two.
# - Three.
# - Four.
# - Five.

# %% [markdown]
# ## Verdicts

# %%
verdict("99.A", round(far.mean() - x.mean() - (np.median(far) - np.median(x)), 1), margin=1.0)

# %% [markdown]
# ## Recall
# **1. Why?**
#
# <details><summary>Answer</summary>
#
# Because.
#
# </details>
#
# **2. When?**
#
# <details><summary>Answer</summary>
#
# Always.
#
# </details>
#
# **3. How?**
#
# <details><summary>Answer</summary>
#
# By adding.
#
# </details>

# %% [markdown]
# ## References
# - Any book, equation 2.

# %% [markdown]
# ## If something goes wrong
# <details><summary>Nothing happens</summary>
#
# Wait.
#
# </details>

# %%
progress("99")
