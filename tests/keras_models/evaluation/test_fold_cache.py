"""The key of finished folds: what changes it and what does not."""

from dataclasses import replace

import numpy as np
import pytest

from keras_models.evaluation import fold_cache as module
from keras_models.evaluation.fold_cache import code_of, fold_key, fold_predictions, syntax
from keras_models.expression.expression_networks import CLASSIFIERS
from keras_models.training.expression_training_config import ExpressionConfig

CONFIG = ExpressionConfig(epochs=1, batch_size=8)


@pytest.fixture
def key(make_samples, monkeypatch):
    """The key with the source of one module edited: `key("keras_models.x", old, new)`."""
    samples = make_samples()
    training = np.ones((len(samples.labels), 2), bool)

    def make(name="", old="", new="", config=CONFIG, **change):
        edited = []

        def source(module):
            text = original(module)
            if module.__name__ == name:
                assert old in text
                edited.append(name)
                text = text.replace(old, new)
            return text

        with monkeypatch.context() as patch:
            patch.setattr(module, "_source", source)
            found = fold_key(replace(samples, **change), training, config)
        return found, bool(edited)

    original = module._source
    return make


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("keras_models.expression.mirror_net", "_HIDDEN = 32", "_HIDDEN = 33"),
        ("keras_models.layers.ensemble", '"bci,cio->bco"', '"bci,cio->cbo"'),
        ("keras_models.training.ensemble_training", "AdamW(", "Adam("),
        ("keras_models.training.ensemble_training", "weights * ensemble_size", "weights"),
        ("keras_models.evaluation.fold_cache", "argmax", "argmin"),
    ],
)
def test_an_edit_of_what_is_computed_changes_the_key(key, name, old, new):
    changed, was_read = key(name, old, new)
    assert was_read
    assert changed != key()[0]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("keras_models.expression.mirror_net", "MirrorNet: a small", "MirrorNet, a tiny"),
        ("keras_models.layers.ensemble", "Dense layer of each", "A dense layer of each"),
        ("keras_models.layers.ensemble", "# Glorot's, of one member", "# another comment"),
        ("keras_models.training.ensemble_training", "    return model\n", "\n    return (model)\n"),
    ],
)
def test_an_edit_of_words_or_format_does_not(key, name, old, new):
    changed, was_read = key(name, old, new)
    assert was_read
    assert changed == key()[0]


def test_data_and_settings_change_the_key(key, make_samples, monkeypatch):
    first = key()[0]
    assert key()[0] == first
    others = [
        key(config=replace(CONFIG, seed=1)),
        key(config=replace(CONFIG, network="ststnet")),
        key(labels=np.roll(make_samples().labels, 1)),
    ]
    monkeypatch.setitem(CLASSIFIERS, "mirror_net", CLASSIFIERS["ststnet"])  # the same name, another network
    others.append(key())
    assert len({first, *(one for one, _ in others)}) == 5


def test_the_code_of_another_classifier_does_not_count():
    own = CLASSIFIERS["mirror_net"].__module__
    others = {build.__module__ for build in CLASSIFIERS.values()}
    modules = code_of([module.__name__, own], others)
    assert {own, "keras_models.layers.ensemble", "keras_models.training.ensemble_training"} <= modules.keys()
    assert CLASSIFIERS["ststnet"].__module__ not in modules
    assert all(name.startswith("keras_models.") for name in modules)


def test_syntax_keeps_strings_that_are_no_docstrings():
    assert syntax("def f():\n    'a'\n    return 'b'") == syntax("def f():\n    return 'b'")
    assert syntax("def f():\n    return 'b'") != syntax("def f():\n    return 'c'")


def test_finished_folds_are_not_trained_again(make_samples, tmp_path, monkeypatch):
    samples = make_samples()
    training = np.ones((len(samples.labels), 2), bool)
    first = fold_predictions(samples, training, CONFIG, tmp_path)
    assert first.shape == (len(samples.labels), 2)
    monkeypatch.setattr(module, "fit_ensemble", None)
    np.testing.assert_array_equal(fold_predictions(samples, training, CONFIG, tmp_path), first)
