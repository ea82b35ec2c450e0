"""`faceflow render`."""

from typing import Annotated

from tyro.conf import Positional, UseAppendAction, arg

from faceflow.arguments import Out
from faceflow.console import gauge, say


def render_pairs(
    out: Out,
    count: int,
    size: int = 256,
    seed: int = 0,
    mixture: str = "default",
    disturbance: str = "default",
    workers: int | None = None,
) -> None:
    """Render pairs of face images with exact flow, as a pair folder.

    Each pair has the flow, the flow of the head motion alone, masks (occlusion, face, regions), and
    landmarks. Existing pairs are kept: run the command again to resume, or with a larger count to add pairs.

    Args:
        out: Pair folder to write.
        count: Number of pairs.
        size: Width and height, pixels.
        seed: Random seed. Pair k of a seed is the same on every machine.
        mixture: Distribution of motion: default (everything from micro-expressions to head motion), micro,
            expression or head.
        disturbance: Photometric change between the frames: none, default (light, noise, compression), or
            exposure (as default, with a different exposure of frame 2).
        workers: Number of processes. One per core by default.
    """
    from pipelines.io.pairs import list_pairs
    from pipelines.synthetic.renderer.generate import render_pairs as render

    with gauge("render") as show:
        render(
            out,
            count,
            size=size,
            seed=seed,
            mixture=mixture,
            disturbance=disturbance,
            workers=workers,
            progress=show,
        )
    say(f"{out}: {len(list_pairs(out))} pairs")


def render_clips(
    out: Out,
    count: int,
    kind: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="KIND")] = (),
    frames: int = 90,
    rate: float = 30.0,
    size: int = 256,
    seed: int = 0,
    workers: int | None = None,
) -> None:
    """Render clips of faces with the exact flow from the first frame to every other, and their events.

    Each clip is a folder with frames/, flow/, head/, occluded/, events.csv and clip.json. Existing clips are
    kept: run the command again to resume, or with a larger count to add clips.

    Args:
        out: Folder of the clips.
        count: Number of clips.
        kind: Kind of clip: micro (micro-expressions), speech, head (turns up to 25 px), blink, hold (an
            expression that is held), mixed, or long (many events; for clips of about 400 frames). Repeat the
            option for several kinds, which alternate. By default all kinds except long.
        frames: Number of frames in each clip. Events that do not fit in are faster.
        rate: Frames per second.
        size: Width and height, pixels.
        seed: Random seed. Clip k of a seed is the same on every machine.
        workers: Number of processes. One per core by default.
    """
    from pipelines.io.clip_truth import list_clips
    from pipelines.synthetic.renderer.clip_script import KINDS
    from pipelines.synthetic.renderer.rendered_clip import render_clips as render

    options = {"frames": frames, "rate": rate, "size": size, "seed": seed, "workers": workers}
    with gauge("render") as show:
        render(out, count, kinds=kind or KINDS, progress=show, **options)
    say(f"{out}: {len(list_clips(out))} clips")


def render_corpus(
    name: Positional[Annotated[str, arg(metavar="NAME")]],
    out: Out,
    subjects: int | None = None,
    seed: int = 0,
    workers: int | None = None,
    coded_frames: bool = False,
) -> None:
    """Render a corpus of faces in the layout of a real one: folders, file names, coding sheets, quirks.

    All commands that read the real corpus read the rendered one, and no licence is needed. Existing clips are
    kept.

    Args:
        name: Corpus whose layout is used: casme2, casme3, casme_squared, dfme, fourdme, mmew, samm,
            samm_long, smic, ckplus or bp4d.
        out: Root folder of the corpus.
        subjects: Number of subjects. As many as in the real corpus by default.
        seed: Random seed. The same seed gives the same corpus.
        workers: Number of processes. One per core by default.
        coded_frames: Render only onset, apex and offset of each clip (casme2, samm, dfme and mmew).
            `evaluate expression` needs no others.
    """
    from pipelines.synthetic.rendered_corpora import render_corpus as render

    with gauge("render") as show:
        render(
            name, out, subjects=subjects, seed=seed, workers=workers, progress=show, coded_frames=coded_frames
        )
    say(f"{out}: rendered {name}")
