"""Training of an ensemble of classifiers, each on samples of its own, in one `model.fit`."""

from collections.abc import Sequence

import keras
import numpy as np

from keras_models.expression.expression_networks import build_classifier
from keras_models.training.expression_training_config import ExpressionConfig
from pipelines.datasets.composite import CLASSES
from pipelines.errors import InputError


def fit_ensemble(
    features: np.ndarray,
    labels: np.ndarray,
    subjects: np.ndarray,
    training: np.ndarray,
    config: ExpressionConfig,
    classes: Sequence[str] = CLASSES,
) -> keras.Model:
    """Train one member of an ensemble for each choice of training samples.

    A sample that a member does not train on has the weight 0 in the member's loss. Members and samples share
    nothing else, so the sample cannot reach the member's weights.

    Args:
        features: float32 [N, 28, 28, 3].
        labels: int [N], indices into `classes`; or int [N, F], where each member learns labels of its own.
        subjects: str [N].
        training: bool [N, F], whether member f trains on sample n.
        config: How to train.
        classes: Names of the classes.

    Returns:
        The trained model of F members.

    Raises:
        InputError: If the training samples of a member show fewer than two classes.
    """
    keras.utils.set_random_seed(config.seed)
    ensemble_size = training.shape[1]
    targets = np.repeat(labels[:, None], ensemble_size, axis=1) if labels.ndim == 1 else labels
    validation = np.zeros_like(training)
    if config.choose_epoch:
        validation = one_subject_each(subjects, training, targets, config.seed)
    weights = sample_weights(targets, training & ~validation, config.balance, classes)
    model = build_classifier(config.network, ensemble_size=ensemble_size, classes=len(classes))
    # Keras divides the loss by the number of weights; because of Adam's epsilon, the number of members would
    # matter without the factor below.
    model.compile(
        keras.optimizers.AdamW(config.learning_rate, weight_decay=config.weight_decay),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    keep_best = [KeepBestMembers(features, targets, validation)] if config.choose_epoch else []
    model.fit(
        features,
        targets,
        sample_weight=weights * ensemble_size,
        batch_size=config.batch_size,
        epochs=config.epochs,
        callbacks=keep_best,
        verbose=0,
    )
    return model


def ensemble_logits(model: keras.Model, features: np.ndarray, batch_size: int = 32) -> np.ndarray:
    """Return what each member answers: float32 [N, F, classes].

    `model.predict` would trace a graph for each model. Where one process trains many of them, TensorFlow
    warns of that on the terminal.

    Args:
        model: Model of `fit_ensemble`.
        features: float32 [N, 28, 28, 3].
        batch_size: Number of samples in a call.
    """
    batches = (features[k : k + batch_size] for k in range(0, len(features), batch_size))
    return np.concatenate([model(batch, training=False).numpy() for batch in batches])


def sample_weights(
    labels: np.ndarray, training: np.ndarray, balance: float, classes: Sequence[str] = CLASSES
) -> np.ndarray:
    """Return the weight of each sample for each member: float32 [N, F].

    The mean over the training samples of a member is 1.

    Args:
        labels: int [N, F], indices into `classes`.
        training: bool [N, F].
        balance: 1 lets all classes that occur count alike, by the counts of that member's training samples; 0
            all samples; values between are exponents of the former weights.
        classes: Names of the classes.

    Raises:
        InputError: If the training samples of a member show fewer than two classes.

    Examples:
        >>> training = np.array([[True], [True], [True], [False]])
        >>> sample_weights(np.array([[0], [0], [1], [1]]), training, balance=1).ravel().tolist()
        [0.75, 0.75, 1.5, 0.0]
    """
    weights = training.astype(np.float32)
    for member, own in enumerate(labels.T):
        names, counts = np.unique(own[training[:, member]], return_counts=True)
        if len(names) < 2:
            shown = ", ".join(classes[k] for k in names) or "nothing"
            raise InputError(f"the training samples show {shown} only; at least two classes are needed")
        by_class = (counts.sum() / (len(names) * counts)) ** balance
        by_class /= (by_class * counts).sum() / counts.sum()
        for name, weight in zip(names, by_class, strict=True):
            weights[own == name, member] *= weight
    return weights


def one_subject_each(
    subjects: np.ndarray, training: np.ndarray, targets: np.ndarray, seed: int
) -> np.ndarray:
    """Draw one of the training subjects of each member for validation: bool [N, F].

    Whoever is drawn, two classes are left to learn; if nobody can be spared, a member has no validation.

    Args:
        subjects: str [N].
        training: bool [N, F].
        targets: int [N, F].
        seed: Seed of the draw.
    """
    rng = np.random.default_rng(seed)
    validation = np.zeros_like(training)
    for member, (column, labels) in enumerate(zip(training.T, targets.T, strict=True)):
        names = np.unique(subjects[column])
        spare = [name for name in names if len(np.unique(labels[column & (subjects != name)])) > 1]
        if spare:
            validation[:, member] = (subjects == rng.choice(spare)) & column
    return validation


class KeepBestMembers(keras.callbacks.Callback):
    """Callback that restores, for each member, the weights of the epoch with its least validation loss.

    Args:
        features: float32 [N, 28, 28, 3].
        labels: int [N, F].
        validation: bool [N, F]; a member without any keeps its last weights.
    """

    def __init__(self, features: np.ndarray, labels: np.ndarray, validation: np.ndarray):
        super().__init__()
        self._features, self._labels, self._validation = features, labels, validation
        self._least = np.full(validation.shape[1], np.inf)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:  # noqa: D102
        logits = self.model.predict(self._features, verbose=0)
        right = np.take_along_axis(logits, self._labels[..., None], axis=-1)[..., 0]
        losses = np.log(np.exp(logits - logits.max(-1, keepdims=True)).sum(-1)) + logits.max(-1) - right
        count = self._validation.sum(0)
        mean = np.where(count, (losses * self._validation).sum(0) / np.maximum(count, 1), -np.inf)
        weights = self.model.get_weights()
        if epoch == 0:
            self._best = [weight.copy() for weight in weights]
        for kept, weight in zip(self._best, weights, strict=True):
            better = (mean < self._least) | (count == 0)
            kept[better] = weight[better]
        self._least = np.minimum(self._least, mean)

    def on_train_end(self, logs: dict | None = None) -> None:  # noqa: D102
        self.model.set_weights(self._best)
