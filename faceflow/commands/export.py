"""`faceflow export`."""

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from faceflow.arguments import Corpora
from faceflow.console import say


def export_flow(
    run: Positional[Annotated[str, arg(metavar="RUN|PRESET")]] = "default",
    out: Annotated[Path | None, arg(aliases=["-o"])] = None,
    onnx: bool = False,
    push: Path | None = None,
    pairs: Path | None = None,
    max_epe: float = 0.5,
    max_worse: float = 0.05,
    bfloat16: bool = False,
) -> None:
    """Export a flow network as a new version of the served model `face_flow`, or as ONNX.

    The version appears under its number, FOLDER/face_flow/NUMBER, when all of it is written. TensorFlow
    Serving and `faceflow serve` take it from there.

    With --push, only if it passes a gate: it is tried on a server process of its own, evaluated there beside
    the version that is live, and must be within both bounds.

    Args:
        run: folder of a training run, or name of a preset.
        out: folder of the served models.
        onnx: write OUT/face_flow.onnx instead, if ONNX Runtime gives the same flow within 0.001 px.
        push: folder of the served models, in place of --out: push there what passes the gate.
        pairs: pair folder to evaluate on for --push; by default pairs of a portrait that are made for it.
        max_epe: for --push: greatest error in the face, pixels.
        max_worse: for --push: how much greater than the live version's it may be, of it.
        bfloat16: compute in bfloat16, for processors that are faster in it. The flow changes a little.
    """
    from pipelines.errors import InputError

    _check_target(out, push)
    if onnx and (push is not None or bfloat16):
        raise InputError("--onnx goes with --out alone: --push and --bfloat16 are for served models")

    from keras_models.presets import load_network, read_preset
    from serving.export.precision import bfloat16 as computing_in_bfloat16

    about = {"preset": run, "bfloat16": bfloat16, **vars(read_preset(run))}
    with computing_in_bfloat16(bfloat16):
        network = load_network(run)
    if push is not None:
        say(f"pushed: {_push(network, push, pairs, about, max_epe, max_worse)}")
    elif onnx:
        from serving.export.onnx_export import export_onnx

        say(f"exported: {export_onnx(network, out)}")
    else:
        from serving.export.saved_model import export_flow as export

        say(f"exported: {export(network, out, about)}")


def export_expression(
    run: Positional[Annotated[str, arg(metavar="RUN|PRESET")]] = "expression",
    out: Annotated[Path | None, arg(aliases=["-o"])] = None,
    push: Path | None = None,
    corpus: Corpora = (),
    min_uf1: float = 0.5,
    max_worse: float = 0.05,
) -> None:
    """Export a classifier of expressions as a new version of the served model `micro_expression`.

    The flow network that it was trained on goes with it: onset and apex in, classes out.

    With --push, only if it passes a gate: it is tried on a server process of its own, where it and the
    version that is live classify the clips of --corpus, and must be within both bounds.

    Args:
        run: folder of a run of faceflow train expression, or name of a preset.
        out: folder of the served models.
        push: folder of the served models, in place of --out: push there what passes the gate.
        corpus: for --push: casme2=DIR, samm=DIR or smic=DIR with people it has not seen; repeat for more.
        min_uf1: for --push: least mean F1 over the classes.
        max_worse: for --push: how much less than the live version's it may be.
    """
    from pipelines.errors import InputError

    _check_target(out, push)
    if (push is None) != (not corpus):
        raise InputError("--push and --corpus NAME=DIR go together: the gate needs clips of known classes")

    from keras_models.inference.expression_classifier import open_classifier
    from keras_models.presets import load_network, read_preset

    classifier = open_classifier(run)
    network = load_network(classifier.method)
    about = {"preset": run, **vars(read_preset(run))}
    if push is not None:
        from serving.rollout.push_expression import ExpressionGate, push_expression

        gate = ExpressionGate(min_uf1=min_uf1, max_worse=max_worse)
        say(f"pushed: {push_expression(classifier, network, push, corpus, gate, about)}")
    else:
        from serving.export.saved_model import export_expression as export

        say(f"exported: {export(classifier, network, out, about)}")


def _check_target(out: Path | None, push: Path | None) -> None:
    from pipelines.errors import InputError

    if (out is None) == (push is None):
        raise InputError("one folder: --out MODELS to export, or --push MODELS to push what passes the gate")


def _push(network, models: Path, pairs: Path | None, about: dict, max_epe: float, max_worse: float) -> Path:
    import tempfile

    from pipelines.io.pairs import write_pair
    from pipelines.synthetic.portrait import PortraitMotion, portrait_pairs
    from serving.rollout.push_flow import Gate, push_flow

    gate = Gate(max_epe=max_epe, max_worse=max_worse)
    with tempfile.TemporaryDirectory() as scratch:
        if pairs is None:
            pairs = Path(scratch)
            for pair in portrait_pairs(PortraitMotion(), seed=0, count=16):
                write_pair(pairs, pair)
        return push_flow(network, models, pairs, gate, about)
