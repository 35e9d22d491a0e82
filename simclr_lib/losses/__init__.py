"""Contrastive losses: one idea a file, each a pure function of arrays."""

from simclr_lib.losses.clsa import clsa, distributional_loss
from simclr_lib.losses.nt_xent import chance_level, contrastive_accuracy, nt_xent

__all__ = ["chance_level", "clsa", "contrastive_accuracy", "distributional_loss", "nt_xent"]
