import dataclasses
import json
import subprocess
import sys

from unmixing.protocol.augmentation import PROTOCOLS, AugmentationProtocol

RELEASED = {
    "recipe": "sweep",
    "patches": "corner_grid",
    "parameters": "defaults",
    # Its code flips the other axis, of arrays that lie transposed.
    "flip_names": "geometric",
    "jitter": "gain",
    "undo_jitter": True,
    "blur_padding": "zero",
    "initial_weights": "shared",
    "accumulation": "pairs_of_90",
    "shuffle": "only_90",
    "matching": "greedy",
}


def test_the_protocols_differ_in_every_field_but_one_and_described_is_the_default():
    described, released = (dataclasses.asdict(PROTOCOLS[name]) for name in ("described", "released"))
    assert released == RELEASED
    assert [name for name in described if described[name] == released[name]] == ["flip_names"]
    assert PROTOCOLS["described"] == AugmentationProtocol()


def test_images_depend_on_four_fields_only():
    chosen = PROTOCOLS["released"].images()
    assert chosen == {name: RELEASED[name] for name in ("parameters", "flip_names", "jitter", "blur_padding")}


def test_a_training_depends_on_its_images_and_not_on_matching():
    protocol = PROTOCOLS["released"]
    assert protocol.training().items() >= protocol.images().items()
    assert set(RELEASED) - set(protocol.training()) == {"matching"}
    greedy = AugmentationProtocol(matching="greedy")
    assert greedy.training() == AugmentationProtocol().training(), "a corrected score would train again"


def test_fields_travel_as_json():
    for protocol in PROTOCOLS.values():
        assert json.loads(json.dumps(protocol.training())) == protocol.training()


def test_tables_get_treatments_and_protocols_without_torch():
    code = (
        "import sys, unmixing.augmentation.treatments, unmixing.protocol.augmentation, unmixing.purity;"
        "print('torch' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
