"""One version of a model, loaded from a SavedModel and ready to run."""

from collections.abc import Callable
from pathlib import Path

import grpc
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from pipelines.errors import InputError
from serving.protocol.serving_error import Refusal
from serving.protocol.stubs import meta_graph_pb2


def read_meta_graph(folder: Path) -> meta_graph_pb2.MetaGraphDef:
    """Read the graph and the signatures of a SavedModel, without its weights.

    Raises:
        InputError: if it is absent or damaged, or is not for serving.
    """
    path = folder / "saved_model.pb"
    try:
        saved = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    except (OSError, DecodeError) as error:
        raise InputError(f"{path}: not a SavedModel that can be read ({error}); export it again") from error
    for graph in saved.meta_graphs:
        if tf.saved_model.SERVING in graph.meta_info_def.tags:
            return graph
    raise InputError(f"{path}: no graph in it is tagged for serving; export it again")


class Model:
    """A version of a model with its weights in memory.

    Args:
        folder: a SavedModel, whose folder's name is the version.
        name: the model's name; by default that of the folder around it.

    Attributes:
        name: the model's name.
        version: its version.
        signatures: names, types and shapes of inputs and outputs, by signature name.

    Raises:
        InputError: if the SavedModel is damaged.
    """

    def __init__(self, folder: Path | str, name: str | None = None) -> None:
        self.folder = Path(folder)
        self.name = name or self.folder.parent.name
        self.version = int(self.folder.name)
        self.signatures: dict[str, meta_graph_pb2.SignatureDef] = dict(
            read_meta_graph(self.folder).signature_def
        )
        try:
            self._loaded = tf.saved_model.load(str(self.folder))
        # The reader trusts its files: a damaged one makes it raise anything from KeyError to DataLossError.
        except Exception as error:
            reason = str(error).partition("\n")[0]
            raise InputError(
                f"{self.folder}: damaged SavedModel ({reason}); export it again or remove it"
            ) from error
        self._functions = dict(self._loaded.signatures)

    def signature(self, name: str) -> meta_graph_pb2.SignatureDef:
        """Return a signature that can be run.

        Raises:
            Refusal: FAILED_PRECONDITION, if there is none of that name.
        """
        self.function(name)
        return self.signatures[name]

    def function(self, name: str) -> Callable[..., dict[str, tf.Tensor]]:
        """Return the TensorFlow function of a signature: named tensors in, named tensors out.

        Raises:
            Refusal: FAILED_PRECONDITION, if there is none of that name.
        """
        if name not in self._functions:
            raise Refusal(grpc.StatusCode.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
        return self._functions[name]
