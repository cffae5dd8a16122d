import numpy as np
import pytest
import torch

from makers.mixtures import LINEAR
from unmixing.errors import UnmixingError
from unmixing.semantic import objectives
from unmixing.semantic.anchors import concept_anchors, load_default_anchors
from unmixing.semantic.latents import MixtureRecipe
from unmixing.semantic.library import load_library
from unmixing.semantic.materials import ask, draw_question, draw_sensor, gather_materials, share_pool, spread_pool
from unmixing.semantic.mixtures import draw_mixtures
from unmixing.semantic.model import build_model
from unmixing.semantic.ontology import ancestors, load_ontology
from unmixing.semantic.recipe import TrainingRecipe
from unmixing.semantic.sensors import get_sensor
from unmixing.semantic.trained_models import TrainingData, calibrate, prepare_data, train_from_recipe
from unmixing.semantic.training import draw_batch, filled_means, solve_batch, through_sensor, train_model

TINY = TrainingRecipe(
    size="tiny", steps=24, batch=48, learning_rate=5e-3, library_usgs=False, modelled_water=8, mixtures=MixtureRecipe()
)


@pytest.fixture(scope="module")
def ontology():
    return load_ontology()


@pytest.fixture(scope="module")
def library(ontology):
    return load_library(ontology, modelled_water=8)


@pytest.fixture(scope="module")
def materials(library, ontology):
    return gather_materials(library, ontology)


@pytest.fixture(scope="module")
def trained(materials):
    """A tiny model, and its losses by update."""
    told = []
    model = train_model(TINY, materials, load_default_anchors(), lambda step, losses: told.append(losses))
    return model, told


def test_without_other_libraries_grass_and_snow_are_no_material_and_water_is_modelled(materials):
    assert "grass" not in materials.prompts
    assert "snow" not in materials.prompts
    assert "water" in materials.prompts


def test_a_question_names_nothing_twice(materials, ontology):
    rng = np.random.default_rng(0)
    above = 0
    for _ in range(200):
        question = draw_question(materials, rng)
        names = [materials.prompts[index] for index in question.prompts]
        assert not any(other in ancestors(ontology, name) for name in names for other in names)
        assert len(set(question.materials)) == len(question.materials)
        assert set(question.owner) == set(range(len(names)))
        for material, owner in zip(question.materials, question.owner, strict=True):
            assert materials.over[question.prompts[owner], material]
        above += any(materials.own[index] < 0 for index in question.prompts)
    assert above > 50


def test_a_shared_pool_draws_only_its_own_spectra(materials):
    question = ask(materials, ["roof", "water"])
    pool = share_pool(materials.pool, question.materials)
    assert len(pool.edges) == (pool.owner[: len(pool.edges)] >= 0).sum()
    assert (np.diff(pool.edges) > 0).all()
    np.testing.assert_allclose(
        pool.edges[np.flatnonzero(np.diff(pool.owner[: len(pool.edges)]))], np.arange(len(pool.concepts) - 1) + 1.0
    )
    drawn = draw_mixtures(MixtureRecipe(), pool, get_sensor("vnir"), 300, np.random.default_rng(0)).latents
    used = drawn.material >= 0
    np.testing.assert_array_equal(pool.owner[drawn.spectrum[used]], drawn.material[used])


def test_kept_spectra_are_of_every_material_and_of_libraries_with_gaps_too(materials):
    names, spectra = spread_pool(materials.pool, 5)
    assert set(names) == set(materials.pool.concepts)
    assert np.isfinite(spectra).all()
    counts = np.bincount(materials.pool.owner[: len(materials.pool.edges)])
    for number, name in enumerate(materials.pool.concepts):
        assert names.count(name) == min(counts[number], 5)


def test_prompts_that_share_materials_are_refused(materials):
    with pytest.raises(UnmixingError, match="share materials"):
        ask(materials, ["roof", "tar_roof"])
    with pytest.raises(UnmixingError, match="snow"):
        ask(materials, ["snow", "roof"])


def test_drawn_sensors_lie_within_the_grid_and_differ():
    rng = np.random.default_rng(0)
    sensors = [draw_sensor(rng) for _ in range(100)]
    assert all(sensor.centres[0] >= 400 and sensor.centres[-1] <= 2450 for sensor in sensors)
    counts = [len(sensor.centres) for sensor in sensors]
    assert min(counts) < 20
    assert max(counts) > 120
    assert any(sensor.centres[-1] < 1100 for sensor in sensors)


def test_a_batch_asks_about_all_that_is_there_and_no_band_is_guessed(materials):
    rng = np.random.default_rng(1)
    for _ in range(10):
        batch = draw_batch(materials, MixtureRecipe(), 50, rng)
        assert bool((batch.allowed | (batch.truth == 0)).all())
        np.testing.assert_allclose(batch.truth.sum(1).numpy(), 1.0, atol=1e-5)
        assert bool(torch.isfinite(batch.pixels).all())
        gaps = np.isnan(materials.means[list(batch.question.prompts)]).any(axis=0)
        hidden = (batch.response.numpy() @ gaps) > 0.2
        assert not batch.known.numpy()[:, hidden].any()


def test_linear_mixtures_of_means_are_solved_exactly_with_the_library_s_means(materials, trained):
    model, _ = trained
    names = ["bare_soil", "green_vegetation", "roof", "water"]
    batch = draw_batch(
        materials, LINEAR, 60, np.random.default_rng(0), question=ask(materials, names), sensor=get_sensor("aviris")
    )
    # Materials of one prompt are mixed apart, so only prompts with a single material are their mean.
    single = [index for index, name in enumerate(names) if materials.over[materials.prompts.index(name)].sum() == 1]
    pure = batch.truth[:, single].sum(1) > 0.999
    vectors = torch.as_tensor(np.array(concept_anchors(load_default_anchors(), names)))
    means = filled_means(materials.means[list(batch.question.prompts)])
    result, _ = solve_batch(model, batch, through_sensor(means, batch.response), vectors, "tilt")
    assert int(pure.sum()) > 3
    np.testing.assert_allclose(result.abundances[pure].numpy(), batch.truth[pure].numpy(), atol=2e-3)


def test_training_lowers_every_loss_that_it_minimises(trained):
    _, told = trained
    first, last = told[:8], told[-8:]
    for name in ("contrastive", "endmember"):
        assert np.mean([row[name] for row in last]) < np.mean([row[name] for row in first]) + 0.05, name
    assert {"abundance", "assignment", "reconstruction"} <= set(last[-1])
    assert "abundance" not in first[0]


def test_the_same_recipe_gives_the_same_weights(materials):
    recipe = TrainingRecipe(size="tiny", steps=3, batch=16, contrastive_share=0.0, library_usgs=False, modelled_water=8)
    one, two = (train_model(recipe, materials, load_default_anchors()) for _ in range(2))
    for name, tensor in one.state_dict().items():
        np.testing.assert_array_equal(tensor.numpy(), two.state_dict()[name].numpy(), err_msg=name)


def test_all_parts_learn(materials):
    recipe = TrainingRecipe(
        size="tiny", steps=4, batch=16, contrastive_share=0.0, divergence_share=0.5, library_usgs=False
    )
    store = load_default_anchors()
    model = train_model(recipe, materials, store)
    start = build_model(model.facts, materials.means, model.centre.numpy(), recipe.seed)
    before = dict(start.named_parameters())
    moved = {name.split(".")[0] for name, tensor in model.named_parameters() if not torch.equal(tensor, before[name])}
    assert {"encoder", "decoder", "weights", "projection", "log_scale", "log_tilt", "log_divergence"} <= moved


def test_thresholds_leave_one_pixel_in_a_hundred_out(materials, trained):
    model, _ = trained
    limits = calibrate(model, materials, load_default_anchors(), TINY)
    assert -1 < limits["similarity"] < 1
    assert 0.01 < limits["angle"] < limits["angle_given"] < 1.5


def test_a_recipe_with_the_usgs_library_needs_it():
    with pytest.raises(UnmixingError, match="library_usgs: false"):
        prepare_data(TrainingRecipe())


def test_from_recipe_to_model_the_minerals_less_library_works(library, ontology, materials):
    data = TrainingData(library, ontology, materials, materials, (materials.prompts, materials.means))
    recipe = TrainingRecipe(size="tiny", steps=2, batch=16, library_usgs=False, modelled_water=8)
    model = train_from_recipe(recipe, data)
    assert set(model.facts.thresholds) == {"similarity", "angle", "angle_given"}
    assert {model.facts.concepts[index] for index in model.spectra_of.tolist()} == set(materials.pool.concepts)
    assert model.facts.concepts == materials.prompts


def test_contrastive_loss_of_pure_pixels_is_supervised_contrastive_learning():
    generator = torch.Generator().manual_seed(0)
    codes = torch.nn.functional.normalize(torch.randn(4, 6, generator=generator), dim=1)
    texts = torch.nn.functional.normalize(torch.randn(3, 6, generator=generator), dim=1)
    shares = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]])
    scores = 5 * codes @ texts.T
    forward = -torch.log_softmax(scores, 1)[torch.arange(4), [0, 1, 2, 0]].mean()
    columns = torch.log_softmax(scores, 0)
    backward = -torch.stack([(columns[0, 0] + columns[3, 0]) / 2, columns[1, 1], columns[2, 2]]).mean()
    loss = objectives.contrastive(codes, texts, torch.tensor(5.0), shares)
    torch.testing.assert_close(loss, (forward + backward) / 2)


def test_the_literal_reading_keeps_the_dominant_material_alone():
    shares = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]])
    assert objectives.dominant(shares).tolist() == [[1, 0, 0], [0, 0, 1]]


def test_angles_have_finite_gradients_at_zero_and_for_a_black_spectrum():
    one = torch.rand(3, 8, requires_grad=True)
    other = one.detach().clone()
    other[1] = 0
    known = torch.ones(3, 8, dtype=torch.bool)
    angle = objectives.masked_angle(one, other, known)
    torch.autograd.backward(angle.sum())
    assert bool(torch.isfinite(one.grad).all())
    assert float(angle[0].detach()) < 1e-4
    assert float(angle[1].detach()) == pytest.approx(np.pi / 2, abs=1e-3)
