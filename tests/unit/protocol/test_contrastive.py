import dataclasses
import json
import subprocess
import sys
from typing import get_args, get_type_hints

import pytest

from unmixing.models.contrastive import ContrastiveAutoencoder
from unmixing.protocol.contrastive import PROTOCOLS, ContrastiveProtocol

AUDIT_ONLY = {"label_source", "normalisation", "activation"}


def test_protocols_differ_in_every_field_but_those_of_controls_and_audit():
    described, released = (dataclasses.asdict(PROTOCOLS[name]) for name in ("described", "released"))
    assert {name for name in described if described[name] == released[name]} == AUDIT_ONLY


def test_described_is_the_default():
    assert PROTOCOLS["described"] == ContrastiveProtocol()


@pytest.mark.parametrize("name", ["described", "released"])
def test_values_are_among_those_declared(name):
    hints = get_type_hints(ContrastiveProtocol)
    for field, value in dataclasses.asdict(PROTOCOLS[name]).items():
        assert value in get_args(hints[field]) if get_args(hints[field]) else isinstance(value, hints[field])


@pytest.mark.parametrize("name", ["described", "released"])
def test_training_fields_leave_out_the_matching_and_survive_json(name):
    fields = PROTOCOLS[name].training()
    assert set(fields) == {field.name for field in dataclasses.fields(ContrastiveProtocol)} - {"matching"}
    assert json.loads(json.dumps(fields)) == fields


@pytest.mark.parametrize("name", ["described", "released"])
def test_the_network_takes_the_fields_as_they_are(name):
    fields = PROTOCOLS[name].training()
    own = ("decoder", "initialisation", "abundance_gain", "activation", "latent")
    model = ContrastiveAutoencoder(5, 2, "skip", fields["head"], **{key: fields[key] for key in own})
    assert (model.decoder.bias is None) == (name == "described")


def test_a_protocol_cannot_be_edited():
    with pytest.raises(dataclasses.FrozenInstanceError):
        PROTOCOLS["described"].crop = 0.5


def test_every_field_is_documented():
    for field in dataclasses.fields(ContrastiveProtocol):
        assert f"        {field.name}: " in ContrastiveProtocol.__doc__


def test_protocols_and_measures_are_read_without_torch():
    program = "import sys, unmixing.protocol.contrastive, unmixing.embeddings; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
