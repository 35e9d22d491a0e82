"""Contrastive losses: one idea a file, each a pure function of arrays."""

from simclr_lib.losses.clsa import clsa, distributional_loss
from simclr_lib.losses.memory_bank import MemoryBank, memory_bank_loss
from simclr_lib.losses.nt_xent import chance_level, contrastive_accuracy, nt_xent
from simclr_lib.losses.sogclr import SogCLR, sogclr

__all__ = [
    "MemoryBank",
    "SogCLR",
    "chance_level",
    "clsa",
    "contrastive_accuracy",
    "distributional_loss",
    "memory_bank_loss",
    "nt_xent",
    "sogclr",
]
