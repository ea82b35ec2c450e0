"""Graph optimisation at the export, once, in place of every server at every load."""

from collections.abc import Callable

import tensorflow as tf
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2

# Not public, but the way tf2onnx and TensorFlow's own converters take; the version is pinned.
from tensorflow.python.grappler import tf_optimizer

# Nothing that fits a graph to one kind of processor (layouts, fused operations): the server does not know
# where it will run when the graph is exported.
_STEPS = (
    "function",  # inlines
    "pruning",
    "common_subgraph_elimination",  # above all constants: each layer brings its own
    "constfold",
    "arithmetic",
    "common_subgraph_elimination",
    "dependency",
    "pruning",
)


def optimised(function: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
    """Return a function with an optimised graph that computes the same.

    TensorFlow optimises a graph at its first call, for each signature anew: most of the time until a new
    version is available. The result does not depend on the server, so it is computed here.

    Args:
        function: `tf.function` with an input signature that takes tensors and returns one. Its variables stay
            variables.
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
    # Variables come in as further inputs, behind those of the signature.
    variables = traced.captured_inputs
    shape = traced.outputs[0].shape  # which the graph forgets, as it is not told those of variables
    return lambda *tensors: tf.ensure_shape(run(*tensors, *variables), shape)
