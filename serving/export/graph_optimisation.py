"""Graph optimisation once, at the export, instead of at every load on every server."""

from collections.abc import Callable

import tensorflow as tf
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2

# Not public, but used by tf2onnx and by TensorFlow's own converters; the version is pinned.
from tensorflow.python.grappler import tf_optimizer

# No step adapts the graph to one kind of processor (layouts, fused operations), because the processor of the
# server is not known at the export.
_STEPS = (
    "function",  # inlines
    "pruning",
    "common_subgraph_elimination",  # mainly constants: each layer brings its own
    "constfold",
    "arithmetic",
    "common_subgraph_elimination",
    "dependency",
    "pruning",
)


def optimised(function: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
    """Return a function that computes the same with an optimised graph.

    TensorFlow optimises the graph of each signature at its first call, which takes most of the time until a
    new version is available. The result does not depend on the server, so it is computed here.

    Args:
        function: `tf.function` with an input signature, which takes tensors and returns one tensor. Its
            variables stay variables.
    """
    traced = function.get_concrete_function()
    graph = traced.graph
    item = tf.compat.v1.train.export_meta_graph(graph_def=graph.as_graph_def(), graph=graph)
    kept = [tensor.name for tensor in [*traced.inputs, *traced.outputs]]
    nodes = meta_graph_pb2.CollectionDef.NodeList(value=kept)
    item.collection_def["train_op"].CopyFrom(meta_graph_pb2.CollectionDef(node_list=nodes))
    config = config_pb2.ConfigProto()
    config.graph_options.rewrite_options.optimizers.extend(_STEPS)
    config.graph_options.rewrite_options.min_graph_nodes = -1  # however few there are
    optimised = tf_optimizer.OptimizeGraph(config, item)

    imported = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(optimised, name=""), [])
    inputs, output = kept[: len(traced.inputs)], kept[-1]
    element = imported.graph.as_graph_element
    run = imported.prune([element(name) for name in inputs], element(output))
    # Variables are further inputs, after those of the signature.
    variables = traced.captured_inputs
    shape = traced.outputs[0].shape  # lost in the graph, which does not know the shapes of variables

    def call(*tensors: tf.Tensor) -> tf.Tensor:
        result = run(*tensors, *variables)
        result.set_shape(shape)
        return result

    return call
