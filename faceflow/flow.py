"""`faceflow flow`."""

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from faceflow.arguments import Out
from faceflow.console import progress, say


def flow(
    input: Positional[Annotated[tuple[Path, ...], arg(metavar="FRAME1 FRAME2 | CLIP")]],
    out: Out,
    model: Annotated[str | None, arg(metavar="RUN|METHOD")] = None,
    server: Annotated[str | None, arg(metavar="HOST:PORT")] = None,
    picture: Path | None = None,
) -> None:
    """Estimate the flow of a pair of frames, or of every frame of a clip to the next.

    A pair gives one flow file. A clip (a video, or a folder of pictures) gives a folder with 00000.flo,
    00001.flo, ... and flow.mp4, the frames beside their flow in colour.

    Args:
        input: two pictures of one size, or one clip.
        out: the flow file of a pair (.flo, .png for KITTI, .npz), or the folder for a clip.
        model: folder of a training run or SavedModel, or a classical method (dis_fine, deepflow, ...).
        server: ask this server (faceflow serve) in place of a local model.
        picture: for a pair: also write a PNG with the frames, the flow in colour, and arrows.
    """
    from pipelines.errors import InputError

    if len(input) not in (1, 2):
        raise InputError(f"two frames or one clip are needed, not {len(input)} inputs")
    if (model is None) == (server is None):
        raise InputError("say who is to estimate: --model RUN|METHOD, or --server HOST:PORT")
    if len(input) == 2:
        _pair(*input, out, model, server, picture)
    else:
        _clip(input[0], out, model, server)


def _estimator(model: str | None, server: str | None):
    """Return a function (frame1, frame2) -> (flow, valid) of whoever is to estimate."""
    from keras_models.methods import dense, open_method

    if server is None:
        return open_method(model)
    from serving.client import FaceFlowClient

    return dense(FaceFlowClient(server).flow)


def _pair(path1: Path, path2: Path, out: Path, model: str | None, server: str | None, picture: Path | None):
    from pipelines.files import read_image, write_image
    from pipelines.flow_files import check_flow_path, write_flow
    from pipelines.pictures import flow_panel

    check_flow_path(out)
    frame1, frame2 = read_image(path1), read_image(path2)
    estimated, valid = _estimator(model, server)(frame1, frame2)
    write_flow(out, estimated, valid)
    if picture:
        write_image(picture, flow_panel(frame1, frame2, estimated, valid))


def _clip(clip: Path, out: Path, model: str | None, server: str | None) -> None:
    from itertools import pairwise

    import numpy as np

    from pipelines.clips import frame_rate, read_frames, write_video
    from pipelines.errors import InputError
    from pipelines.files import replacing
    from pipelines.flow_colour import flow_to_colour
    from pipelines.flow_files import write_flow

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: exists already; name a new folder for the flow of a clip")
    estimate = _estimator(model, server)
    with replacing(out) as part, progress("flow", None) as step:
        part.mkdir()

        def pictures():
            for number, (frame1, frame2) in enumerate(pairwise(read_frames(clip))):
                estimated, valid = estimate(frame1, frame2)
                write_flow(part / f"{number:05d}.flo", estimated, valid)
                step(f"frame {number}")
                yield np.hstack([frame1, flow_to_colour(estimated, valid)])

        count = write_video(part / "flow.mp4", pictures(), frame_rate(clip))
    say(f"{out}: {count} flows and flow.mp4")
