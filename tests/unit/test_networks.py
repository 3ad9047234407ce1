"""The networks are the paper's, and the optimiser is the textbook's."""

import numpy as np
import pytest
import torch

from lodestone.loop_learning import networks
from lodestone.loop_learning.optimiser import EPSILON, Nadam


def rng():
    return np.random.default_rng(3)


def test_table_1_parameter_counts():
    module = networks.build("autoencoder", {"cells": 160, "channels": 1})
    assert networks.parameter_count(module.encoder) == 15_382_256
    assert networks.parameter_count(module.decoder) == 14_338_801


def test_table_2_parameter_count():
    assert networks.parameter_count(networks.build("regressor", {})) == 1_502_006


def test_table_1_layer_by_layer():
    module = networks.build("autoencoder", {"cells": 160, "channels": 1})

    def counts(layers):
        return [networks.parameter_count(layer) for layer in layers]

    assert counts(module.encoder.convolutions) == [272, 2_080, 8_256, 32_896, 131_328]
    assert counts([module.encoder.dense, module.encoder.mean]) == [13_109_248, 1_049_088]
    assert counts([module.decoder.dense_1, module.decoder.dense_2]) == [1_050_624, 13_113_600]
    assert counts(module.decoder.convolutions) == [131_200, 32_832, 8_224, 2_064, 257]


@pytest.mark.parametrize(("cells", "channels"), [(32, 1), (64, 2)])
def test_autoencoder_keeps_the_shape_of_its_images(cells, channels):
    module = networks.build("autoencoder", {"cells": cells, "channels": channels}, rng())
    image = torch.rand(3, channels, cells, cells)
    decoded, mean, log_variance = module(image, torch.zeros(3, networks.LATENT))
    assert decoded.shape == image.shape
    assert mean.shape == log_variance.shape == (3, networks.LATENT)
    assert float(decoded.detach().abs().max()) <= 1


def test_cells_must_be_a_multiple_of_32():
    with pytest.raises(ValueError, match="found 100, allowed are multiples of 32"):
        networks.build("autoencoder", {"cells": 100, "channels": 1})


def keras_same_convolution(image, weight, bias, stride=2):
    """Convolution with 'same' padding as TensorFlow defines it: more padding at the end when the total is odd."""
    _, _, ny, nx = image.shape
    k = weight.shape[2]
    total = max((-(-nx // stride) - 1) * stride + k - nx, 0)
    before = total // 2
    padded = np.pad(image, [(0, 0), (0, 0), (before, total - before), (before, total - before)])
    out = np.empty((len(image), len(weight), ny // stride, nx // stride))
    for i in range(ny // stride):
        for j in range(nx // stride):
            patch = padded[:, :, i * stride : i * stride + k, j * stride : j * stride + k]
            out[:, :, i, j] = np.tensordot(patch, weight, axes=([1, 2, 3], [1, 2, 3])) + bias
    return out


@pytest.mark.parametrize("layer", [0, 1])
def test_convolutions_pad_as_keras_same(layer):
    module = networks.build("autoencoder", {"cells": 32, "channels": 1}, rng())
    convolution = module.encoder.convolutions[layer]
    image = torch.rand(2, convolution.in_channels, 8, 8)
    wanted = keras_same_convolution(
        image.numpy(), convolution.weight.detach().numpy(), convolution.bias.detach().numpy()
    )
    np.testing.assert_allclose(convolution(image).detach().numpy(), wanted, atol=1e-5)  # single precision


def test_transposed_convolutions_are_adjoint_to_keras_same():
    """Keras defines a transposed convolution as the adjoint of the 'same' convolution."""
    module = networks.build("autoencoder", {"cells": 32, "channels": 1}, rng())
    transposed = module.decoder.convolutions[-1]
    small, large = torch.rand(1, 16, 8, 8), torch.rand(1, 1, 16, 16)
    up = transposed(small).detach() - transposed.bias.detach()[:, None, None]
    down = keras_same_convolution(large.numpy(), transposed.weight.detach().numpy(), 0.0)
    assert float((up * large).sum()) == pytest.approx(float((small.numpy() * down).sum()), rel=1e-4)


def test_initialisation_is_glorot_uniform_with_zero_biases():
    module = networks.build("autoencoder", {"cells": 32, "channels": 1}, rng())
    weight = module.encoder.dense.weight.detach().numpy()
    bound = np.sqrt(6 / sum(weight.shape))
    assert 0.99 * bound < np.abs(weight).max() <= bound
    assert weight.std() == pytest.approx(bound / np.sqrt(3), rel=0.01)  # 500,000 draws
    assert not any(p.detach().any() for name, p in module.named_parameters() if "bias" in name)
    head = networks.build("regressor", {}, rng()).heads.weight[0].detach().numpy()
    assert 0.98 * np.sqrt(6 / 96) < np.abs(head).max() <= np.sqrt(6 / 96)


def test_heads_equal_dense_layers_one_by_one():
    module = networks.build("regressor", {}, rng())
    code = torch.rand(5, networks.LATENT)
    shared = module.shared(code)
    for target in range(networks.TARGETS):
        y = shared
        for k, (weight, bias) in enumerate(zip(module.heads.weight, module.heads.bias, strict=True)):
            y = y @ weight[target] + bias[target]
            y = torch.nn.functional.elu(y) if k < len(networks.HEAD_WIDTHS) else y
        torch.testing.assert_close(module(code)[:, target], y[:, 0])


def test_flat_parameters_round_trip():
    module = networks.build("regressor", {}, rng())
    flat = networks.get_flat(module)
    other = networks.build("regressor", {})
    networks.set_flat(other, flat)
    np.testing.assert_array_equal(networks.get_flat(other), flat)
    assert sum(int(np.prod(shape)) for _, shape in networks.shapes(module)) == len(flat)
    with pytest.raises(ValueError, match="the architecture has 1502006"):
        networks.set_flat(other, flat[1:])


def test_scaling_folds_into_the_weights():
    module = networks.build("regressor", {}, rng())
    code = 3 + 2 * torch.randn(4, networks.LATENT, generator=torch.Generator().manual_seed(1))
    mean, target_mean, target_scale = np.linspace(2, 4, networks.LATENT), np.arange(6.0), np.arange(1.0, 7.0)
    wanted = module((code - torch.tensor(mean, dtype=torch.float32)) / 2).detach().numpy() * target_scale + target_mean
    networks.fold_scaling(module, mean, 2.0, target_mean, target_scale)
    np.testing.assert_allclose(module(code).detach().numpy(), wanted, atol=2e-4)  # single precision of 512 products


def losses(threads):
    module = networks.build("autoencoder", {"cells": 32, "channels": 1}, rng())
    optimiser = Nadam(module, threads)
    image = torch.rand(4, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    for _ in range(3):
        decoded, mean, _ = module(image, torch.zeros(4, networks.LATENT))
        ((decoded - image).square().mean() + mean.square().mean()).backward()
        optimiser.step(1e-3)
    return optimiser.values.numpy().copy()


def test_nadam_equals_torch():
    module = networks.build("autoencoder", {"cells": 32, "channels": 1}, rng())
    reference = torch.optim.NAdam(module.parameters(), lr=1e-3, eps=EPSILON)
    image = torch.rand(4, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    for _ in range(3):
        reference.zero_grad()
        decoded, mean, _ = module(image, torch.zeros(4, networks.LATENT))
        ((decoded - image).square().mean() + mean.square().mean()).backward()
        reference.step()
    # steps are 1e-3 in size; where a gradient is near epsilon, rounding can turn a part of one
    difference = np.abs(losses(1) - networks.get_flat(module))
    assert np.quantile(difference, 0.999) < 1e-6
    assert difference.max() < 1e-3


def test_threads_change_nothing_in_a_step():
    gradient = np.random.default_rng(0).standard_normal(1_502_006).astype(np.float32)
    results = []
    for threads in (1, 3):
        optimiser = Nadam(networks.build("regressor", {}, rng()), threads)
        for _ in range(2):
            optimiser.gradients.copy_(torch.tensor(gradient))
            optimiser.step(1e-3)
        results.append(optimiser.values.numpy().copy())
    np.testing.assert_array_equal(*results)


def test_optimiser_state_resumes_to_the_bit():
    gradient = torch.tensor(np.random.default_rng(0).standard_normal(1_502_006).astype(np.float32))
    straight = Nadam(networks.build("regressor", {}, rng()))
    resumed = Nadam(networks.build("regressor", {}, rng()))
    for step in range(4):
        if step == 2:
            state = resumed.state()
            resumed = Nadam(networks.build("regressor", {}))
            resumed.restore(state)
        for optimiser in (straight, resumed):
            optimiser.gradients.copy_(gradient * (step + 1))
            optimiser.step(1e-3)
    np.testing.assert_array_equal(straight.values.numpy(), resumed.values.numpy())


def test_generic_step_equals_the_compiled_one():
    """The step of other devices, run here on the CPU."""
    gradient = torch.tensor(np.random.default_rng(0).standard_normal(1_502_006).astype(np.float32))
    compiled, generic = (Nadam(networks.build("regressor", {}, rng())) for _ in range(2))
    generic.compiled = False
    for _ in range(3):
        for optimiser in (compiled, generic):
            optimiser.gradients.copy_(gradient)
            optimiser.step(1e-3)
    torch.testing.assert_close(compiled.values, generic.values, atol=1e-7, rtol=1e-5)
    assert not generic.gradients.any()


def test_no_image_gets_a_variance_that_swamps_the_others():
    encoder = networks.build("autoencoder", {"cells": 32, "channels": 1}, rng()).encoder
    free = []
    encoder.log_variance.register_forward_hook(lambda module, inputs, output: free.append(output))
    with torch.no_grad():
        _, strange = encoder(1e4 * torch.ones(1, 1, 32, 32))
        _, usual = encoder(1e-2 * torch.ones(1, 1, 32, 32))
    assert free[0].abs().max() > 100
    assert strange.abs().max() <= networks.LOG_VARIANCE_BOUND
    assert free[1].abs().max() < 0.1
    assert torch.allclose(usual, free[1], rtol=1e-4)  # (0.1 / 10)^2 / 3: what is usual stays as it is
