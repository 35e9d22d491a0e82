"""What frozen features are worth. Labels are read here, and nowhere else."""

from simclr_lib.evaluation.batch_norm import reestimate_batch_norm
from simclr_lib.evaluation.classifier import ClassifierResult, small_classifier
from simclr_lib.evaluation.features import extract_features
from simclr_lib.evaluation.knn import knn_accuracy, nearest
from simclr_lib.evaluation.linear_probe import ProbeResult, linear_probe
from simclr_lib.evaluation.supervised import SupervisedClassifier

__all__ = [
    "ClassifierResult",
    "ProbeResult",
    "SupervisedClassifier",
    "extract_features",
    "knn_accuracy",
    "linear_probe",
    "nearest",
    "reestimate_batch_norm",
    "small_classifier",
]
