import pytest

from unmixing.protocol.audit import flip, flipped_value
from unmixing.protocol.baseline import PROTOCOLS


def test_a_flip_takes_the_other_protocol_s_value_and_leaves_the_rest():
    flipped = flip("described", "loss")
    assert flipped.loss == PROTOCOLS["released"].loss
    assert flip("released", "batch_norm").batch_norm == "tracked"
    assert {key: value for key, value in flipped.training().items() if key != "loss"} == {
        key: value for key, value in PROTOCOLS["described"].training().items() if key != "loss"
    }


@pytest.mark.parametrize("protocol", ["described", "released"])
def test_fields_that_neither_protocol_has_take_the_value_of_the_text(protocol):
    assert flipped_value(protocol, "activation") == "relu"
    assert flip(protocol, "input").input == "whole_image"


def test_a_field_that_decides_no_training_is_refused():
    with pytest.raises(ValueError, match="not 'matching'"):
        flip("described", "matching")
