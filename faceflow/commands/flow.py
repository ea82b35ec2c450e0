"""`faceflow flow`."""

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from faceflow.arguments import Out
from faceflow.console import gauge, say
from faceflow.operation_threads import one_thread_per_operation


def flow(
    input: Positional[Annotated[tuple[Path, ...], arg(metavar="FRAME1 FRAME2 | CLIP")]],
    out: Out,
    model: Annotated[str | None, arg(metavar="PRESET|RUN|METHOD")] = None,
    server: Annotated[str | None, arg(metavar="HOST:PORT")] = None,
    picture: Path | None = None,
    uncertainty: Path | None = None,
    face: bool = False,
    reference: Annotated[int | None, arg(metavar="FRAME")] = None,
    format: Literal["flo", "npz", "png"] = "flo",
    size: int | None = None,
    yes: bool = False,
) -> None:
    """Estimate the flow of two frames, of consecutive frames of a clip, or from one frame to all others.

    For a pair, writes one flow file. For a clip (a video, or a folder of pictures), writes a folder with the
    files 00000.flo, 00001.flo, ... and flow.mp4, which shows the frames beside their flow in colour. Frames
    that cannot be processed are listed in incomplete.txt in this folder; all other flows are kept.

    Args:
        input: Two pictures of one size, or one clip.
        out: Flow file of a pair (.flo, .png for KITTI, .npz, .pfm), or folder for a clip.
        model: Name of a preset, folder of a training run or SavedModel, or a classical method (dis_fine,
            deepflow, ...). By default the network that comes with FaceFlow.
        server: Address of a server (faceflow serve) that estimates the flow, in place of a local model.
        picture: PNG to write for a pair, with the frames, the flow in colour, and arrows.
        uncertainty: File for the expected end-point error at each pixel of a pair: .npz with the array
            uncertainty, float32, pixels; or .png, a picture from black (0) through red and yellow to white,
            the 99th percentile of that pair. The picture of --picture then also shows it. The models
            default and fast estimate it; for any other method, --model consistency:METHOD takes the
            forward-backward difference.
        face: Estimate the flow in a crop around the face, as in training; elsewhere it is unknown. If the
            face moves far, the estimate starts from its landmarks. The picture of --picture then shows the
            crop, and the motion of the parts of the face relative to the whole face.
        reference: Number of the reference frame of a clip, from 0. The tracker of faceflow analyze then
            estimates the flow of the face from this frame to every frame: 00007.flo is the flow from the
            reference frame to frame 7, on the grid of the reference frame.
        format: Format of the files of a clip: flo (float32), npz (compressed), png (KITTI, steps of 1/64 px).
        size: Longer side to which the frames of a clip are reduced first, pixels.
        yes: Process a clip that takes more than 4 GB or half an hour.
    """
    from pipelines.errors import InputError
    from pipelines.files import check_outputs
    from pipelines.io.flow_io import check_flow_path
    from pipelines.io.images import check_picture_path

    if len(input) not in (1, 2):
        raise InputError(f"give two frames or one clip, not {len(input)} inputs")
    if model and server:
        raise InputError("--model and --server are mutually exclusive")
    if size is not None and size < 16:
        raise InputError(f"--size {size}: frames of less than 16 pixels have no flow")
    check_outputs(out, picture, uncertainty, inputs=input)
    if uncertainty and uncertainty.suffix not in (".npz", ".png"):
        raise InputError(f"{uncertainty}: name the file of --uncertainty .npz or .png")
    if reference is not None and (len(input) == 2 or server or size is not None):
        raise InputError("--reference is for a clip, with a local model, and without --size")
    one_thread_per_operation()
    if len(input) == 2:
        if format != "flo" or size is not None:
            raise InputError("--format and --size are for a clip; the suffix of --out names the format")
        check_flow_path(out)
        if picture:
            check_picture_path(picture)
        names = str(input[0]), str(input[1])
        estimate = _estimator(model, server, face, bool(uncertainty), names)
        _pair(*input, out, estimate, picture, uncertainty)
    elif picture or uncertainty:
        raise InputError("--picture and --uncertainty are for a pair; a clip gets flow.mp4")
    elif out.is_file():
        raise InputError(f"{out}: is a file; name a new folder for the flow of a clip")
    elif reference is not None:
        _from_reference(input[0], out, model, reference, f".{format}", yes)
    else:
        _clip(input[0], out, _estimator(model, server, face), f".{format}", size, yes)


def _estimator(
    model: str | None,
    server: str | None,
    face: bool,
    with_uncertainty: bool = False,
    names: tuple[str, str] = ("frame 1", "frame 2"),
):
    """Return a function (frame1, frame2) -> `EstimatedFlow`, local or on a server."""
    from keras_models.inference.estimators import dense, get_estimator
    from keras_models.inference.frame_flow import in_face_crop, in_whole_frame
    from keras_models.inference.uncertainty import dense_with_uncertainty, get_uncertain_estimator
    from keras_models.presets import DEFAULT

    if server is None:
        method = (get_uncertain_estimator if with_uncertainty else get_estimator)(model or DEFAULT)
    else:
        from serving.client import FaceFlowClient

        ask = FaceFlowClient(server).flow
        if with_uncertainty:
            method = dense_with_uncertainty(lambda *frames: ask(*frames, return_uncertainty=True))
        else:
            method = dense(ask)
    return in_face_crop(method, names=names) if face else in_whole_frame(method)


def _pair(
    path1: Path, path2: Path, out: Path, estimate, picture: Path | None, uncertainty: Path | None
) -> None:
    from pipelines.errors import naming
    from pipelines.io.flow_io import write_flow
    from pipelines.io.images import read_images, write_image

    with naming(path1, path2):
        estimated = estimate(*read_images([path1, path2]))
    if estimated.faces > 1:
        say(f"{estimated.faces} faces; the largest is taken")
    write_flow(out, estimated.flow, estimated.valid)
    if uncertainty:
        _write_uncertainty(uncertainty, estimated)
    if picture:
        write_image(picture, estimated.panel())


def _write_uncertainty(path: Path, estimated) -> None:
    import numpy as np

    from pipelines.files import replacing
    from pipelines.io.images import write_image
    from pipelines.visualization.flow_pictures import uncertainty_map

    if path.suffix == ".png":
        write_image(path, uncertainty_map(estimated.uncertainty, estimated.valid))
        return
    values = np.where(estimated.valid, estimated.uncertainty, np.float32(np.nan))
    with replacing(path) as part, part.open("wb") as file:
        np.savez_compressed(file, uncertainty=values)


def _clip(clip: Path, out: Path, estimate, suffix: str, size: int | None, yes: bool) -> None:
    from keras_models.inference.clip_flow import write_clip_flow

    with gauge("flow") as show:
        came_to = write_clip_flow(clip, out, estimate, suffix=suffix, size=size, unlimited=yes, progress=show)
    _report(clip, out, came_to)


def _from_reference(clip: Path, out: Path, model: str | None, reference: int, suffix: str, yes: bool) -> None:
    from keras_models.inference.estimators import get_estimator
    from keras_models.inference.reference_flow import write_reference_flow
    from keras_models.presets import DEFAULT

    with gauge("flow") as show:

        def on_step(step: str, done: int, total: int) -> None:
            show(done if step == "landmarks" else total + done, 2 * total)

        came_to = write_reference_flow(
            clip, out, get_estimator(model or DEFAULT), reference, suffix=suffix, unlimited=yes,
            progress=on_step,
        )  # fmt: skip
    _report(clip, out, came_to)


def _report(clip: Path, out: Path, came_to) -> None:
    from keras_models.inference.clip_flow import INCOMPLETE
    from pipelines.errors import InputError

    if came_to.failure:
        raise InputError(f"{came_to.failure}; {came_to.flows} flows are in {out}, see {INCOMPLETE} there")
    if report := came_to.report():
        say(f"{clip}: {report}")
    say(f"{out}: {came_to.flows} flows and flow.mp4")
