"""Animation of the README: rendered faces, the flow estimated by the shipped network, and the true flow.

Run `python -m benchmarks.pictures.moving_picture docs/pictures`; it writes `motion.webp`.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

_PEOPLE = (  # seed, number of the subject, emotion, variant
    (3, 20, "happiness", 1),
    (3, 10, "surprise", 0),
    (3, 7, "disgust", 0),
)
_FRAMES, _RATE = 24, 12.5  # frames of a clip, frames per second
_SIZE, _SHOWN, _CAPTION = 256, 200, 20  # pixels
_PEAK = 5.0  # pixels, largest motion of the skin
_ROWS = ("rendered frames", "flow since the first frame, estimated", "true flow")


def clip(
    seed: int, number: int, emotion: str, variant: int, frames: int = _FRAMES
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Render a clip of one expression from onset to offset.

    Args:
        seed: Seed of the subjects.
        number: Number of the subject.
        emotion: Emotion, a key of `PROTOTYPES`.
        variant: Index of the variant of the emotion.
        frames: Number of frames.

    Returns:
        For each frame the camera image, uint8 [S, S, 3], and the exact flow from the first frame to it,
        float32 [S, S, 2], pixels.
    """
    from pipelines.synthetic.renderer.expression_clips import Event, draw_subject, frame_at, micro, photograph
    from pipelines.synthetic.renderer.geometry.facial_expression import expression
    from pipelines.synthetic.renderer.posed_emotions import PROTOTYPES
    from pipelines.synthetic.renderer.rendered_pair import render_scene_pair
    from pipelines.synthetic.renderer.sampling import ScenePair

    subject = draw_subject(seed, number, (_SIZE, _SIZE))
    units = micro(subject, expression(**PROTOTYPES[emotion][variant]).units, _PEAK)
    event = Event(units, onset=1, apex=frames // 2, offset=frames - 1)
    scenes = [frame_at(subject, (event,), 0, k, _RATE) for k in range(frames)]
    still = np.zeros((2, 3))  # of the background
    return [
        (
            photograph(subject, scene, 0, k),
            render_scene_pair(ScenePair((scenes[0], scene), "clip", still), None, "", {}).flow,
        )
        for k, scene in enumerate(scenes)
    ]


def pictures(frames: int = _FRAMES) -> list[np.ndarray]:
    """Return the frames of the animation, uint8 [H, W, 3], RGB."""
    from keras_models.inference.estimators import get_estimator
    from keras_models.presets import DEFAULT

    estimate = get_estimator(DEFAULT)
    columns = []
    for person in _PEOPLE:
        shown = clip(*person, frames)
        first = shown[0][0]
        columns.append([(frame, estimate(first, frame)[0], true) for frame, true in shown])
    return [_sheet([column[k] for column in columns]) for k in range(frames)]


def _sheet(people: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> np.ndarray:
    from pipelines.visualization.flow_color import flow_to_color

    rows = []
    for caption, row in zip(_ROWS, zip(*people, strict=True), strict=True):
        painted = [one if one.dtype == np.uint8 else flow_to_color(one, max_length=_PEAK) for one in row]
        tiles = [cv2.resize(one, (_SHOWN, _SHOWN), interpolation=cv2.INTER_AREA) for one in painted]
        title = np.full((_CAPTION, _SHOWN * len(tiles), 3), 255, np.uint8)
        cv2.putText(title, caption, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (30, 30, 30), 1, cv2.LINE_AA)
        rows += [title, np.hstack(tiles)]
    return np.vstack(rows)


def main(folder: Path) -> None:
    """Write the animation into a folder."""
    from PIL import Image

    first, *others = map(Image.fromarray, pictures())
    first.save(
        folder / "motion.webp",
        save_all=True,
        append_images=others,
        duration=round(1000 / _RATE),
        loop=0,
        quality=70,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
