"""Evaluation of a classifier before a push. Those here always answer the same, so their scores are known."""

import json
import os

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_models.inference.expression_classifier import ExpressionClassifier
from pipelines.errors import InputError
from serving.export.saved_model import export_expression
from serving.repository.versions import versions_in
from serving.rollout import expression_evaluator
from serving.rollout.expression_evaluator import (
    ExpressionMetrics,
    ExpressionThresholds,
    failures,
    push_expression,
)

CLASSES = ("negative", "positive", "surprise")
GOOD = ExpressionMetrics(0.7, 0.7, 9, 0, 1e-6, 7, 0.7)


def stubborn(answer: str) -> ExpressionClassifier:
    """Sees one expression in everything."""
    logits = [4.0 if name == answer else 0.0 for name in CLASSES]
    features = keras.Input((28, 28, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(features)
    found = keras.layers.Dense(
        3, kernel_initializer="zeros", bias_initializer=lambda shape, dtype: tf.constant(logits)
    )(pooled)
    network = keras.Model(features, keras.layers.Reshape((1, 3))(found))
    return ExpressionClassifier(network, CLASSES, "default", remove_head=False)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, None),
        ({"uf1": 0.651}, None),
        ({"baseline_version": None, "baseline_uf1": None, "uf1": 0.51}, None),
        ({"uf1": 0.649}, "that of the baseline (version 7) 0.700 (0.05 less is allowed)"),
        ({"uf1": 0.49, "baseline_uf1": 0.2}, "its UF1 is 0.490 (0.5 is required)"),
        ({"uf1": float("nan"), "baseline_uf1": None}, "its UF1 is nan"),
        ({"warmup_difference": 0.01}, "the server's responses differ from the network's by 0.01"),
        ({"warmup_difference": float("nan")}, "differ from the network's by nan"),
    ],
)
def test_failures(change, said):
    found = failures(ExpressionMetrics(**vars(GOOD) | change), ExpressionThresholds())
    assert len(found) == (said is not None)
    assert said is None or said in found[0]


def test_only_what_passes_gets_its_name(tmp_path, network, expressive_corpus, monkeypatch):
    corpora = [f"casme2={expressive_corpus}"]
    monkeypatch.setattr(expression_evaluator, "_measure", lambda *args: GOOD)
    version = push_expression(stubborn("surprise"), network, tmp_path, corpora, about={"preset": "mine"})
    blessing = json.loads((version / "assets.extra" / "blessing.json").read_text())
    assert (blessing["uf1"], blessing["thresholds"]["min_uf1"], blessing["evaluated_on"]) == (
        0.7,
        0.5,
        corpora,
    )
    monkeypatch.setattr(
        expression_evaluator, "_measure", lambda *args: ExpressionMetrics(**vars(GOOD) | {"uf1": 0.3})
    )
    with pytest.raises(
        InputError, match=rf"not pushed: its UF1 is 0.300.*version {version.name} stays in service"
    ):
        push_expression(stubborn("surprise"), network, tmp_path, corpora)
    assert os.listdir(version.parent) == [version.name]


@pytest.mark.slow
def test_on_a_real_server_beside_the_baseline_version(tmp_path, network, expressive_corpus):
    """Three clips of the classes negative and positive and four of surprise, one with an apex that is mended.

    So who always says negative has F1 = 6 / 13 in it, who always says surprise 8 / 14, and 0 in the others.
    """
    corpora = [f"casme2={expressive_corpus}"]
    live = export_expression(stubborn("negative"), network, tmp_path)
    with pytest.raises(InputError, match=r"not pushed: its UF1 is 0.190 \(0.5 is required\)"):
        push_expression(stubborn("surprise"), network, tmp_path, corpora)
    better = ExpressionThresholds(min_uf1=0.1, max_regression=-0.05)
    with pytest.raises(InputError, match=rf"that of the baseline \(version {live.name}\) 0.154"):
        push_expression(stubborn("surprise"), network, tmp_path, corpora, better)
    assert list(versions_in(live.parent)) == [int(live.name)]
    version = push_expression(
        stubborn("surprise"), network, tmp_path, corpora, ExpressionThresholds(min_uf1=0.1)
    )
    metrics = json.loads((version / "assets.extra" / "blessing.json").read_text())
    np.testing.assert_allclose(
        [metrics["uf1"], metrics["baseline_uf1"], metrics["uar"]], [8 / 42, 6 / 39, 1 / 3]
    )
    assert (metrics["clips"], metrics["baseline_version"]) == (10, int(live.name))
    assert metrics["skipped"] >= 1  # the clip without a face at its apex
    assert metrics["warmup_difference"] < 1e-4
