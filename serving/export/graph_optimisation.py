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


def optimised(function: Callable) -> Callable:
    """Return a function that computes the same with an optimised graph.

    TensorFlow optimises the graph of each signature at its first call, which takes most of the time until a
    new version is available. The result does not depend on the server, so it is computed here.

    Args:
        function: `tf.function` with an input signature, which takes tensors and returns a tensor or a
            dictionary of tensors. Its variables stay variables.
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
    elements = [imported.graph.as_graph_element(name) for name in kept]
    count = len(traced.inputs)
    run = imported.prune(elements[:count], elements[count:])
    # Variables are further inputs, after those of the signature.
    variables = traced.captured_inputs

    def call(*tensors: tf.Tensor):
        results = run(*tensors, *variables)
        for result, original in zip(results, traced.outputs, strict=True):
            # Lost in the graph, which does not know the shapes of variables.
            result.set_shape(original.shape)
        return tf.nest.pack_sequence_as(traced.structured_outputs, results)

    return call
