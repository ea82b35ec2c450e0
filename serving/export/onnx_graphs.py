"""Changes to ONNX graphs: names of axes, order of inputs, both frames in one input, weights as float16."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_MIN_WEIGHTS = 256  # elements; converting a smaller tensor saves too little for a further node


def order_inputs(model: onnx.ModelProto, names: tuple[str, ...]) -> None:
    """Reorder the inputs of a graph, for callers that pass them as a list.

    Args:
        model: Model, changed in place.
        names: Names of all inputs, in the new order.
    """
    inputs = {one.name: one for one in model.graph.input}
    ordered = [inputs[name] for name in names]
    del model.graph.input[:]
    model.graph.input.extend(ordered)


def name_axes(model: onnx.ModelProto) -> None:
    """Name the axes of any length of inputs and outputs `batch`, `height` and `width`.

    The converter numbers them, so that nothing says which axis is which, nor which ones are alike.

    Args:
        model: Model whose inputs and outputs are [B, H, W, C], changed in place.
    """
    for tensor in (*model.graph.input, *model.graph.output):
        for axis, name in zip(tensor.type.tensor_type.shape.dim, ("batch", "height", "width"), strict=False):
            if not axis.HasField("dim_value"):
                axis.dim_param = name
    del model.graph.value_info[:]  # what lies between has the converter's names


def with_one_input(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a model that takes both frames in one tensor, for runtimes that may swap two inputs.

    Args:
        model: Model with the inputs `frame1` and `frame2`, float32 [B, H, W, 3] in [0, 1].

    Returns:
        Model with the input `frames`, uint8 [B, 2, H, W, 3], and the same output.
    """
    nodes = [
        helper.make_node("Cast", ["frames"], ["frames_float"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["frames_float", "frames_white"], ["frames_scaled"]),
        *(
            helper.make_node("Gather", ["frames_scaled", f"frames_index{i}"], [f"frame{i + 1}"], axis=1)
            for i in range(2)
        ),
    ]
    constants = {
        "frames_white": np.float32(255),
        "frames_index0": np.int64(0),
        "frames_index1": np.int64(1),
    }
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    del graph.input[:], graph.node[:]
    frames = helper.make_tensor_value_info("frames", TensorProto.UINT8, ["batch", 2, "height", "width", 3])
    graph.input.append(frames)
    graph.node.extend([*nodes, *model.graph.node])
    graph.initializer.extend(
        numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()
    )
    return result


def weights_as_float16(model: onnx.ModelProto) -> None:
    """Store the weights of a graph in half precision; they are cast back when the model is loaded.

    The graph still computes in float32, so pixel coordinates keep their precision.

    Args:
        model: Model, changed in place.
    """
    casts = []
    for weights in model.graph.initializer:
        array = numpy_helper.to_array(weights)
        if array.dtype != np.float32 or array.size < _MIN_WEIGHTS:
            continue
        stored = f"{weights.name}_float16"
        casts.append(helper.make_node("Cast", [stored], [weights.name], to=TensorProto.FLOAT))
        weights.CopyFrom(numpy_helper.from_array(array.astype(np.float16), stored))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
