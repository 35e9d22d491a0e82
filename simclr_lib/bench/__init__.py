"""How fast the kit is, beside its peers: what `simclr bench` measures and writes down."""

PARTS = {  # what it measures; each is a module of this package
    "views": "pictures a second through the augmenter",
    "step": "pairs a second of a whole pretraining step",
    "loss": "time and memory of NT-Xent by batch size",
    "probe": "the linear probe and kNN on 50,000 features",
    "start": "seconds until something happens",
}
