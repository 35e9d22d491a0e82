"""Contrastive pretraining: the model, its data order, its loop, and what watches over it."""

from simclr_lib.pretraining.clsa import CLSA
from simclr_lib.pretraining.loop import fit_epochs
from simclr_lib.pretraining.model import SimCLR

__all__ = ["CLSA", "SimCLR", "fit_epochs"]
