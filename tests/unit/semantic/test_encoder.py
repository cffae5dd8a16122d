import numpy as np
import pytest
import torch

from unmixing.errors import UnmixingError
from unmixing.semantic.decoder import Decoder, DecoderSize
from unmixing.semantic.encoder import Encoder, EncoderSize, channels, check_wavelengths, fill_unknown, place
from unmixing.semantic.sensors import get_sensor
from unmixing.semantic.sources import COMMON_GRID

TINY = EncoderSize((16, 15, 10), ((16, 3, 1, 3),), False, "flatten", 32)


def spectra(axis, pixels=20, seed=0):
    rng = np.random.default_rng(seed)
    phase, slope = rng.uniform(0, 6, (pixels, 1)), rng.uniform(-1, 1, (pixels, 1))
    values = 0.4 + 0.15 * np.sin(axis / 250 + phase) + 0.1 * slope * (axis - 1400) / 1000
    return torch.as_tensor(values.astype(np.float32))


def seen(axis, pixels=None, known=None):
    values = spectra(axis) if pixels is None else pixels
    mask = torch.ones(values.shape, dtype=torch.bool) if known is None else known
    return channels(values, mask, place(axis))


def test_bands_on_the_grid_keep_their_values():
    values = spectra(COMMON_GRID)
    shape = seen(COMMON_GRID)[:, 0]
    root = (values**2).mean(1, keepdim=True).sqrt()
    torch.testing.assert_close(shape, values / root, rtol=1e-4, atol=1e-5)
    assert bool((seen(COMMON_GRID)[:, 1] == 1).all())


def test_a_gain_changes_nothing_that_the_encoder_sees():
    values = spectra(COMMON_GRID)
    torch.testing.assert_close(seen(COMMON_GRID, 0.1 * values), seen(COMMON_GRID, values), rtol=1e-4, atol=1e-6)


def test_other_bands_of_a_smooth_spectrum_look_alike_and_a_wrong_axis_does_not():
    axis = np.sort(np.random.default_rng(0).choice(COMMON_GRID, 140, replace=False))
    axis[0], axis[-1] = COMMON_GRID[0], COMMON_GRID[-1]
    full, part = seen(COMMON_GRID)[:, 0], seen(axis)[:, 0]
    wrong = channels(spectra(axis), torch.ones(20, 140, dtype=torch.bool), place(axis[0] + (axis - axis[0]) * 0.8))[
        :, 0
    ]
    assert float((full - part).abs().mean()) < 0.01
    assert float((full - wrong).abs().mean()) > 0.1


def test_outside_the_range_of_a_sensor_nothing_is_made_up():
    sensor = get_sensor("vnir")
    given = seen(np.asarray(sensor.centres))
    beyond = torch.as_tensor(sensor.centres[-1] + 10 < COMMON_GRID)
    assert bool((given[:, :, beyond] == 0).all())
    assert float(given[:, 1, ~beyond].min()) > 0.9


def test_between_bands_that_are_far_apart_the_mask_says_so():
    mask = seen(np.asarray(get_sensor("sentinel2").centres))[0, 1]
    near, far = int(np.argmin(np.abs(COMMON_GRID - 1610))), int(np.argmin(np.abs(COMMON_GRID - 1900)))
    assert float(mask[near]) > 0.9
    assert float(mask[far]) < 0.01


def test_unknown_bands_are_bridged_by_straight_lines_in_wavelength():
    axis = torch.tensor([400.0, 500.0, 800.0, 900.0, 1000.0])
    values = torch.tensor([[1.0, 9.0, 9.0, 6.0, 9.0], [9.0, 2.0, 3.0, 9.0, 9.0]])
    known = torch.tensor([[True, False, False, True, False], [False, True, True, False, False]])
    filled = fill_unknown(values, known, axis)
    torch.testing.assert_close(filled, torch.tensor([[1.0, 2.0, 5.0, 6.0, 6.0], [2.0, 2.0, 3.0, 3.0, 3.0]]))


def test_what_stands_in_unknown_bands_does_not_matter():
    values = spectra(COMMON_GRID)
    known = torch.as_tensor(np.random.default_rng(1).random(values.shape) < 0.6)
    other = torch.where(known, values, torch.nan)
    torch.testing.assert_close(seen(COMMON_GRID, values, known), seen(COMMON_GRID, other, known))


@pytest.mark.parametrize(
    ("axis", "message"),
    [
        ([0.4, 0.5, 0.6], "nanometres"),
        ([400.0, 500.0, 500.0], "rise"),
        ([400.0, np.nan], "finite"),
        ([8000.0, 9000.0], "thermal"),
    ],
)
def test_axes_that_are_no_nanometres_are_refused(axis, message):
    with pytest.raises(UnmixingError, match=message):
        check_wavelengths(axis)


def test_codes_have_length_one_and_depend_on_where_a_feature_lies():
    torch.manual_seed(0)
    encoder = Encoder(TINY, 12).eval()
    with torch.no_grad():
        codes = encoder(seen(COMMON_GRID))
    torch.testing.assert_close(codes.norm(dim=1), torch.ones(20))
    assert float((codes @ codes.T).min()) < 0.999


def test_an_untrained_decoder_gives_the_library_s_mean():
    decoder = Decoder(DecoderSize(8, 3, 4), 12)
    means = torch.rand(5, COMMON_GRID.size) * 0.8 + 0.1
    anchors = torch.nn.functional.normalize(torch.randn(5, 12), dim=1)
    torch.testing.assert_close(decoder(anchors, means), means, rtol=1e-5, atol=1e-6)


def test_a_decoder_departs_within_bounds_and_by_anchor_and_appearance():
    torch.manual_seed(0)
    decoder = Decoder(DecoderSize(8, 3, 4), 12)
    torch.nn.init.normal_(decoder.last.weight, std=50.0)
    anchors = torch.nn.functional.normalize(torch.randn(5, 12), dim=1)
    shift = decoder.shift(anchors)
    assert float(shift.detach().abs().max()) <= 2.0
    assert float((shift[0] - shift[1]).detach().abs().max()) > 1e-3
    other = decoder.shift(anchors, torch.full((5, 4), 2.0))
    assert float((shift - other).detach().abs().max()) > 1e-3
    spectra_ = decoder(anchors, torch.rand(5, COMMON_GRID.size))
    assert bool(((spectra_ > 0) & (spectra_ < 1)).all())


def test_the_suggested_appearance_is_bounded():
    decoder = Decoder(DecoderSize(8, 2, 4), 12)
    mean, logarithm = decoder.suggest(1e3 * torch.randn(6, 12), torch.randn(6, 12))
    assert float(mean.detach().abs().max()) <= 3.0
    assert float(logarithm.detach().max()) <= 2.0
