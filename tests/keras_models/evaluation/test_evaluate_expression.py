from dataclasses import replace

import numpy as np
import pytest

import keras_models.evaluation.evaluate_expression as module
import keras_models.evaluation.fold_cache as fold_cache
from keras_models.evaluation.evaluate_expression import divide, evaluate_expression
from keras_models.evaluation.expression_report import confusion_picture, write_expression_report
from keras_models.evaluation.expression_scores import confusion, scores
from keras_models.training.expression_training_config import ExpressionConfig
from pipelines.errors import InputError

CONFIG = ExpressionConfig(epochs=20, batch_size=8)
BOTH = ("casme2", "samm")


@pytest.fixture(scope="module")
def evaluation(make_samples, tmp_path_factory):
    """Four people of two corpora, two seeds; the class is plain to see."""
    return evaluate_expression(make_samples(corpora=BOTH), CONFIG, tmp_path_factory.mktemp("cache"), seeds=2)


def test_pooled_scores(evaluation):
    labels = evaluation.samples.labels
    assert list(evaluation.parts) == ["casme2", "samm", "full"]
    np.testing.assert_array_equal(evaluation.counts("full").sum(axis=(1, 2)), [24, 24])
    pooled = [scores(confusion(labels, predicted, 3)).uf1 for predicted in evaluation.predicted]
    assert evaluation.mean("full")["uf1"] == pytest.approx(np.mean(pooled))
    assert evaluation.mean("full")["uf1"] > 0.9
    content = evaluation.to_json()
    assert content["samples"][4]["class"] == "positive"
    assert content["parts"]["samm"]["classes"]["surprise"]["samples"] == 4


def test_shuffled_labels_give_chance_level(make_samples, tmp_path):
    samples = make_samples(subjects=10, each=12)
    labels = np.random.default_rng(0).permutation(samples.labels)
    found = evaluate_expression(replace(samples, labels=labels), CONFIG, tmp_path, "3-fold")
    # 120 answers, a third of them right by chance: two standard deviations are 0.086.
    assert found.mean("casme2")["uf1"] == pytest.approx(1 / 3, abs=0.1)


def test_goes_on_where_it_was_stopped(make_samples, tmp_path, monkeypatch):
    samples = make_samples(subjects=5)
    monkeypatch.setattr(module, "_GROUP", 2)
    trained = []

    def fit(*arguments):
        trained.append(arguments[3].shape[1])
        if len(trained) == 3:
            raise KeyboardInterrupt
        return original(*arguments)

    original = fold_cache.fit_ensemble
    monkeypatch.setattr(fold_cache, "fit_ensemble", fit)
    with pytest.raises(KeyboardInterrupt):
        evaluate_expression(samples, CONFIG, tmp_path)
    assert trained == [2, 2, 1]
    first = evaluate_expression(samples, CONFIG, tmp_path)
    assert trained == [2, 2, 1, 1]  # the last group alone was left
    again = evaluate_expression(samples, CONFIG, tmp_path)
    np.testing.assert_array_equal(first.predicted, again.predicted)
    assert len(trained) == 4
    # Other labels are another work.
    trained[:] = [0, 0]
    with pytest.raises(KeyboardInterrupt):
        evaluate_expression(replace(samples, labels=np.roll(samples.labels, 1)), CONFIG, tmp_path)


def test_a_corpus_is_tested_by_networks_of_the_others(make_samples):
    samples = make_samples(corpora=("casme2", "samm", "smic"), subjects=6)
    for fold in divide(samples, "cross-corpus"):
        assert {name.split("/")[0] for name in fold.test} == {fold.name}
        assert fold.name not in {name.split("/")[0] for name in fold.training}
        assert fold.test | fold.training == set(samples.subjects)


def test_what_is_odd_is_said(make_samples, tmp_path):
    samples = make_samples(subjects=3, each=3)
    # Surprise is shown by the first subject alone, and the last subject has one sample.
    labels = np.array([2, 1, 0, 0, 1, 0, 1], np.int32)
    cut = replace(
        samples,
        features=samples.features[:7],
        labels=labels,
        **{name: getattr(samples, name)[:7] for name in ("corpora", "subjects", "clips")},
    )
    found = evaluate_expression(cut, replace(CONFIG, epochs=1), tmp_path)
    assert found.notes == (
        "fold casme2/s0: no training subject shows surprise, so it is never predicted",
        "1 subject(s) with a single sample, so one prediction each: casme2/s2",
    )
    assert (found.predicted >= 0).all()
    assert (found.predicted[0, :3] != 2).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "random"}, "unknown split 'random'; use one of: loso, 3-fold, cross-corpus"),
        ({"split": "cross-corpus"}, "needs samples of at least two corpora; take another --split"),
        ({"seeds": 0}, "seeds must be at least 1, but is 0"),
    ],
)
def test_bad_input(make_samples, tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        evaluate_expression(make_samples(), CONFIG, tmp_path, **options)


def test_report(evaluation, tmp_path):
    write_expression_report(tmp_path / "report.html", {"default": evaluation, "dis_fast": evaluation})
    page = (tmp_path / "report.html").read_text()
    assert page.count("<img") == 6  # three parts of two methods
    assert f"{evaluation.mean('full')['uf1']:.3f}" in page


def test_confusion_pictures_are_dark_where_much_is():
    picture = confusion_picture(np.array([[9, 1, 0], [0, 5, 5], [0, 0, 10]])).astype(int).sum(axis=-1)
    corner = picture[4::96, 114::96][:3, :3]
    assert corner[0, 1] > corner[1, 1] == corner[1, 2] > corner[0, 0] > corner[2, 2]
    assert corner[2, 0] == corner[2, 1] == 3 * 255
