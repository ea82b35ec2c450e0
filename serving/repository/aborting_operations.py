"""Finds signatures in which a tensor of the wrong rank would abort the whole process.

Most operations of TensorFlow reject a wrong shape with an error. Convolutions check it with an assertion,
which aborts the process (seen in TensorFlow 2.15.1, with and without oneDNN, exit code 134). TensorFlow
Serving aborts too.
"""

from collections.abc import Callable, Iterable, Mapping

from serving.protocol.stubs import meta_graph_pb2, types_pb2

#: Operations that abort the process on an input of the wrong rank.
ABORTING = frozenset(
    {
        *("Conv2D", "Conv3D", "DepthwiseConv2dNative", "MaxPool3D", "AvgPool3D"),
        *("_FusedConv2D", "_FusedDepthwiseConv2dNative"),  # made by graph optimisation
    }
)

# Operations whose output has a rank that does not depend on the input, or that have no input values.
_OWN_RANK = frozenset(
    {
        *("EnsureShape", "MatMul", "Shape", "ShapeN", "Size", "Rank", "ParseExample", "ParseExampleV2"),
        *("DecodeImage", "DecodeJpeg", "DecodePng", "VarHandleOp", "ReadVariableOp", "Const"),
    }
)


def signatures_that_can_abort(graph: meta_graph_pb2.MetaGraphDef) -> set[str]:
    """Return the names of the signatures in which an input reaches an aborting operation at its own rank.

    Inputs of unknown rank and strings are left out, because they have no declared rank to check against.

    Args:
        graph: Graph of a SavedModel.
    """
    library = {function.signature.name: function for function in graph.graph_def.library.function}
    known: dict[str, tuple[bool, bool]] = {}

    def call(name: str) -> tuple[bool, bool]:
        """Tell whether a function can abort, and whether its results may have the rank of its inputs."""
        if name not in known:
            known[name] = False, True  # for a function that calls itself
            function = library[name]
            arguments = {argument.name for argument in function.signature.input_arg}
            aborts, reached = _follow(function.node_def, arguments, call, library)
            results = {result.partition(":")[0] for result in function.ret.values()}
            known[name] = aborts, bool(results & reached)
        return known[name]

    found = set()
    for name, signature in graph.signature_def.items():
        feeds = {
            info.name.partition(":")[0]
            for info in signature.inputs.values()
            if info.dtype != types_pb2.DT_STRING and not info.tensor_shape.unknown_rank
        }
        nodes = _needed_for(signature, graph)
        if feeds and _follow(nodes, feeds, call, library)[0]:
            found.add(name)
    return found


def _needed_for(signature: meta_graph_pb2.SignatureDef, graph: meta_graph_pb2.MetaGraphDef) -> list:
    """Return the nodes from which the outputs of a signature are computed, in the order of the graph."""
    by_name = {node.name: node for node in graph.graph_def.node}
    needed, waiting = set(), [info.name.partition(":")[0] for info in signature.outputs.values()]
    while waiting:
        name = waiting.pop()
        if name in needed or name not in by_name:
            continue
        needed.add(name)
        waiting += [_node(source) for source in by_name[name].input]
    return [node for node in graph.graph_def.node if node.name in needed]


def _follow(
    nodes: Iterable, sources: set[str], call: Callable[[str], tuple[bool, bool]], library: Mapping
) -> tuple[bool, set[str]]:
    """Follow values from their sources; return whether one reaches an aborting operation, and all reached."""
    by_name = {node.name: node for node in nodes}
    consumers: dict[str, list] = {}
    for node in by_name.values():
        for source in node.input:
            if not source.startswith("^"):
                consumers.setdefault(_node(source), []).append(node)
    reached, waiting, aborts = set(sources), list(sources), False
    while waiting:
        for node in consumers.get(waiting.pop(), ()):
            if node.name in reached or node.op in _OWN_RANK or _has_constant_rank(node, by_name):
                continue
            aborts |= node.op in ABORTING
            passes = True
            functions = [name for name in _called(node) if name in library]
            if functions:
                outcomes = [call(name) for name in functions]
                aborts |= any(outcome[0] for outcome in outcomes)
                passes = any(outcome[1] for outcome in outcomes)
            if passes:
                reached.add(node.name)
                waiting.append(node.name)
    return aborts, reached


def _has_constant_rank(node, by_name: Mapping) -> bool:
    """Tell whether the output of a Reshape has a rank that the graph fixes."""
    if node.op != "Reshape":
        return False
    shape = by_name.get(_node(node.input[1]))
    return shape is not None and shape.op in ("Const", "Pack")


def _called(node) -> Iterable[str]:
    yield node.op  # a function can be an operation
    for value in node.attr.values():
        if value.HasField("func"):
            yield value.func.name
        yield from (function.name for function in value.list.func)


def _node(source: str) -> str:
    return source.removeprefix("^").partition(":")[0]
