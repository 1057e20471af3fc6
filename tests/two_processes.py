"""Run by a test through `accelerate launch`: train a folder's model, keep the histories there."""

import sys
from pathlib import Path

from accelerate import Accelerator
from test_training import HYPOTHESES, LABELS, PREMISES, softmax_loss

from sbert_lessons.encoder import SentenceEncoder
from sbert_lessons.losses import CoSENTLoss
from sbert_lessons.training import train

folder, accelerator = Path(sys.argv[1]), Accelerator()
for name, loss in {"softmax": softmax_loss(), "cosent": CoSENTLoss()}.items():
    encoder = SentenceEncoder.load(folder / "model")
    columns = [PREMISES, HYPOTHESES]
    history = train(encoder, loss, columns, LABELS, epochs=2, batch_size=4, rate=1e-2)
    if accelerator.is_main_process:
        history.to_csv(folder / f"{name}-{accelerator.num_processes}.csv")
accelerator.end_training()
