"""Predictions of the folds of a protocol, kept on disk under a key of everything that they depend on."""

import ast
import hashlib
import importlib
import importlib.util
import inspect
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

import keras
import numpy as np
import tensorflow as tf

from keras_models.expression.expression_networks import CLASSIFIERS
from keras_models.training.ensemble_training import ensemble_logits, fit_ensemble
from keras_models.training.expression_training_config import ExpressionConfig
from pipelines.datasets.composite import CLASSES
from pipelines.files import replacing
from pipelines.micro_expressions.samples import Samples

_PACKAGE = "keras_models."


def fold_predictions(
    samples: Samples,
    training: np.ndarray,
    config: ExpressionConfig,
    cache: Path,
    classes: Sequence[str] = CLASSES,
) -> np.ndarray:
    """Return what the network of each fold predicts for every sample, trained now or taken from the cache.

    Args:
        samples: N samples.
        training: bool [N, F], whether the network of fold f trains on sample n.
        config: How to train.
        cache: Folder of the cache.
        classes: Names of the classes that the labels of the samples count.

    Returns:
        int [N, F], indices of classes.
    """
    path = cache / f"{fold_key(samples, training, config, classes)}.npy"
    if path.exists():
        return np.load(path)
    subjects = np.array(samples.subjects)
    model = fit_ensemble(samples.features, samples.labels, subjects, training, config, classes)
    predicted = ensemble_logits(model, samples.features).argmax(axis=-1)
    with replacing(path) as part:
        np.save(part, predicted)
    return predicted


def fold_key(
    samples: Samples, training: np.ndarray, config: ExpressionConfig, classes: Sequence[str] = CLASSES
) -> str:
    """Return the key of folds in the cache: a hash of their data, settings, code and libraries.

    The code is that of this module and of the classifier, with all modules of `keras_models` that they import
    except other classifiers: network, layers, and training loop. It enters as syntax trees without
    docstrings, so an edit of a sentence or of the format keeps the folds, and every other edit discards them.
    """
    build = CLASSIFIERS[config.network]
    modules = code_of([__name__, build.__module__], {other.__module__ for other in CLASSIFIERS.values()})
    about = {
        "config": asdict(config),
        "classes": list(classes),
        "classifier": f"{build.__module__}.{build.__qualname__}",
        "code": {name: syntax(_source(module)) for name, module in sorted(modules.items())},
        "libraries": [keras.__version__, tf.__version__, np.__version__],
    }
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for array in (samples.features, samples.labels, np.array(samples.subjects), training):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:32]


def code_of(roots: list[str], others: set[str]) -> dict[str, ModuleType]:
    """Return modules and the modules of `keras_models` that they import, directly or indirectly, by name.

    Args:
        roots: Names of the modules to start from.
        others: Names of modules that are left out unless they are roots.
    """
    found: dict[str, ModuleType] = {}
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = importlib.import_module(name)
            imported = _imports(_source(found[name]))
            waiting += [one for one in imported if one.startswith(_PACKAGE) and one not in others]
    return found


def syntax(source: str) -> str:
    """Return the syntax tree of code as text, without docstrings, comments, format and line numbers.

    Examples:
        >>> syntax("x = 1  # one") == syntax("'A number.'; x = (1)")
        True
        >>> syntax("x = 1") == syntax("x = 2")
        False
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if documented and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def _source(module: ModuleType) -> str:
    return inspect.getsource(module)


def _imports(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from package import module` as well as `from module import name`.
            inner = [f"{node.module}.{name.name}" for name in node.names]
            modules = [name for name in inner if _is_module(name)]
            yield from modules or [node.module]


def _is_module(name: str) -> bool:
    if not name.startswith(_PACKAGE):
        return False
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # its parent is a module and not a package
        return False
