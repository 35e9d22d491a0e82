"""The projection head."""

import keras
import numpy as np
import pytest

from simclr_lib.heads import projection_head


def features(count=6, length=8):
    return np.random.default_rng(0).normal(size=(count, length)).astype("float32")


@pytest.mark.parametrize(
    ("layers", "length", "parameters"),
    [
        (0, 8, 0),
        (1, 5, 8 * 5 + 5),
        (2, 5, 8 * 16 + 16 + 16 * 5 + 5),
        (3, 5, 8 * 16 + 16 + 16 * 16 + 16 + 16 * 5 + 5),
    ],
)
def test_layers_have_the_asked_widths(layers, length, parameters):
    head = projection_head(8, 16, 5, layers)
    assert (head.input_shape, head.output_shape) == ((None, 8), (None, length))
    assert head.count_params() == parameters


def test_the_paper_s_head_is_the_usual_one():
    head = projection_head(8, 16)
    assert head.count_params() == 8 * 16 + 16 + 16 * 128 + 128


def test_no_layer_passes_the_features_on():
    np.testing.assert_array_equal(projection_head(8, 16, 5, layers=0)(features()), features())


@pytest.mark.parametrize(("layers", "linear"), [(1, True), (2, False)])
def test_only_hidden_layers_bend(layers, linear):
    head = projection_head(8, 16, 5, layers)
    zero = np.asarray(head(np.zeros_like(features())))
    there, back = (np.asarray(head(sign * features())) - zero for sign in (1, -1))
    assert np.allclose(there, -back, atol=1e-5) == linear


def test_two_layers_are_linear_relu_linear():
    head = projection_head(8, 16, 5)
    for variable in head.trainable_variables[1::2]:
        variable.assign(np.linspace(-1, 1, variable.shape[0]))
    kernel1, bias1, kernel2, bias2 = (v.numpy() for v in head.trainable_variables)
    expected = np.maximum(features() @ kernel1 + bias1, 0) @ kernel2 + bias2
    np.testing.assert_allclose(head(features()), expected, atol=1e-5)


@pytest.mark.parametrize("layers", [0, 1, 2])
def test_projections_are_float32_also_in_half_precision(layers):
    head = projection_head(8, 16, 5, layers, dtype="mixed_bfloat16")
    assert keras.backend.standardize_dtype(head(features()).dtype) == "float32"
    assert all(variable.dtype == "float32" for variable in head.trainable_variables)


def test_a_negative_number_of_layers_is_refused():
    with pytest.raises(ValueError, match="layers must be 0 or more; got -1"):
        projection_head(8, 16, layers=-1)


def test_a_saved_head_gives_identical_projections(tmp_path):
    head = projection_head(8, 16, 5)
    head.save(tmp_path / "head.keras")
    again = keras.models.load_model(tmp_path / "head.keras")
    np.testing.assert_array_equal(again(features()), head(features()))
