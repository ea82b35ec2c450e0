"""`faceflow export`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from faceflow.arguments import Corpora
from faceflow.console import say


def export_flow(
    run: Positional[Annotated[str, arg(metavar="RUN|PRESET")]] = "default",
    out: Annotated[Path | None, arg(aliases=["-o"])] = None,
    onnx: bool = False,
    fp16: bool = False,
    tflite: bool = False,
    push: Path | None = None,
    pairs: Path | None = None,
    max_epe: float = 0.5,
    max_regression: float = 0.05,
    bfloat16: bool = False,
) -> None:
    """Export a flow network as a new version of the served model `face_flow`, or as ONNX or TF Lite.

    The version appears as FOLDER/face_flow/NUMBER once it is complete. TensorFlow Serving and `faceflow
    serve` load it from there.

    With --push, the version is published only if it passes an evaluation. It runs in a separate server
    process beside the latest version (the baseline), and its error must be within both thresholds.

    Args:
        run: Folder of a training run, or name of a preset.
        out: Folder of the served models.
        onnx: Write OUT/face_flow.onnx (two inputs) and OUT/face_flow_frames.onnx (both frames in one tensor)
            instead, if ONNX Runtime gives the same flow within 0.001 px.
        fp16: Store the weights of --onnx as float16 to save space, if the flow is the same within 0.01 px.
        tflite: Write OUT/face_flow.tflite instead, if TF Lite gives the same flow within 0.001 px.
        push: Folder of the served models to publish in if the evaluation passes; in place of --out.
        pairs: Pair folder to evaluate on (--push). By default, pairs are generated from a portrait.
        max_epe: Largest mean end-point error in the face, pixels (--push).
        max_regression: Largest increase of that error over the baseline's, as a fraction of it (--push).
        bfloat16: Compute in bfloat16, which is faster on processors that support it. The flow changes a
            little.
    """
    from pipelines.errors import InputError

    _check_target(out, push)
    if (onnx or tflite) and (push is not None or bfloat16):
        option = "--onnx" if onnx else "--tflite"
        raise InputError(f"{option} goes with --out alone; --push and --bfloat16 are for served models")
    if fp16 and not onnx:
        raise InputError("--fp16 needs --onnx")
    if pairs is not None and push is None:
        raise InputError(
            "--pairs is what a version is evaluated on before a push; give --push in place of --out"
        )

    from keras_models.presets import load_network, read_preset
    from serving.export.precision import bfloat16 as computing_in_bfloat16

    about = {"preset": run, "bfloat16": bfloat16, **vars(read_preset(run))}
    with computing_in_bfloat16(bfloat16):
        network = load_network(run)
    if push is not None:
        say(f"pushed: {_push(network, push, pairs, about, max_epe, max_regression)}")
    elif onnx or tflite:
        for file in _files(network, out, onnx, fp16, tflite):
            say(f"exported: {file}")
    else:
        from serving.export.saved_model import export_flow as export

        say(f"exported: {export(network, out, about)}")


def export_expression(
    run: Positional[Annotated[str, arg(metavar="RUN|PRESET")]] = "expression",
    out: Annotated[Path | None, arg(aliases=["-o"])] = None,
    push: Path | None = None,
    corpus: Corpora = (),
    min_uf1: float = 0.5,
    max_regression: float = 0.05,
) -> None:
    """Export a classifier of expressions as a new version of the served model `micro_expression`.

    The version includes the flow network whose features the classifier was trained on. It takes the frames of
    onset and apex, and returns the probability of each class.

    With --push, the version is published only if it passes an evaluation. In a separate server process, it
    and the latest version (the baseline) classify the clips of --corpus, and its UF1 must be within both
    thresholds.

    Args:
        run: Folder of a run of faceflow train expression, or name of a preset.
        out: Folder of the served models.
        push: Folder of the served models to publish in if the evaluation passes; in place of --out.
        corpus: Corpus with unseen subjects, casme2=DIR, samm=DIR or smic=DIR (--push). Repeat the option for
            several.
        min_uf1: Smallest UF1, the mean F1 over the classes (--push).
        max_regression: Largest decrease of UF1 below the baseline's (--push).
    """
    from pipelines.errors import InputError

    _check_target(out, push)
    if (push is None) != (not corpus):
        raise InputError("--push and --corpus NAME=DIR go together: the evaluation needs labelled clips")

    from keras_models.inference.expression_classifier import open_classifier
    from keras_models.presets import is_preset, load_network, preset_folder, read_preset

    classifier = open_classifier(run)
    if not is_preset(preset_folder(classifier.method)):
        raise InputError(
            f"{run}: was trained on the flow of {classifier.method}, which is no network and cannot be "
            "exported; train it with --method default or fast"
        )
    network = load_network(classifier.method)
    about = {"preset": run, **vars(read_preset(run))}
    if push is not None:
        from serving.rollout.expression_evaluator import ExpressionThresholds, push_expression

        thresholds = ExpressionThresholds(min_uf1=min_uf1, max_regression=max_regression)
        say(f"pushed: {push_expression(classifier, network, push, corpus, thresholds, about)}")
    else:
        from serving.export.saved_model import export_expression as export

        say(f"exported: {export(classifier, network, out, about)}")


def _check_target(out: Path | None, push: Path | None) -> None:
    from pipelines.errors import InputError

    if (out is None) == (push is None):
        raise InputError(
            "give either --out MODELS to export, or --push MODELS to publish after an evaluation"
        )


def _files(network, out: Path, onnx: bool, fp16: bool, tflite: bool) -> Iterator[Path]:
    if onnx:
        from serving.export.onnx_export import export_onnx

        yield from export_onnx(network, out, fp16)
    if tflite:
        from serving.export.tflite_export import export_tflite

        yield export_tflite(network, out)


def _push(
    network, models: Path, pairs: Path | None, about: dict, max_epe: float, max_regression: float
) -> Path:
    import tempfile

    from pipelines.io.pairs import write_pair
    from pipelines.synthetic.portrait import PortraitMotion, portrait_pairs
    from serving.rollout.flow_evaluator import FlowThresholds, push_flow

    thresholds = FlowThresholds(max_epe=max_epe, max_regression=max_regression)
    name = None
    with tempfile.TemporaryDirectory() as scratch:
        if pairs is None:
            pairs, name = Path(scratch), "16 generated pairs of a portrait, seed 0"
            for pair in portrait_pairs(PortraitMotion(), seed=0, count=16):
                write_pair(pairs, pair)
        return push_flow(network, models, pairs, thresholds, about, name)
