from dataclasses import replace

import numpy as np
import pytest

from keras_models.inference.expression_classifier import open_classifier
from keras_models.presets import read_preset
from keras_models.training.ensemble_training import fit_ensemble, one_subject_each, sample_weights
from keras_models.training.expression_training_config import ExpressionConfig
from keras_models.training.train_expression import (
    held_out_temperature,
    train_expression,
    unseen_classes,
)
from pipelines.datasets.tasks import TASKS
from pipelines.errors import InputError
from pipelines.micro_expressions.task_samples import TaskSamples

QUICK = ExpressionConfig(epochs=3, batch_size=8)
ABOUT = {"method": "dis_fast", "remove_head": True}


def weights_of(samples, training, config=QUICK):
    arrays = samples.features, samples.labels, np.array(samples.subjects), training
    return fit_ensemble(*arrays, config).get_weights()


@pytest.mark.parametrize(
    "config", [QUICK, replace(QUICK, network="ststnet"), replace(QUICK, choose_epoch=True)]
)
def test_who_is_left_out_cannot_reach_the_weights(make_samples, config):
    samples = make_samples()
    subjects = np.array(samples.subjects)
    training = subjects[:, None] != np.unique(subjects)  # copy f leaves out subject f
    before = weights_of(samples, training, config)
    left_out = subjects == np.unique(subjects)[1]
    features, labels = samples.features.copy(), samples.labels.copy()
    features[left_out] = 1e3 * np.random.default_rng(1).normal(size=features[left_out].shape)
    labels[left_out] = 2 - labels[left_out]
    after = weights_of(replace(samples, features=features, labels=labels), training, config)
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old[1], new[1])
        assert (old[0] != new[0]).any()  # all others have learned from them


def test_balance_is_of_the_training_samples_alone():
    labels = np.array([0, 0, 0, 1, 2, 2, 1])
    training = np.array([[1, 1, 1, 1, 1, 1, 0], [1, 1, 0, 1, 0, 0, 1]], bool).T
    labels = np.repeat(labels[:, None], 2, axis=1)
    weights = sample_weights(labels, training, balance=1)
    np.testing.assert_allclose(weights[:, 0], [2 / 3, 2 / 3, 2 / 3, 2, 1, 1, 0])
    np.testing.assert_allclose(weights[:, 1], [1, 1, 0, 1, 0, 0, 1])  # nobody shows class 2
    np.testing.assert_array_equal(sample_weights(labels, training, balance=0), training)
    half = sample_weights(labels[:, :1], training[:, :1], balance=0.5)[:6, 0]
    np.testing.assert_allclose(half[3] / half[0], 3**0.5, rtol=1e-6)  # one sample against three
    np.testing.assert_allclose(half.mean(), 1, rtol=1e-6)


def test_validating_subjects_are_from_the_training_ones():
    subjects = np.repeat(list("abcdef"), 3)
    training = subjects[:, None] != np.unique(subjects)
    targets = np.tile([[0], [1], [1]], (6, 6))
    validation = one_subject_each(subjects, training, targets, seed=0)
    assert not (validation & ~training).any()
    assert [len(set(subjects[column])) for column in validation.T] == [1] * 6


def test_nobody_validates_who_alone_shows_a_class():
    """Of class 1 there is one subject in the first member and nobody to spare in the second."""
    subjects = np.array(list("aabbcc"))
    targets = np.array([[0, 0], [0, 0], [1, 1], [1, 1], [0, 0], [0, 0]])
    training = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]], bool).T
    for seed in range(8):
        validation = one_subject_each(subjects, training, targets, seed)
        assert set(subjects[validation[:, 0]]) <= {"a", "c"}
        assert validation[:, 0].any()
        assert not validation[:, 1].any()


def test_choose_epoch_where_one_subject_alone_shows_a_class(make_samples):
    """A member without a validating subject is trained to the last epoch, and no training fails."""
    samples = make_samples()
    subjects = np.where(samples.labels == 0, "x", "y")
    config = ExpressionConfig(epochs=2, batch_size=8)
    training = np.ones((len(subjects), 1), bool)
    args = samples.features, (samples.labels > 0).astype(int), subjects, training
    chosen, plain = (
        fit_ensemble(*args, replace(config, choose_epoch=choose), ("absent", "present"))
        for choose in (True, False)
    )
    for ours, theirs in zip(chosen.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_run_is_a_preset_that_classifies(make_samples, tmp_path):
    samples = make_samples()
    train_expression(samples, tmp_path / "run", ExpressionConfig(epochs=30, batch_size=8), ABOUT)
    classifier = open_classifier(tmp_path / "run")
    assert (classifier.method, classifier.remove_head) == ("dis_fast", True)
    assert classifier.classes == ("negative", "positive", "surprise")
    unseen = make_samples(seed=1)
    probabilities = classifier.probabilities(unseen.features).numpy()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert (probabilities.argmax(axis=1) == unseen.labels).mean() > 0.9
    assert read_preset(tmp_path / "run").recipe["samples"] == 24
    with pytest.raises(InputError, match="training run here already"):
        train_expression(samples, tmp_path / "run", QUICK, ABOUT)


def test_a_folder_with_something_in_it_is_left_alone(make_samples, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="is a folder with something in it"):
        train_expression(make_samples(), tmp_path, QUICK, ABOUT)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_bad_input(make_samples, tmp_path):
    samples = make_samples()
    alike = replace(samples, labels=np.ones_like(samples.labels))
    with pytest.raises(InputError, match="show positive only; at least two classes"):
        train_expression(alike, tmp_path / "run", QUICK, ABOUT)
    with pytest.raises(InputError, match="learning_rate"):
        train_expression(samples, tmp_path / "run", replace(QUICK, learning_rate=0), ABOUT)
    with pytest.raises(InputError, match="holds a flow network"):
        open_classifier("default")
    assert not (tmp_path / "run").exists()


def task_samples(task, labels, seed=0):
    """Where class or unit k is present, rows 2 k and 2 k + 1 of u are moved."""
    labels = np.array(labels, np.int32)
    features = np.random.default_rng(seed).normal(0, 0.2, (len(labels), 28, 28, 3)).astype(np.float32)
    for n, label in enumerate(labels):
        for k in np.flatnonzero(label) if labels.ndim == 2 else [label]:
            features[n, 2 * k : 2 * k + 2, :, 0] += 2
    subjects = tuple(f"casme2/s{n % 6}" for n in range(len(labels)))
    names = tuple(map(str, range(len(labels))))
    return TaskSamples(features, labels, ("casme2",) * len(labels), subjects, names, task=TASKS[task])


def units(seed, count=60):
    """Labels in which AU5 and those after it are absent, AU17 is always present."""
    labels = np.random.default_rng(seed).integers(0, 2, (count, 12))
    labels[:, 3:] = 0
    labels[:, 11] = 1
    return labels


def test_a_run_answers_with_action_units(tmp_path):
    samples = task_samples("action_units", units(1))
    config = ExpressionConfig(epochs=30, ensemble_size=2)
    assert unseen_classes(samples) == ("AU5", "AU6", "AU7", "AU9", "AU10", "AU12", "AU14", "AU15", "AU17")
    train_expression(samples, tmp_path / "run", config, ABOUT | {"task": "action_units"})
    classifier = open_classifier(tmp_path / "run")
    assert classifier.classes == ("AU1", "AU2", "AU4")
    assert classifier.is_binary
    assert classifier.network.output_shape == (None, 6, 2)
    unseen = task_samples("action_units", units(2), seed=2)
    found = classifier.probabilities(unseen.features).numpy()
    assert ((found >= 0.5) == unseen.labels[:, :3]).mean() > 0.95
    about = read_preset(tmp_path / "run")
    assert about.recipe["task"] == "action_units"
    assert about.numbers["training_accuracy"] > 0.95
    assert held_out_temperature(samples, config) == pytest.approx(about.recipe["temperature"], rel=1e-3)


def test_a_run_answers_with_the_emotions_of_its_task(tmp_path):
    # Nobody is surprised, which is the last class.
    samples = task_samples("emotions7", [n % 6 for n in range(72)])
    assert unseen_classes(samples) == ("surprise",)
    train_expression(samples, tmp_path / "run", ExpressionConfig(epochs=30), ABOUT | {"task": "emotions7"})
    classifier = open_classifier(tmp_path / "run")
    assert classifier.classes == TASKS["emotions7"].classes
    assert not classifier.is_binary
    unseen = task_samples("emotions7", [n % 6 for n in range(36)], seed=3)
    found = classifier.probabilities(unseen.features).numpy()
    assert (found.argmax(axis=1) == unseen.labels).mean() > 0.9
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


def test_units_that_are_all_present_or_all_absent_cannot_be_learned(tmp_path):
    samples = task_samples("action_units", units(1) * 0)
    with pytest.raises(InputError, match="no Action Unit is present in some clips and absent from others"):
        train_expression(samples, tmp_path / "run", QUICK, ABOUT | {"task": "action_units"})
    assert not (tmp_path / "run").exists()
