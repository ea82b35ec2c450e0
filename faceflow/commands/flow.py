"""`faceflow flow`."""

from collections.abc import Iterator
from itertools import chain, pairwise
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from faceflow.arguments import Out
from faceflow.console import progress, say


def flow(
    input: Positional[Annotated[tuple[Path, ...], arg(metavar="FRAME1 FRAME2 | CLIP")]],
    out: Out,
    model: Annotated[str | None, arg(metavar="PRESET|RUN|METHOD")] = None,
    server: Annotated[str | None, arg(metavar="HOST:PORT")] = None,
    picture: Path | None = None,
    face: bool = False,
) -> None:
    """Estimate the flow of a pair of frames, or of every frame of a clip to the next.

    A pair gives one flow file. A clip (a video, or a folder of pictures) gives a folder with 00000.flo,
    00001.flo, ... and flow.mp4, the frames beside their flow in colour.

    Args:
        input: two pictures of one size, or one clip.
        out: the flow file of a pair (.flo, .png for KITTI, .npz), or the folder for a clip.
        model: name of a preset, folder of a training run or SavedModel, or a classical method (dis_fine,
            deepflow, ...). By default the network that comes with FaceFlow.
        server: ask this server (faceflow serve) in place of a local model.
        picture: for a pair: also write a PNG with the frames, the flow in colour, and arrows.
        face: estimate in a crop around the face, as networks are trained; elsewhere the flow is unknown.
            Where the face moves far, its landmarks say how, and the rest is estimated. The picture then shows
            the crop, and how parts of the face move against the face as a whole.
    """
    from pipelines.errors import InputError
    from pipelines.files import check_outputs
    from pipelines.io.flow_io import check_flow_path
    from pipelines.io.images import check_picture_path

    if len(input) not in (1, 2):
        raise InputError(f"two frames or one clip are needed, not {len(input)} inputs")
    if model and server:
        raise InputError("one estimates, not two: --model PRESET|RUN|METHOD or --server HOST:PORT")
    check_outputs(out, picture, inputs=input)
    if len(input) == 2:
        check_flow_path(out)
        if picture:
            check_picture_path(picture)
        _pair(*input, out, _estimator(model, server, face), picture)
    elif picture:
        raise InputError("--picture is for a pair; a clip gets flow.mp4")
    else:
        _clip(input[0], out, _estimator(model, server, face))


def _estimator(model: str | None, server: str | None, face: bool):
    """Return a function (frame1, frame2) -> `FaceFlow` of whoever is to estimate."""
    from keras_models.inference.estimators import dense, get_estimator
    from keras_models.inference.frame_flow import in_face_crop, in_whole_frame
    from keras_models.presets import DEFAULT

    if server is None:
        method = get_estimator(model or DEFAULT)
    else:
        from serving.client import FaceFlowClient

        method = dense(FaceFlowClient(server).flow)
    return in_face_crop(method) if face else in_whole_frame(method)


def _pair(path1: Path, path2: Path, out: Path, estimate, picture: Path | None) -> None:
    from pipelines.errors import InputError
    from pipelines.io.flow_io import write_flow
    from pipelines.io.images import read_images, write_image

    try:
        estimated = estimate(*read_images([path1, path2]))
    except InputError as error:
        raise InputError(f"{path1}, {path2}: {error}") from error
    if estimated.faces > 1:
        say(f"{estimated.faces} faces; the largest is taken")
    write_flow(out, estimated.flow, estimated.valid)
    if picture:
        write_image(picture, estimated.panel())


def _clip(clip: Path, out: Path, estimate) -> None:
    import numpy as np

    from pipelines.errors import InputError
    from pipelines.files import replacing
    from pipelines.io.flow_io import write_flow
    from pipelines.io.video import frame_rate, read_frames, write_video
    from pipelines.visualization.flow_color import flow_to_color

    if out.is_file():
        raise InputError(f"{out}: is a file; name a new folder for the flow of a clip")
    with replacing(out) as part, progress("flow", None) as step:
        part.mkdir()

        def pictures() -> Iterator[np.ndarray]:
            for number, (frame1, frame2) in enumerate(pairwise(read_frames(clip))):
                estimated = estimate(frame1, frame2)
                write_flow(part / f"{number:05d}.flo", estimated.flow, estimated.valid)
                step(number)
                yield np.hstack([frame1, flow_to_color(estimated.flow, estimated.valid)])

        shown = pictures()
        first = next(shown, None)
        if first is None:
            raise InputError(f"{clip}: a clip of one frame has no flow")
        count = write_video(part / "flow.mp4", chain([first], shown), frame_rate(clip))
    say(f"{out}: {count} flows and flow.mp4")
