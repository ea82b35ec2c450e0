"""One version of a model, loaded from a SavedModel."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2
from tensorflow.python.saved_model import loader_impl

from pipelines.errors import InputError
from pipelines.files import without_wildcards
from serving.protocol.serving_error import ServingError
from serving.protocol.stubs import meta_graph_pb2
from serving.repository.aborting_operations import signatures_that_can_abort
from serving.repository.model_manifest import read_input_checks


def read_meta_graph(folder: Path) -> meta_graph_pb2.MetaGraphDef:
    """Read the graph and the signatures of a SavedModel, without its weights.

    Raises:
        InputError: If the SavedModel is absent, damaged, or not tagged for serving.
    """
    try:
        saved = loader_impl.parse_saved_model(str(folder))
    except (OSError, tf.errors.OpError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{folder}: SavedModel cannot be read ({reason}); export it again") from error
    for graph in saved.meta_graphs:
        if tf.saved_model.SERVING in graph.meta_info_def.tags:
            return graph
    raise InputError(f"{folder}: no graph in it is tagged `serve`; export it again")


class Model:
    """A version of a model with its weights in memory.

    Args:
        folder: Folder of a SavedModel of TensorFlow 1 or 2, named after the version.
        name: Name of the model; by default the name of the parent folder.

    Attributes:
        name: Name of the model.
        version: Number of the version.
        signatures: Names, dtypes and shapes of inputs and outputs, by signature name.
        all_signatures: `signatures` and TensorFlow's internal ones (`__saved_model_init_op`).

    Raises:
        InputError: If the SavedModel is damaged.
    """

    def __init__(self, folder: Path | str, name: str | None = None) -> None:
        self.folder = Path(folder)
        self.name = name or self.folder.parent.name
        self.version = int(self.folder.name)
        graph = read_meta_graph(self.folder)
        self.all_signatures: dict[str, meta_graph_pb2.SignatureDef] = dict(graph.signature_def)
        self.signatures = {
            name: signature for name, signature in self.all_signatures.items() if not name.startswith("__")
        }
        self._input_checks = read_input_checks(self.folder)
        self._can_abort = signatures_that_can_abort(graph)
        self._session: tf.compat.v1.Session | None = None
        self._functions: dict[str, Callable] = {}
        try:
            if graph.HasField("object_graph_def"):
                self._loaded = tf.saved_model.load(str(without_wildcards(self.folder)))
                self._functions = dict(self._loaded.signatures)
            else:  # TensorFlow 1; `tf.saved_model.load` can load only some of these models
                self._session = tf.compat.v1.Session(graph=tf.Graph())
                loader = loader_impl.SavedModelLoader(str(without_wildcards(self.folder)))
                loader.load(self._session, [tf.saved_model.SERVING])
        # A damaged file makes the loaders raise anything from KeyError to DataLossError.
        except Exception as error:
            reason = str(error).partition("\n")[0]
            raise InputError(
                f"{self.folder}: damaged SavedModel ({reason}); export it again or remove it"
            ) from error

    def signature(self, name: str) -> meta_graph_pb2.SignatureDef:
        """Return a signature.

        Raises:
            ServingError: FAILED_PRECONDITION, if there is no signature of that name.
        """
        if name not in self.signatures:
            message = f'Serving signature key "{name}" not found.'
            raise ServingError(grpc.StatusCode.FAILED_PRECONDITION, message)
        return self.signatures[name]

    def input_checks(self, name: str) -> frozenset[str]:
        """Return the checks (`serving.runtime.checks.CHECKS`) that the inputs of a signature need.

        These are the checks in the manifest of an exported version, and `declared_shape` for a graph in which
        a wrong shape would abort the process.
        """
        declared = {"declared_shape"} if name in self._can_abort else set()
        return frozenset(self._input_checks.get(name, ())) | declared

    def function(self, name: str) -> Callable[..., dict[str, tf.Tensor]] | None:
        """Return the TensorFlow function of a signature, or None for a model of TensorFlow 1."""
        return self._functions.get(name)

    def run(
        self, name: str, inputs: Mapping[str, np.ndarray], outputs: Sequence[str]
    ) -> Mapping[str, tf.Tensor | np.ndarray]:
        """Run a signature.

        Args:
            name: Name of the signature.
            inputs: Arrays by input name.
            outputs: Names of the outputs to compute.

        Returns:
            Tensors or arrays by output name.
        """
        if self._session is None:
            return self._functions[name](**{key: tf.constant(array) for key, array in inputs.items()})
        return dict(
            zip(outputs, self._call(name, tuple(inputs), tuple(outputs))(*inputs.values()), strict=True)
        )

    def _call(self, name: str, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Callable[..., list]:
        if (name, inputs, outputs) not in self._functions:
            signature = self.signatures[name]
            options = config_pb2.CallableOptions(
                feed=[signature.inputs[key].name for key in inputs],
                fetch=[signature.outputs[key].name for key in outputs],
            )
            # Unlike `run` and `make_callable`, this does not check the declared shapes; nor does Serving.
            made = self._session._make_callable_from_options(options)
            self._functions[name, inputs, outputs] = made
        return self._functions[name, inputs, outputs]
