"""Features of pictures from a frozen encoder."""

import numpy as np


def extract_features(encoder, images, batch_size=512):
    """Run pictures, unchanged, through the encoder in inference mode.

    BatchNorm uses its running statistics and changes nothing, so the features of a picture do not
    depend on which pictures are beside it.

    Args:
        encoder: Keras model, float pictures `(B, H, W, 3)` in [0, 1] → `(B, d)`.
        images: uint8 `(N, H, W, 3)`; may be memory-mapped.
        batch_size: pictures at a time.

    Returns:
        float32 `(N, d)`.
    """
    batch_size = min(batch_size, len(images))
    features = None
    for first in range(0, len(images), batch_size):
        batch = np.asarray(images[first : first + batch_size], "float32") / 255
        # A last batch of another size would be compiled anew: fill it up, and cut the answer.
        missing = batch_size - len(batch)
        padded = np.pad(batch, ((0, missing), (0, 0), (0, 0), (0, 0))) if missing else batch
        h = np.asarray(encoder.predict_on_batch(padded), "float32")
        if features is None:  # parts and their sum would be twice the memory
            features = np.empty((len(images), *h.shape[1:]), "float32")
        features[first : first + len(batch)] = h[: len(batch)]
    return features
