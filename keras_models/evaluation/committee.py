"""Leave-one-subject-out evaluation of a committee: networks that see the samples in different forms.

Probabilities of all members are averaged. A member may also train on other people, such as rendered ones,
who are in no test.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import softmax

from keras_models.evaluation.evaluate_expression import ExpressionEvaluation
from keras_models.training.ensemble_training import ensemble_logits, fit_ensemble
from keras_models.training.expression_training_config import ExpressionConfig
from pipelines.datasets.splits import folds
from pipelines.errors import InputError
from pipelines.micro_expressions.samples import Samples
from pipelines.settings import check_settings

_GROUP = 34  # folds trained side by side; bounded by memory


@dataclass(frozen=True, eq=False)
class Member:
    """A member of a committee.

    Attributes:
        features: float32 [N, 28, 28, 3] of the samples to classify, in the form that the member sees.
        extra: Samples that every fold trains on besides; their subjects are none of those tested.
    """

    features: np.ndarray
    extra: Samples | None = None


def evaluate_committee(
    samples: Samples,
    members: Sequence[Member],
    config: ExpressionConfig,
    seeds: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[ExpressionEvaluation, np.ndarray]:
    """Classify every sample by members that were not trained on its subject.

    Args:
        samples: Labels and subjects of the samples.
        members: Members of the committee.
        config: How to train each of them.
        seeds: Number of repetitions, with the seeds `config.seed`, `config.seed + 1`, ...
        progress: Function called with the number of finished trainings and the number of all.

    Returns:
        The evaluation; and the mean probabilities, float [seeds, N, C].

    Raises:
        InputError: If there are too few subjects, a subject of `extra` is tested too, or a setting is out of
            range.
    """
    check_settings(config)
    total = seeds * len(members)
    by_seed = []
    for seed in range(seeds):
        probabilities = []
        for number, member in enumerate(members):
            seeded = replace(config, seed=config.seed + seed)
            probabilities.append(held_out_probabilities(samples, member, seeded))
            progress(seed * len(members) + number + 1, total)
        by_seed.append(np.mean(probabilities, axis=0))
    found = np.stack(by_seed)
    return ExpressionEvaluation(samples, found.argmax(axis=-1), "loso", config, ()), found


def held_out_probabilities(samples: Samples, member: Member, config: ExpressionConfig) -> np.ndarray:
    """Return the probabilities that networks not trained on a sample's subject give it, float [N, C]."""
    subjects = np.array(samples.subjects)
    features, labels, everybody = member.features, samples.labels, subjects
    if member.extra is not None:
        if shared := set(samples.subjects) & set(member.extra.subjects):
            raise InputError(f"subject {min(shared)} is tested and cannot be in the extra samples too")
        features = np.concatenate([features, member.extra.features])
        labels = np.concatenate([labels, member.extra.labels])
        everybody = np.concatenate([subjects, member.extra.subjects])
    found = np.zeros((len(subjects), 0))
    divided = folds("loso", samples.subjects)
    for first in range(0, len(divided), _GROUP):
        group = divided[first : first + _GROUP]
        training = np.stack([~np.isin(everybody, list(fold.test)) for fold in group], axis=1)
        model = fit_ensemble(features, labels, everybody, training, config)
        probabilities = softmax(ensemble_logits(model, member.features), axis=-1)
        if not found.size:
            found = np.zeros((len(subjects), probabilities.shape[-1]))
        for column, fold in enumerate(group):
            own = np.isin(subjects, list(fold.test))
            found[own] = probabilities[own, column]
    return found
