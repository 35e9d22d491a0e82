"""The supervised baseline: the same encoder, trained from scratch with all the labels."""

import keras


class SupervisedClassifier(keras.Model):
    """Views, encoder and linear classifier in one Keras model: pictures → logits `(B, K)`.

    Args:
        encoder: Keras model, views → `h (B, d)`, freshly initialised.
        augmenter: Keras layer, pictures → views; it is for training. To test, classify
            `extract_features(encoder, images)`.
        classes: number of classes K.
    """

    def __init__(self, encoder, augmenter, classes, **kwargs):
        super().__init__(**kwargs)
        self.encoder, self.augmenter = encoder, augmenter
        self.classifier = keras.layers.Dense(classes, dtype="float32", name="classifier")

    def call(self, images, training=False):
        return self.classifier(self.encoder(self.augmenter(images), training=training))
