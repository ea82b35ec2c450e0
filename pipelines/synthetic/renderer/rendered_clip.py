"""Rendered clips with the exact flow from their first frame to every other."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from pipelines.errors import InputError
from pipelines.files import replacing
from pipelines.io.clip_truth import ClipTruth, TrueMotion, write_clip_frame, write_clip_truth
from pipelines.landmarks.face_mesh import face_mask, region_map
from pipelines.synthetic.renderer.appearance.materials import Material
from pipelines.synthetic.renderer.clip_script import CLIPS_PER_PERSON, KINDS, LONG, ClipScript, draw_clip
from pipelines.synthetic.renderer.expression_clips import photograph
from pipelines.synthetic.renderer.generate import Progress, check_render_settings, parallel_map
from pipelines.synthetic.renderer.imaging.truth import ground_truth_motion
from pipelines.synthetic.renderer.scene import SAMPLES

_FACE_MATERIALS = (Material.SKIN, Material.EYE, Material.MOUTH, Material.TEETH)
_FEWEST_FRAMES = 12


def render_clip(script: ClipScript) -> Iterator[tuple[np.ndarray, TrueMotion | None]]:
    """Render a clip frame by frame.

    Args:
        script: what happens, as `draw_clip` draws it.

    Yields:
        The frame, uint8 [H, W, 3], RGB, and the motion from the first frame to it, None for the first.

    Examples:
        >>> from pipelines.synthetic.renderer.clip_script import draw_clip
        >>> frames = render_clip(draw_clip(0, 0, kind="micro", frames=12, size=64))
        >>> _ = next(frames)
        >>> frame, truth = next(frames)
        >>> truth.flow.shape
        (64, 64, 2)
    """
    first = script.at(0)
    person, strands = first.actor.person, first.actor.appearance.strands
    centres, still = first.rasterise(1), np.zeros((2, 3))
    for number in range(script.frames):
        frame = script.at(number)
        # The sensor's noise is that of the subject, the clip and the frame.
        picture = photograph(script.subject, frame, script.number, number)
        if number == 0:
            yield picture, None
            continue
        rigid = person.place(first.parts[0], frame.head, frame.torso)
        truth = ground_truth_motion(
            centres, person.surface, strands, (first.vertices, frame.vertices, rigid),
            (first.camera, frame.camera), still, frame.rasterise(SAMPLES), SAMPLES,
        )  # fmt: skip
        yield picture, TrueMotion(truth.flow, truth.head, truth.occluded)


def photographs(script: ClipScript) -> Iterator[np.ndarray]:
    """Render the frames of a clip alone, uint8 [H, W, 3], RGB, without their true motion."""
    return (
        photograph(script.subject, script.at(number), script.number, number)
        for number in range(script.frames)
    )


def write_rendered_clip(folder: Path, script: ClipScript, metadata: dict) -> None:
    """Render a clip into a folder, whole or not at all; one that is there is kept.

    Args:
        folder: folder of the clip.
        script: what happens.
        metadata: Further entries of `clip.json`.
    """
    if folder.exists():
        return
    with replacing(folder) as part:
        part.mkdir()
        for number, (picture, truth) in enumerate(render_clip(script)):
            write_clip_frame(part, number, picture, truth)
        first = script.at(0)
        surface, triangle = first.actor.person.surface, first.rasterise(1).triangle
        material = np.where(triangle < 0, 255, surface.material[triangle])
        face = face_mask(first.landmarks, first.size) & np.isin(material, _FACE_MATERIALS)
        regions = np.where(face, region_map(first.landmarks, first.size), 0).astype(np.uint8)
        landmarks = np.stack([script.at(number).landmarks for number in range(script.frames)])
        truth = ClipTruth(part, script.kind, script.rate, face, regions, landmarks, script.events)
        write_clip_truth(truth, metadata)


def render_clips(
    folder: Path | str,
    count: int,
    *,
    kinds: tuple[str, ...] = KINDS,
    frames: int = 90,
    rate: float = 30.0,
    size: int = 256,
    seed: int = 0,
    workers: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Render clips 0 to count - 1 of a series into a folder, each a clip folder (`io.clip_truth`).

    Clips that are there already are kept, so that a run that was interrupted goes on where it stopped, and a
    larger `count` adds to a folder.

    Args:
        folder: folder to write.
        count: how many clips the folder holds in the end.
        kinds: kinds of clips, which take turns; see `clip_script.KINDS`.
        frames: count of frames in each clip.
        rate: frames per second.
        size: width and height, pixels.
        seed: seed of the series.
        workers: processes; one for each core by default.
        progress: called with the number of clips done and the number of all.

    Raises:
        InputError: for a count, size, rate or kind that makes no sense, or a folder of other settings.
    """
    if count < 1 or size < 32 or frames < _FEWEST_FRAMES:
        raise InputError(
            f"cannot render {count} clips of {frames} frames of {size}x{size} pixels; at least 1 of "
            f"{_FEWEST_FRAMES} frames of 32x32"
        )
    if not 0 < rate < np.inf:
        raise InputError(f"rate {rate:g}: a clip has more than 0 frames per second")
    if unknown := [kind for kind in kinds if kind not in (*KINDS, LONG)] or ([] if kinds else ["none"]):
        raise InputError(f"unknown kind of clip {unknown[0]!r}; use one of: {', '.join((*KINDS, LONG))}")
    folder = Path(folder)
    options = {"frames": frames, "rate": rate, "size": size}
    check_render_settings(folder, {"seed": seed, "clips": list(kinds), **options})
    job = partial(_render_one, folder, seed, kinds, options)
    for done, _ in enumerate(parallel_map(job, range(count), workers, CLIPS_PER_PERSON), start=1):
        if progress:
            progress(done, count)


def _render_one(folder: Path, seed: int, kinds: tuple[str, ...], options: dict, number: int) -> None:
    script = draw_clip(seed, number, kind=kinds[number % len(kinds)], **options)
    write_rendered_clip(folder / f"{number:05d}", script, {"seed": seed, "clip": number})
