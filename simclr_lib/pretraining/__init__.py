"""Pretraining without labels: the models, its data order, its loop, and what watches over it."""

from simclr_lib.pretraining.autoencoder import Autoencoder
from simclr_lib.pretraining.clsa import CLSA
from simclr_lib.pretraining.loop import fit_epochs
from simclr_lib.pretraining.model import SimCLR

__all__ = ["CLSA", "Autoencoder", "SimCLR", "fit_epochs"]
