import numpy as np
import pytest

from keras_models.evaluation.committee import Member, evaluate_committee, held_out_probabilities
from keras_models.training.expression_training_config import ExpressionConfig
from pipelines.errors import InputError
from pipelines.micro_expressions.samples import Samples

CONFIG = ExpressionConfig(epochs=3, batch_size=8, learning_rate=0.01)


def people(names, seed=0):
    """Three samples each; the class shows in one cell."""
    rng = np.random.default_rng(seed)
    labels = np.tile(np.arange(3, dtype=np.int32), len(names))
    features = 0.1 * rng.standard_normal((len(labels), 28, 28, 3)).astype(np.float32)
    for k, label in enumerate(labels):
        features[k, 8 * label : 8 * label + 8] += 1
    subjects = tuple(np.repeat([f"smic/{name}" for name in names], 3))
    return Samples(features, labels, ("smic",) * len(labels), subjects, subjects)


def test_a_subject_does_not_reach_its_own_answers():
    """Whatever labels the tested subject has, what is said of it stays the same, bit by bit."""
    samples = people("abcd")
    member = Member(samples.features, people("xy", seed=1))
    before = held_out_probabilities(samples, member, CONFIG)
    labels = samples.labels.copy()
    labels[:3] = [2, 0, 1]
    lying = Samples(samples.features, labels, samples.corpora, samples.subjects, samples.clips)
    after = held_out_probabilities(lying, member, CONFIG)
    np.testing.assert_allclose(after[:3], before[:3], atol=1e-6)
    assert np.abs(after[3:] - before[3:]).max() > 1e-3
    np.testing.assert_allclose(before.sum(axis=1), 1, atol=1e-5)


def test_extra_people_teach():
    """One of two members is blind: the committee answers as the other, who has seen other people."""
    samples = people("abcd")
    blind = Member(np.zeros_like(samples.features))
    seeing = Member(samples.features, people("uvwxyz", seed=1))
    evaluation, probabilities = evaluate_committee(samples, [blind, seeing], ExpressionConfig(epochs=60))
    assert probabilities.shape == (1, 12, 3)
    assert evaluation.mean("smic")["uf1"] == 1


def test_extra_people_must_be_others():
    samples = people("abc")
    with pytest.raises(InputError, match="subject smic/b is tested"):
        held_out_probabilities(samples, Member(samples.features, people("b")), CONFIG)
