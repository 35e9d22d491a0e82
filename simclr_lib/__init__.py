"""SimCLR, built to be understood: views, encoder, head, NT-Xent, pretraining, evaluation.

Each name below is imported when it is first used, so that `import simclr_lib` takes no time and
Keras starts without TensorFlow's start-up lines.
"""

import importlib

WHERE = {
    "load_dataset": "datasets",
    "simclr_augmenter": "augment",
    "resnet": "encoders",
    "projection_head": "heads",
    "nt_xent": "losses",
    "chance_level": "losses",
    "SimCLR": "pretraining",
    "extract_features": "evaluation",
    "linear_probe": "evaluation",
    "knn_accuracy": "evaluation",
    "get_recipe": "recipes",
    "run": "experiment",
    "UserError": "errors",
}
WITHOUT_KERAS = {"datasets", "recipes", "errors"}

__all__ = list(WHERE)


def __getattr__(name):
    if name not in WHERE:
        raise AttributeError(f"module 'simclr_lib' has no attribute {name!r}")
    if WHERE[name] not in WITHOUT_KERAS:
        from simclr_lib.quiet import import_keras

        import_keras()
    return getattr(importlib.import_module(f"simclr_lib.{WHERE[name]}"), name)


def __dir__():
    return sorted({*globals(), *WHERE})
