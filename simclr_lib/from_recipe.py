"""What a recipe makes: an encoder, views, a loss, the model that joins them, its optimiser."""

import random
from dataclasses import replace

import keras
import numpy as np

from simclr_lib.augment import simclr_augmenter
from simclr_lib.encoder_weights import load_weights
from simclr_lib.encoders import resnet
from simclr_lib.heads import projection_head
from simclr_lib.keras_resnet import begins_with_keras_resnet, keras_resnet
from simclr_lib.losses import MemoryBank, SogCLR, chance_level, nt_xent
from simclr_lib.optimizers import build_optimizer, warmup_cosine
from simclr_lib.pretraining import CLSA, Autoencoder, SimCLR
from simclr_lib.pretraining.autoencoder import picture_decoder
from simclr_lib.recipes import check_for_keras_resnet
from simclr_lib.strong_views import WEAKEST, strong_augmenter


def build_encoder(recipe, precision):
    """The recipe's encoder, freshly initialised: the same weights for the same seed."""
    # Initialisers take their seeds from Python's generator. Keras' own set_random_seed would seed
    # every framework that it finds, and import TensorFlow for it on a JAX machine.
    random.seed(recipe.seed)
    if begins_with_keras_resnet(recipe.encoder_weights):
        check_for_keras_resnet(recipe)
        return keras_resnet(
            recipe.encoder_depth,
            batch_norm_momentum=recipe.batch_norm_momentum,
            synchronized=recipe.synchronized_batch_norm,
            dtype=precision,
        )
    return resnet(
        recipe.encoder_depth,
        width=recipe.encoder_width,
        stem=recipe.stem,
        batch_norm_momentum=recipe.batch_norm_momentum,
        synchronized=recipe.synchronized_batch_norm,
        dtype=precision,
    )


def starting_encoder(recipe, precision):
    """The encoder that training begins with: `build_encoder`'s, with the recipe's weights if any.

    Raises:
        UserError: the weights' file is not there, or of another network (the first layer that
            differs is named).
    """
    encoder = build_encoder(recipe, precision)
    if recipe.encoder_weights != "none":
        load_weights(encoder, recipe.encoder_weights)
    return encoder


def steps_in_epoch(recipe, pictures):
    """Batches that count as an epoch: what the recipe says, or as many as the pictures fill."""
    return recipe.steps_per_epoch or pictures // recipe.batch_size


def views_seen(recipe, pictures):
    """How many views a whole training without labels sends through the encoder."""
    views = 1 if recipe.objective == "reconstruction" else 3 if recipe.loss == "clsa" else 2
    return views * recipe.batch_size * recipe.epochs * steps_in_epoch(recipe, pictures)


def build_augmenter(recipe):
    """The recipe's views."""
    options = {
        "crop_scale": (recipe.crop_min_area, 1.0),
        "color_strength": recipe.color_strength,
        "gray_probability": recipe.gray_probability,
        "blur_probability": recipe.blur_probability,
        "flip_probability": recipe.flip_probability,
        "draws": recipe.view_draws,
        "seed": recipe.seed,
    }
    if recipe.views == "strong":
        options["strength"] = (WEAKEST, recipe.strong_strength)
        return strong_augmenter(recipe.view_size, **options)
    return simclr_augmenter(recipe.view_size, **options)


def build_loss(recipe, pictures, dims):
    """The recipe's contrastive loss, for a training set of `pictures` and z of length `dims`."""
    if recipe.loss == "sogclr":
        steps = recipe.epochs * steps_in_epoch(recipe, pictures)
        decay = {"constant": 0, "cosine": steps // 2}[recipe.sogclr_gamma_schedule]
        return SogCLR(pictures, recipe.sogclr_gamma, decay)
    if recipe.loss == "memory_bank":
        negatives, momentum = recipe.bank_negatives, recipe.bank_momentum
        return MemoryBank(pictures, dims, negatives, momentum, recipe.seed)
    return nt_xent


def build_strong_augmenter(recipe):
    """The strong views of a recipe with `loss="clsa"`, drawn apart from its weak ones."""
    return build_augmenter(replace(recipe, views="strong", seed=recipe.seed + 1000))


def build_model(recipe, precision, encoder, pictures):
    """The recipe's model around an encoder, to be trained on that many pictures without labels."""
    if recipe.objective == "reconstruction":
        decoder = picture_decoder(
            encoder.output_shape[-1],
            recipe.view_size,
            width=-(-recipe.encoder_width // 2),
            batch_norm_momentum=recipe.batch_norm_momentum,
            dtype=precision,
        )
        return Autoencoder(encoder, decoder, build_augmenter(recipe))
    head = projection_head(
        encoder.output_shape[-1],
        recipe.head_hidden,
        recipe.head_output,
        recipe.head_layers,
        dtype=precision,
    )
    if recipe.loss == "clsa":
        return CLSA(
            encoder,
            head,
            build_augmenter(recipe),
            build_strong_augmenter(recipe),
            recipe.temperature,
            strong_weight=recipe.strong_weight,
        )
    return SimCLR(
        encoder,
        head,
        build_augmenter(recipe),
        recipe.temperature,
        build_loss(recipe, pictures, head.output_shape[-1]),
        block_rows=recipe.loss_block_rows,
        gradient_cache_chunk=recipe.gradient_cache_chunk,
    )


def chance_loss(recipe):
    """The contrastive loss of an encoder that has learnt nothing: it gives all pictures one z."""
    chance = chance_level(recipe.batch_size)
    return {
        "nt_xent": chance,
        "clsa": (1 + recipe.strong_weight) * chance,
        "sogclr": 0.0,
        "memory_bank": np.log(1 + recipe.bank_negatives),
    }[recipe.loss]


def compile_for(recipe, precision, model, images, epochs, **options):
    """Build a model on two pictures, and compile it with the recipe's optimiser and schedule.

    `options` go to Keras' `compile`: the loss of a supervised model, for one.
    """
    model(images[:2])
    steps_per_epoch = steps_in_epoch(recipe, len(images))
    warmup = round(recipe.warmup_epochs * steps_per_epoch * epochs / recipe.epochs)
    schedule = warmup_cosine(recipe.learning_rate, steps_per_epoch * epochs, warmup)
    optimizer = build_optimizer(
        recipe.optimizer,
        schedule,
        recipe.weight_decay,
        model.trainable_variables,
        matrix_dtype=keras.DTypePolicy(precision).compute_dtype,
    )
    model.compile(optimizer, **options)
