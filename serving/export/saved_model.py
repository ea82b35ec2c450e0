"""Export of Keras models as SavedModels that TensorFlow Serving can serve."""

import datetime
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import keras
import tensorflow as tf

from keras_models.inference.expression_classifier import ExpressionClassifier
from pipelines.errors import InputError
from serving.export.expression_signatures import (
    EXPRESSION_INPUT_CHECKS,
    MICRO_EXPRESSION,
    write_expression_model,
)
from serving.export.flow_signatures import FACE_FLOW, FLOW_INPUT_CHECKS, write_flow_model
from serving.repository.model import read_meta_graph
from serving.repository.model_manifest import write_manifest
from serving.repository.publishing import publish, scratch_folder


def export_flow(model: keras.Model, folder: Path | str, about: Mapping[str, object] | None = None) -> Path:
    """Write a flow network as a new version of the served model `face_flow`.

    All signatures take any batch size and any image size. Their output is `flow`, float32 [B, H, W, 2], in
    pixels of the input. A network that estimates its error has a second one, `uncertainty`, float32
    [B, H, W, 1], the end-point error to expect in pixels; an `output_filter` leaves it out:

    - `serving_default` has the inputs `frame1` and `frame2`, uint8 [B, H, W, 3].
    - `serving_float32` has the same inputs as float32 in [0, 1].
    - `frames` has one input `frames`, uint8 [B, 2, H, W, 3], for runtimes that may swap two inputs.
    - `encoded` has the inputs `frame1` and `frame2` as JPEG or PNG files, string [B], which it rotates by
      their EXIF orientation.

    `features` takes `frame1` and `frame2` as crops aligned by `micro_expressions.alignment`, uint8
    [B, 224, 224, 3]. Its output is `features`, float32 [B, 28, 28, 3]: u, v and strain from `flow_features`,
    without head motion.

    The number of the version is the time in seconds, or the latest version plus one if that is larger. The
    folder appears under its number once it is complete.

    Args:
        model: Network with the inputs `frame1` and `frame2`, float32 [B, H, W, 3] in [0, 1], and the output
            `flow`, float32 [B, H, W, 2] in pixels, and perhaps `uncertainty`, [B, H, W, 1].
        folder: Folder of the served models.
        about: Origin of the network, for the manifest in the version's folder.

    Returns:
        The folder of the version, `folder/face_flow/VERSION`.

    Raises:
        InputError: If the model needs an operation that is not part of core TensorFlow, or the folder cannot
            be written.
    """
    with unpublished_flow(model, folder, about) as part:
        return publish(part, Path(folder) / FACE_FLOW)


@contextmanager
def unpublished_flow(
    model: keras.Model, folder: Path | str, about: Mapping[str, object] | None = None
) -> Iterator[Path]:
    """Write a version like `export_flow`, but under a hidden name, and remove it unless it is published.

    Yields the folder. Arguments and errors are those of `export_flow`.
    """
    base = Path(folder) / FACE_FLOW
    with _unpublished(base, lambda part: write_flow_model(model, part), FLOW_INPUT_CHECKS, about) as part:
        yield part


def export_expression(
    classifier: ExpressionClassifier,
    network: keras.Model,
    folder: Path | str,
    about: Mapping[str, object] | None = None,
) -> Path:
    """Write a classifier with its flow network as a new version of the served model `micro_expression`.

    All signatures take any batch size. The first two have the outputs `probabilities`, float32 [B, C], and
    `labels`, string [B, C], in the same order:

    - `serving_default` has the inputs `onset` and `apex`, uint8 [B, 224, 224, 3], crops aligned by
      `pipelines.micro_expressions.alignment`.
    - `from_features` has the input `features`, float32 [B, 28, 28, 3], from `flow_features`.
    - `classify` has the input `inputs`, string [B], serialised `tf.Example`s with the float feature
      `features` of 2,352 values, and the outputs `classes` and `scores`.

    Args:
        classifier: Classifier of expressions.
        network: Flow network that the classifier was trained on, as `model` of `export_flow`.
        folder: Folder of the served models.
        about: Origin of the classifier, as for `export_flow`.

    Returns:
        The folder of the version, `folder/micro_expression/VERSION`.

    Raises:
        InputError: As for `export_flow`.
    """
    with unpublished_expression(classifier, network, folder, about) as part:
        return publish(part, Path(folder) / MICRO_EXPRESSION)


@contextmanager
def unpublished_expression(
    classifier: ExpressionClassifier,
    network: keras.Model,
    folder: Path | str,
    about: Mapping[str, object] | None = None,
) -> Iterator[Path]:
    """Write a version like `export_expression`, but under a hidden name, as `unpublished_flow` does.

    Yields the folder. Arguments and errors are those of `export_expression`.
    """

    def write(part: Path) -> None:
        write_expression_model(classifier, network, part)

    base = Path(folder) / MICRO_EXPRESSION
    with _unpublished(base, write, EXPRESSION_INPUT_CHECKS, about) as part:
        yield part


def graph_ops(folder: Path | str) -> set[str]:
    """Return the names of all operations in a SavedModel, including those in its functions."""
    graph = read_meta_graph(Path(folder)).graph_def
    functions = (node for function in graph.library.function for node in function.node_def)
    return {node.op for node in graph.node} | {node.op for node in functions}


@contextmanager
def _unpublished(
    base: Path,
    write: Callable[[Path], None],
    input_checks: Mapping[str, Sequence[str]],
    about: Mapping[str, object] | None,
) -> Iterator[Path]:
    with ExitStack() as stack:
        try:
            base.mkdir(parents=True, exist_ok=True)
            part = stack.enter_context(scratch_folder(base)) / "version"
            write(part)
            write_manifest(part, _origin(about or {}), input_checks)
            _check_core_ops(part)
        except (OSError, tf.errors.OpError) as error:
            reason = str(error).partition("\n")[0]
            raise InputError(f"{base}: the model cannot be written there ({reason})") from error
        yield part


def _origin(about: Mapping[str, object]) -> dict:
    return {
        **about,
        "commit": _commit(),
        "exported": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "tensorflow": tf.__version__,
    }


def _commit() -> str | None:
    """Return the commit of the project's code, if it runs from a checkout."""
    project = Path(__file__).resolve().parents[2]
    if not (project / ".git").exists():
        return None
    command = ["git", "-C", str(project), "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:  # no git on this machine
        return None
    return done.stdout.strip() or None


def _check_core_ops(folder: Path) -> None:
    # Operations of other packages are registered as `Package>Op`; the official server has none of them.
    foreign = sorted(op for op in graph_ops(folder) if ">" in op)
    if foreign:
        raise InputError(
            f"the model cannot be served: it uses {', '.join(foreign)}, which TensorFlow Serving does not "
            "have; build it from core TensorFlow operations with the same weights"
        )
