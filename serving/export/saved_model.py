"""From Keras models to SavedModels that TensorFlow Serving can serve."""

import datetime
import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import keras
import tensorflow as tf

from keras_models.inference.expression_classifier import ExpressionClassifier
from pipelines.errors import InputError
from serving.export.expression_signatures import MICRO_EXPRESSION, write_expression_model
from serving.export.flow_signatures import FACE_FLOW, write_flow_model
from serving.repository.model import read_meta_graph
from serving.repository.publishing import publish, scratch_folder

#: What is known about a version, inside its folder.
MANIFEST = "assets.extra/manifest.json"


def export_flow(model: keras.Model, folder: Path | str, about: Mapping[str, object] | None = None) -> Path:
    """Write a flow network as a new version of the served model `face_flow`.

    Signatures, for any batch and any size from 1x1: `serving_default` takes the frames as uint8,
    `serving_float32` as float32 in [0, 1]; inputs `frame1`, `frame2` [B, H, W, 3]. `encoded` takes them as
    JPEG or PNG files, strings [B]. Output `flow` float32 [B, H, W, 2] in pixels of the input.

    `features` takes the frames as crops aligned by `micro_expressions.alignment`, uint8
    [B, 224, 224, 3], and gives `features` float32 [B, 28, 28, 3]: u, v and strain, as `flow_features` without
    the head's motion.

    The version is the time in seconds, or one more than the latest version if that is not later. It appears
    under its name when all of it is written.

    Args:
        model: takes {"frame1", "frame2"}, float32 [B, H, W, 3] in [0, 1], and gives {"flow"}, float32
            [B, H, W, 2] in pixels.
        folder: the base folder of the server.
        about: what is known about the network, for the manifest in the version's folder.

    Returns:
        The folder of the version, `folder/face_flow/VERSION`.

    Raises:
        InputError: if the model needs an operation that is not TensorFlow's own, or the folder cannot be
            written.
    """
    with unpublished_flow(model, folder, about) as part:
        return publish(part, Path(folder) / FACE_FLOW)


@contextmanager
def unpublished_flow(
    model: keras.Model, folder: Path | str, about: Mapping[str, object] | None = None
) -> Iterator[Path]:
    """Write what `export_flow` writes under a hidden name, which is gone afterwards unless it was published.

    Yields the folder; arguments and errors are those of `export_flow`.
    """
    base = Path(folder) / FACE_FLOW
    with _unpublished(base, lambda part: write_flow_model(model, part), about) as part:
        yield part


def export_expression(
    classifier: ExpressionClassifier,
    network: keras.Model,
    folder: Path | str,
    about: Mapping[str, object] | None = None,
) -> Path:
    """Write a classifier with its flow network as a new version of the served model `micro_expression`.

    Signatures, for any batch: `serving_default` takes `onset` and `apex`, uint8 [B, 224, 224, 3], crops that
    are aligned as `pipelines.micro_expressions.alignment` does it; `from_features` takes `features`, float32
    [B, 28, 28, 3], as `flow_features` gives them. Outputs `probabilities` float32 [B, classes] and `labels`,
    string [B, classes], in the same order. `classify` takes serialised `tf.Example`s, `inputs` string [B],
    with the float feature `features` of 2,352 values, and gives `classes` and `scores`.

    Args:
        classifier: of expressions.
        network: of the flow that the classifier was trained on; as `model` of `export_flow`.
        folder: the base folder of the server.
        about: as for `export_flow`.

    Returns:
        The folder of the version, `folder/micro_expression/VERSION`.

    Raises:
        InputError: as `export_flow`.
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
    """Write what `export_expression` writes under a hidden name, as `unpublished_flow` does.

    Yields the folder; arguments and errors are those of `export_expression`.
    """

    def write(part: Path) -> None:
        write_expression_model(classifier, network, part)

    with _unpublished(Path(folder) / MICRO_EXPRESSION, write, about) as part:
        yield part


def graph_ops(folder: Path | str) -> set[str]:
    """Return the names of all operations in a SavedModel, those of its functions included."""
    graph = read_meta_graph(Path(folder)).graph_def
    functions = (node for function in graph.library.function for node in function.node_def)
    return {node.op for node in graph.node} | {node.op for node in functions}


@contextmanager
def _unpublished(
    base: Path, write: Callable[[Path], None], about: Mapping[str, object] | None
) -> Iterator[Path]:
    with ExitStack() as stack:
        try:
            base.mkdir(parents=True, exist_ok=True)
            part = stack.enter_context(scratch_folder(base)) / "version"
            write(part)
            (part / MANIFEST).write_text(json.dumps(_manifest(about or {}), indent=1, default=str))
            _check_core_ops(part)
        except (OSError, tf.errors.OpError) as error:
            reason = str(error).partition("\n")[0]
            raise InputError(f"{base}: the model cannot be written there ({reason})") from error
        yield part


def _manifest(about: Mapping[str, object]) -> dict:
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
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def _check_core_ops(folder: Path) -> None:
    # Ops of other packages are registered as `Package>Op`, and the official server has none of them.
    foreign = sorted(op for op in graph_ops(folder) if ">" in op)
    if foreign:
        raise InputError(
            f"the model cannot be served: it uses {', '.join(foreign)}, which TensorFlow Serving does not "
            "have; build it with TensorFlow's own operations on the same weights"
        )
