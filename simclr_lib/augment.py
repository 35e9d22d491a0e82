"""Views: the random changes that a picture goes through before the encoder sees it.

Every operation is a Keras layer over a whole batch, and every picture in the batch gets its own
random draw (`draws="batch"` is there to show what that is worth). One draw a call: a layer asks
once for a row of uniform numbers per picture and turns them into its parameters, so that a seed and
a call count fix every view (what lets a stopped run go on exactly where it was).

Inside, a picture travels as three planes, `(B, 3, height, width)`: resizing a side or blending the
colours is then one matrix product, the fastest thing that a processor does.

The operations are those of the SimCLR paper (Chen et al., 2020, appendix A) with brightness
multiplicative, as in the authors' second version. `simclr_augmenter` joins them.
"""

import math

import keras
from keras import ops

LUMA = (0.299, 0.587, 0.114)  # how bright the eye finds red, green and blue (ITU-R BT.601)

# Hue is an angle in the YIQ colour space: Y is the luma, I and Q span the plane of colours.
RGB_TO_YIQ = (LUMA, (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))


class RandomView(keras.layers.Layer):
    """What the operations share: float pictures `(B, H, W, 3)` in [0, 1], and a draw for each.

    An operation defines `change`: planes `(B, 3, H, W)` → planes.

    Attributes:
        alike: whether all pictures get the same draw, see `uniform`.
    """

    def __init__(self, seed=0, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        self.seed = seed
        self.draws = Draws(seed)
        self.alike = False

    def uniform(self, images, columns):
        """Draw `columns` arrays of shape `(B,)`, uniform in [0, 1).

        With `alike` there are two draws in a batch, one for its first half and one for its second:
        `SimCLR` has the first views in the one and the second views in the other.
        """
        count = ops.shape(images)[0]
        numbers = keras.random.uniform((2 if self.alike else count, columns), seed=self.draws)
        if self.alike:
            numbers = ops.take(numbers, ops.arange(count) * 2 // count, axis=0)
        return [numbers[:, column] for column in range(columns)]

    def call(self, images):
        return to_pictures(self.change(to_planes(images)))


def to_planes(images):
    """`(B, H, W, 3)` → `(B, 3, H, W)`."""
    return ops.transpose(images, (0, 3, 1, 2))


def to_pictures(planes):
    """`(B, 3, H, W)` → `(B, H, W, 3)`."""
    return ops.transpose(planes, (0, 2, 3, 1))


class Draws(keras.random.SeedGenerator):
    """A seed and a counter; on each device of a `tf.distribute` strategy another seed.

    Keras gives all devices the same: the first picture of each would get the same crop. On JAX
    there is one draw for the rows of all devices.
    """

    def next(self, ordered=True):
        seed = super().next(ordered)
        if keras.backend.backend() != "tensorflow":
            return seed
        import tensorflow as tf

        if tf.distribute.get_strategy().num_replicas_in_sync == 1:
            return seed
        context = tf.distribute.get_replica_context()
        device = 0 if context is None else context.replica_id_in_sync_group
        return seed + tf.cast([1_000_003 * device, 0], seed.dtype)


class RandomResizedCrop(RandomView):
    """Cut a random box out of each picture, resize it, and mirror half of them.

    The box covers a random share of the picture's area, its sides are in a random proportion, and
    it lies anywhere inside. Resizing is bilinear, averaging where the picture shrinks.

    Args:
        image_size: side of the views in pixels.
        scale: smallest and largest share of the area, 0 < smallest ≤ largest ≤ 1.
            The paper cuts (0.08, 1) from large pictures; (0.2, 1) suits 32×32.
        aspect: smallest and largest width ÷ height, drawn evenly in the logarithm.
        flip_probability: share of the views that are mirrored left to right.
    """

    def __init__(
        self, image_size, scale=(0.2, 1.0), aspect=(3 / 4, 4 / 3), flip_probability=0.5, **kwargs
    ):
        super().__init__(**kwargs)
        if not 0 < scale[0] <= scale[1] <= 1:
            raise ValueError(f"scale must be 0 < smallest ≤ largest ≤ 1; got {tuple(scale)}.")
        self.image_size = image_size
        self.scale, self.aspect = tuple(scale), tuple(aspect)
        self.flip_probability = flip_probability

    def boxes(self, images):
        """Draw one box a picture: `(top, left, height, width)`, each `(B,)`, shares of the side."""
        area, shape, down, across = self.uniform(images, 4)
        area = self.scale[0] + (self.scale[1] - self.scale[0]) * area
        low, high = math.log(self.aspect[0]), math.log(self.aspect[1])
        aspect = ops.exp(low + (high - low) * shape)
        # A box that would stick out is narrowed to the picture.
        height = ops.minimum(ops.sqrt(area / aspect), 1.0)
        width = ops.minimum(ops.sqrt(area * aspect), 1.0)
        return down * (1 - height), across * (1 - width), height, width

    def change(self, planes):
        rows, columns = planes.shape[2:]
        top, left, height, width = self.boxes(planes)
        (mirror,) = self.uniform(planes, 1)
        mirror = mirror < self.flip_probability
        # A mirrored box is read from its right edge with a negative width.
        left, width = ops.where(mirror, left + width, left), ops.where(mirror, -width, width)
        down = resampling_matrix(top, height, rows, self.image_size)
        across = resampling_matrix(left, width, columns, self.image_size)
        return down_and_across(down, planes, across)


def down_and_across(down, planes, across):
    """Change each plane's rows by `down (B, h, H)` and columns by `across (B, w, W)`."""
    return ops.matmul(down[:, None], ops.matmul(planes, ops.transpose(across, (0, 2, 1))[:, None]))


def resampling_matrix(start, length, size_in, size_out):
    """Weights that resample one side of a picture.

    Args:
        start, length: where the box begins and how long it is, `(B,)`, as shares of the side.
            A negative length reads backwards.
        size_in, size_out: pixels of that side before and after.

    Returns:
        `(B, size_out, size_in)`: row i says how much of each old pixel the new pixel i takes.
        Rows add up to 1. The weights fall off linearly over one pixel, or over as many old
        pixels as one new pixel covers.
    """
    step = length * size_in / size_out
    reach = ops.maximum(ops.abs(step), 1.0)[:, None]
    new = (start * size_in)[:, None] + (ops.arange(size_out, dtype="float32") + 0.5) * step[:, None]
    old = ops.arange(size_in, dtype="float32") + 0.5
    # Divided by the reach before they meet: the large array is touched as rarely as possible.
    distance = ops.abs((new / reach)[:, :, None] - (old / reach)[:, None, :])
    weights = ops.relu(1 - distance)
    return weights / ops.sum(weights, axis=-1, keepdims=True)


class ColorDistortion(RandomView):
    """Change brightness, contrast, saturation and hue of most pictures, and turn some to grey.

    All five are affine in a pixel's colour, so each picture gets one 3×3 matrix and one offset,
    and one clip to [0, 1] at the end (the paper's code clips after each step, in random order).

    Args:
        strength: s ≥ 0. Brightness, contrast and saturation are multiplied by a factor drawn
            from [1 − 0.8 s, 1 + 0.8 s] (never below 0); hue turns by up to ±0.2 s of a circle.
            The paper takes 0.5 for CIFAR-10 and 1 for ImageNet.
        probability: share of the pictures whose colours change at all.
        gray_probability: share of the pictures that lose their colour.
    """

    def __init__(self, strength=0.5, probability=0.8, gray_probability=0.2, **kwargs):
        super().__init__(**kwargs)
        if strength < 0:
            raise ValueError(f"strength must be ≥ 0; got {strength}.")
        self.strength, self.probability = strength, probability
        self.gray_probability = gray_probability

    def factors(self, images):
        """Draw `(brightness, contrast, saturation, hue)`, each `(B,)`; hue in radians.

        Pictures that the draw leaves alone get `(1, 1, 1, 0)`.
        """
        applied, *numbers, hue = self.uniform(images, 5)
        applied = applied < self.probability
        spread = 0.8 * self.strength
        low, high = max(0.0, 1 - spread), 1 + spread
        scales = [ops.where(applied, low + (high - low) * u, 1.0) for u in numbers]
        turn = ops.where(applied, (2 * hue - 1) * 0.2 * self.strength, 0.0)
        return *scales, turn * 2 * math.pi

    def change(self, planes):
        brightness, contrast, saturation, hue = self.factors(planes)
        (gray,) = self.uniform(planes, 1)
        saturation = ops.where(gray < self.gray_probability, 0.0, saturation)
        _, _, rows, columns = planes.shape
        pixels = ops.reshape(planes, (-1, 3, rows * columns))
        # Contrast pulls every pixel towards the mean luma of the (brightened) picture.
        mean = ops.sum(ops.mean(pixels, axis=2) * ops.convert_to_tensor(LUMA), axis=1)
        offset = brightness * (1 - contrast) * mean
        matrix = (brightness * contrast)[:, None, None] * color_matrix(saturation, hue)
        colors = ops.matmul(matrix, pixels) + offset[:, None, None]
        return ops.reshape(ops.clip(colors, 0.0, 1.0), (-1, 3, rows, columns))


def color_matrix(saturation, hue):
    """`(B, 3, 3)` matrices that scale the distance from grey and turn the hue (radians).

    In YIQ colours this is a rotation and a scaling of the I–Q plane; Y stays.
    """
    cosine, sine = saturation * ops.cos(hue), saturation * ops.sin(hue)
    one, zero = ops.ones_like(hue), ops.zeros_like(hue)
    turn = ops.stack([one, zero, zero, zero, cosine, -sine, zero, sine, cosine], axis=-1)
    to_yiq = ops.convert_to_tensor(RGB_TO_YIQ)
    return ops.linalg.inv(to_yiq) @ ops.reshape(turn, (-1, 3, 3)) @ to_yiq


class RandomBlur(RandomView):
    """Blur some pictures with a Gaussian.

    Args:
        probability: share of the pictures that are blurred.
        sigma: smallest and largest standard deviation in pixels.
        kernel_share: length of the kernel as a share of the picture's side (the paper: 0.1).
    """

    def __init__(self, probability=0.5, sigma=(0.1, 2.0), kernel_share=0.1, **kwargs):
        super().__init__(**kwargs)
        self.probability, self.sigma, self.kernel_share = probability, tuple(sigma), kernel_share

    def change(self, planes):
        applied, sigma = self.uniform(planes, 2)
        sigma = self.sigma[0] + (self.sigma[1] - self.sigma[0]) * sigma
        sigma = ops.where(applied < self.probability, sigma, 1e-3)  # 1e-3: a picture unchanged
        # A Gaussian is separable: blur the columns, then the rows.
        rows, columns = planes.shape[2:]
        down = blur_matrix(sigma, rows, self.kernel_share)
        across = blur_matrix(sigma, columns, self.kernel_share)
        return down_and_across(down, planes, across)


def blur_matrix(sigma, size, kernel_share):
    """`(B, size, size)` weights of a Gaussian around each pixel, cut off, and adding up to 1."""
    radius = max(1, round(kernel_share * size / 2))
    pixels = ops.arange(size, dtype="float32")
    distance = ops.abs(pixels[:, None] - pixels)
    weights = ops.exp(-0.5 * (distance / sigma[:, None, None]) ** 2)
    weights = ops.where(distance <= radius, weights, 0.0)
    return weights / ops.sum(weights, axis=-1, keepdims=True)


def simclr_augmenter(
    image_size,
    *,
    crop_scale=(0.2, 1.0),
    color_strength=0.5,
    gray_probability=0.2,
    blur_probability=0.0,
    flip_probability=0.5,
    draws="picture",
    seed=0,
):
    """SimCLR's views: crop, mirror, colour distortion, grey, and blur.

    Args:
        image_size: side of the views in pixels; it may differ from the pictures' side.
        crop_scale: smallest and largest share of the area that a crop keeps; `(1, 1)`: no crop.
        color_strength: see `ColorDistortion`; 0: colours stay.
        gray_probability: share of the views without colour.
        blur_probability: share of the views that are blurred; 0 for 32×32, 0.5 from 64×64 up.
        flip_probability: share of the views that are mirrored.
        draws: `"picture"`: each gets its own. `"batch"`: all pictures in each half of a batch
            share theirs, as in a program that draws once and then calls a function on the batch.
        seed: the same seed gives the same sequence of views.

    Returns:
        A Keras layer: pictures `(B, H, W, 3)`, float in [0, 1] or uint8 → one view of each,
        float `(B, image_size, image_size, 3)` in [0, 1].
    """
    # With the whole area there is nothing to cut: the picture keeps its proportions too.
    aspect = (1.0, 1.0) if tuple(crop_scale) == (1.0, 1.0) else (3 / 4, 4 / 3)
    operations = [
        RandomResizedCrop(image_size, crop_scale, aspect, flip_probability, seed=seed, name="crop")
    ]
    if color_strength > 0 or gray_probability > 0:
        operations.append(
            ColorDistortion(
                color_strength, gray_probability=gray_probability, seed=seed + 1, name="color"
            )
        )
    if blur_probability > 0:
        operations.append(RandomBlur(blur_probability, seed=seed + 2, name="blur"))
    return Augmenter(operations, draws, name="augmenter")


class Augmenter(keras.layers.Layer):
    """One view operation after another, from uint8 (0..255) or float pictures in [0, 1].

    Args:
        operations: `RandomView` layers.
        draws: `"picture"` or `"batch"`, see `simclr_augmenter`.
    """

    def __init__(self, operations, draws="picture", **kwargs):
        super().__init__(dtype="float32", **kwargs)
        if draws not in ("picture", "batch"):
            raise ValueError(f'draws must be "picture" or "batch"; got {draws!r}.')
        for operation in operations:
            operation.alike = draws == "batch"
        self.operations = operations

    def build(self, shape):
        for operation in self.operations:
            operation.build(shape)

    def call(self, images):
        planes = to_planes(images)
        if keras.backend.standardize_dtype(images.dtype) == "uint8":
            planes = ops.cast(planes, "float32") / 255.0
        for operation in self.operations:
            planes = operation.change(planes)
        # Weights that add up to 1 do so but for rounding.
        return to_pictures(ops.clip(planes, 0.0, 1.0))
