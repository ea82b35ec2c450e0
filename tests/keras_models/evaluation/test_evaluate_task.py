"""Tasks on made-up features, whose labels are plain to see in them."""

import numpy as np
import pytest

from keras_models.evaluation.evaluate_task import TaskEvaluation, binary_f1, evaluate_task, task_table
from keras_models.training.expression_training_config import ExpressionConfig
from pipelines.datasets.tasks import TASKS
from pipelines.errors import InputError
from pipelines.micro_expressions.task_samples import TaskSamples


def samples(task, labels, subjects=4, corpora=("casme2",)):
    """Row 3 k of u is moved where class or unit k is present."""
    labels = np.array(labels, np.int32)
    features = np.random.default_rng(0).normal(0, 0.2, (len(labels), 28, 28, 3)).astype(np.float32)
    for n, label in enumerate(labels):
        for k in np.flatnonzero(label) if labels.ndim == 2 else [label]:
            features[n, 2 * k : 2 * k + 2, :, 0] += 2
    who = [f"{corpora[n % len(corpora)]}/s{n % subjects}" for n in range(len(labels))]
    names = tuple(name.split("/")[0] for name in who)
    return TaskSamples(features, labels, names, tuple(who), tuple(map(str, range(len(labels)))), task=task)


@pytest.fixture(scope="module")
def config():
    return ExpressionConfig(epochs=30)


def test_seven_emotions(config, tmp_path):
    made = samples(TASKS["emotions7"], [n % 7 for n in range(84)])
    evaluation = evaluate_task(made, config, tmp_path, "3-fold")
    assert evaluation.predicted.shape == (1, 84)
    assert evaluation.mean_f1() > 0.9
    assert set(evaluation.f1()) == set(TASKS["emotions7"].classes)


def test_action_units_of_corpora_that_were_left_out(config, tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, (60, 12))
    labels[:, 3:] = 0  # units that nobody shows
    labels[:, 3] = np.arange(60) == 0  # one that one corpus shows
    made = samples(TASKS["action_units"], labels, subjects=6, corpora=("casme2", "samm"))
    evaluation = evaluate_task(made, config, tmp_path, "cross-corpus")
    found = evaluation.f1()
    assert min(found[name] for name in ("AU1", "AU2", "AU4")) > 0.9
    assert found["AU5"] == 0
    assert np.isnan(found["AU17"])
    # NaN does not count in the mean.
    assert evaluation.mean_f1() == pytest.approx(np.mean([found[n] for n in ("AU1", "AU2", "AU4", "AU5")]))
    assert ("casme2", "AU5") in evaluation.untrained
    # Finished folds are kept: an interrupted command continues.
    monkeypatch.setattr("keras_models.evaluation.fold_cache.fit_ensemble", None)
    again = evaluate_task(made, config, tmp_path, "cross-corpus")
    np.testing.assert_array_equal(again.predicted, evaluation.predicted)
    rows = task_table({"default": evaluation}).rows
    assert [row[1] for row in rows] == ["casme2", "samm", "all"]
    assert rows[0][-1] == "-"


def test_f1_is_of_pooled_counts():
    made = samples(TASKS["emotions5"], [0, 0, 1, 4])
    evaluation = TaskEvaluation(made, np.array([[0, 1, 1, 4], [0, 0, 1, 0]]), "loso", ExpressionConfig())
    # disgust 2/3 and 4/5; happiness 2/3 and 1; surprise 1 and 0
    assert evaluation.f1()["disgust"] == pytest.approx((2 / 3 + 0.8) / 2)
    assert evaluation.f1()["surprise"] == pytest.approx(0.5)
    assert binary_f1(np.array([1, 1, 0]), np.array([1, 1, 1])) == 0.8
    assert evaluation.to_json()["samples"][1]["predicted"] == [1, 0]


def test_a_unit_that_one_seed_predicts_counts_in_the_mean():
    """AU 5 is nowhere: one seed predicts it, F1 0, the other does not, F1 undefined."""
    labels = np.zeros((4, 12), int)
    labels[:, 0] = [0, 1, 0, 1]
    predicted = np.stack([labels, labels])
    predicted[1, 0, 3] = 1
    made = samples(TASKS["action_units"], labels)
    found = TaskEvaluation(made, predicted, "loso", ExpressionConfig()).f1()
    assert found["AU1"] == 1
    assert found["AU5"] == 0
    assert np.isnan(found["AU17"])


@pytest.mark.parametrize(
    "wrong", [{"epochs": 0}, {"learning_rate": float("nan")}, {"balance": 5.0}, {"seed": -1}]
)
def test_settings_that_make_no_sense(wrong, tmp_path):
    with pytest.raises(InputError, match=next(iter(wrong))):
        evaluate_task(samples(TASKS["emotions5"], [0, 1, 2, 3]), ExpressionConfig(**wrong), tmp_path, "loso")


def test_a_unit_that_all_training_clips_show_is_predicted(config, tmp_path):
    labels = np.zeros((12, 12), int)
    labels[:, 2] = 1
    made = samples(TASKS["action_units"], labels, subjects=3)
    evaluation = evaluate_task(made, config, tmp_path)
    assert evaluation.predicted[0, :, 2].all()
    assert evaluation.f1()["AU4"] == 1
    assert not evaluation.predicted[0, :, [0, 1]].any()
