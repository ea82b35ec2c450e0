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
    """Render pairs of faces whose motion is known exactly, as a pair folder.

    Each pair comes with the total flow, the head's part of it, occlusion, face mask, regions and landmarks.
    Pairs that are there already are kept: an interrupted run goes on, and a larger count adds to a folder.

    Args:
        out: the pair folder.
        count: pairs in it.
        size: width and height in pixels.
        seed: pair k of a seed is the same on every machine.
        mixture: distribution of the motion, from micro-expressions to large head motion.
        disturbance: what changes beside motion: none, default (light, noise, compression), or exposure (the
            same, and the camera exposes frame 2 anew).
        workers: processes; one a core by default.
    """
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
    say(f"{out}: {count} pairs")


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

    Each clip is a folder with frames/, flow/, head/, occluded/, events.csv and clip.json. Clips that are
    there already are kept: an interrupted run goes on, and a larger count adds to a folder.

    Args:
        out: Folder of the clips.
        count: Number of clips in it.
        kind: Kind of clip; repeat the option for several, which take turns. micro (micro-expressions),
            speech, head (turns up to 25 px), blink, hold (an expression that is held), mixed. All by default.
        frames: Number of frames in each clip.
        rate: Frames per second.
        size: Width and height, pixels.
        seed: Seed of the series; clip k of a seed is the same on every machine.
        workers: Number of processes; one for each core by default.
    """
    from pipelines.synthetic.renderer.clip_script import KINDS
    from pipelines.synthetic.renderer.rendered_clip import render_clips as render

    options = {"frames": frames, "rate": rate, "size": size, "seed": seed, "workers": workers}
    with gauge("render") as show:
        render(out, count, kinds=kind or KINDS, progress=show, **options)
    say(f"{out}: {count} clips")


def render_corpus(
    name: Positional[Annotated[str, arg(metavar="NAME")]],
    out: Out,
    subjects: int | None = None,
    seed: int = 0,
    workers: int | None = None,
    coded_frames: bool = False,
) -> None:
    """Render a corpus of faces in the layout of a real one: folders, file names, coding sheets, quirks.

    What reads the real corpus reads this one, without a licence. Clips that are there already are kept.

    Args:
        name: casme2, samm, smic, ckplus or bp4d.
        out: the corpus' root folder.
        subjects: people in it; as many as in the real one by default.
        seed: the same seed gives the same corpus.
        workers: processes; one a core by default.
        coded_frames: of casme2 and samm, only onset, apex and offset of each clip: all that `evaluate
            expression` looks at.
    """
    from pipelines.synthetic.rendered_corpora import render_corpus as render

    with gauge("render") as show:
        render(
            name, out, subjects=subjects, seed=seed, workers=workers, progress=show, coded_frames=coded_frames
        )
    say(f"{out}: rendered {name}")
