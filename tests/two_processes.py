"""Run by a test through `accelerate launch`: train a folder's model, keep the history there."""

import sys
from pathlib import Path

from accelerate import Accelerator
from test_training import HYPOTHESES, LABELS, PREMISES, softmax_loss

from sbert_lessons.encoder import SentenceEncoder
from sbert_lessons.training import train

folder, accelerator = Path(sys.argv[1]), Accelerator()
encoder = SentenceEncoder.load(folder / "model")
columns = [PREMISES, HYPOTHESES]
history = train(encoder, softmax_loss(), columns, LABELS, epochs=2, batch_size=4, rate=1e-2)
if accelerator.is_main_process:
    history.to_csv(folder / f"history-{accelerator.num_processes}.csv")
