"""What happens between two frames: the distribution of motion that networks see.

A *mixture* says how often each kind of motion occurs. Sizes are in pixels at 256 x 256 and scale with the
picture:

- `still`: nothing moves at all.
- `micro`: one to three units of an emotion, peak motion 0.2-2 px, the head drifts by at most half a pixel.
- `expression`: from one expression towards another, peak motion up to 14 px, the head moves up to 3 px.
- `blink`: lids close or open, the gaze jumps.
- `head`: the head turns, nods, tilts and shifts by 2-25 px, with some expression.
- `speech`: jaw and lips move, the head by up to 4 px.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from pipelines.synthetic.renderer.appearance.backgrounds import SIZE as BACKGROUND_SIZE
from pipelines.synthetic.renderer.appearance.skin import level_for
from pipelines.synthetic.renderer.geometry.facial_expression import (
    COLUMNS,
    Expression,
    expression,
    skin_vertices,
)
from pipelines.synthetic.renderer.imaging.camera import Camera, Pose
from pipelines.synthetic.renderer.imaging.light import Light
from pipelines.synthetic.renderer.person import FACE_POINTS, NECK_PIVOT
from pipelines.synthetic.renderer.posed_emotions import PROTOTYPES, draw_posed_emotion
from pipelines.synthetic.renderer.scene import Actor, Frame

#: How often each kind of motion occurs.
MIXTURES: dict[str, dict[str, float]] = {
    "default": {"still": 0.02, "micro": 0.35, "expression": 0.3, "blink": 0.08, "head": 0.15, "speech": 0.1},
    "micro": {"still": 0.05, "micro": 0.95},
    "expression": {"expression": 0.7, "blink": 0.1, "speech": 0.2},
    "head": {"head": 1.0},
}

_REFERENCE = 256.0
_FACE_WIDTH = 14.2  # cm
_MOUTH_UNITS = ("AU12", "AU16", "AU17", "AU18", "AU20", "AU23", "AU24", "AU25", "AU26")


@dataclass(frozen=True, eq=False)
class Shot:
    """Two frames of the same actor, and what the draw was.

    Attributes:
        frames: frame 1 and frame 2.
        kind: of motion.
        ground: float64 [2, 3], the background's displacement as an affine function of (x, y, 1), pixels.
    """

    frames: tuple[Frame, Frame]
    kind: str
    ground: np.ndarray


def draw_light(rng: np.random.Generator) -> Light:
    """Draw a light: anything from a soft room to a hard lamp at the side."""
    warm = np.array([1 + 0.08 * rng.standard_normal(), 1.0, 1 + 0.08 * rng.standard_normal()])
    hardness = rng.beta(1.6, 2)
    around, above = rng.normal(0, 0.7), rng.uniform(-0.15, 1.0)
    direction = np.array([np.sin(around), -above, -np.cos(around)])
    other = np.array([-np.sin(around) + rng.normal(0, 0.4), rng.uniform(-0.6, 0.2), -1.0])
    ambient = 0.75 - 0.45 * hardness
    return Light(
        key=(0.35 + 0.7 * hardness) * warm,
        key_direction=direction,
        fill=rng.uniform(0.05, 0.35) * warm[::-1],
        fill_direction=other,
        sky=ambient * (1 + 0.06 * rng.standard_normal(3)),
        ground=ambient * rng.uniform(0.45, 0.8) * np.array([1.05, 1, 0.93]),
        shadow=rng.uniform(0.4, 0.95),
    )


def vary_light(light: Light, rng: np.random.Generator) -> Light:
    """A light that moved or flickered a little."""
    flicker = 1 + 0.05 * rng.standard_normal()
    return Light(
        light.key * flicker, light.key_direction + rng.normal(0, 0.08, 3), light.fill, light.fill_direction,
        light.sky * (1 + 0.02 * rng.standard_normal()), light.ground, light.shadow,
    )  # fmt: skip


def draw_view(rng: np.random.Generator, shape: tuple[int, int], turned: float = 1.0) -> tuple[Camera, Pose]:
    """Draw how a face is framed: the camera, and the head's pose in frame 1.

    Args:
        rng: decides.
        shape: (height, width) of the picture in pixels.
        turned: how far the head may look aside; 1 is up to 32 degrees, 0 faces the camera.
    """
    size = min(shape)
    distance = float(np.exp(rng.uniform(np.log(50), np.log(160))))
    scale = size * rng.uniform(0.42, 0.68) / _FACE_WIDTH
    camera = Camera(scale * distance, ((shape[1] - 1) / 2, (shape[0] - 1) / 2))
    angles = turned * np.clip(rng.normal(0, (11, 6, 5)), (-32, -16, -15), (32, 16, 15))
    shift = rng.normal(0, 0.035, 2) * size / scale
    position = np.array([shift[0], shift[1] - 2.2, distance])
    return camera, Pose(tuple(angles.tolist()), position, NECK_PIVOT)


def draw_state(rng: np.random.Generator) -> Expression:
    """Draw what a face shows at some moment: mostly little, at times a full expression."""
    units = np.zeros(len(COLUMNS))
    if rng.random() < 0.6:
        strength = rng.beta(1, 2.5)
        units = strength * draw_posed_emotion(str(rng.choice(list(PROTOTYPES))), rng)
    gaze = tuple(np.clip(rng.normal(0, (7, 4)), -18, 18).tolist())
    return Expression(units, gaze)


def draw_shot(
    actor: Actor, background: np.ndarray, rng: np.random.Generator, size: int, mixture: str, photometric: bool
) -> Shot:
    """Draw two frames of an actor.

    Args:
        actor: who.
        background: what lies behind, as `backgrounds.draw_background` gives it.
        rng: decides on everything else.
        size: of the square frames, pixels.
        mixture: a key of `MIXTURES`.
        photometric: whether light and exposure may change between the frames.
    """
    kinds = MIXTURES[mixture]
    kind = str(rng.choice(list(kinds), p=np.array(list(kinds.values())) / sum(kinds.values())))
    camera, head = draw_view(rng, (size, size))
    torso = Pose((0.3 * head.angles[0], 0.0, 0.2 * head.angles[2]), head.position, NECK_PIVOT)
    light, exposure = draw_light(rng), float(np.exp(rng.normal(0.0, 0.16)))
    scale = rng.uniform(0.55, 0.85) * BACKGROUND_SIZE / size
    corner = (BACKGROUND_SIZE - scale * size) * rng.uniform(0.25, 0.75, 2)
    ground_map = np.array([[scale, 0, corner[0]], [0, scale, corner[1]]])
    level = level_for(camera.focal / head.position[2])
    first = Frame(
        actor,
        draw_state(rng),
        head,
        torso,
        camera,
        light,
        exposure,
        background,
        ground_map,
        level,
        (size, size),
    )
    if kind == "still":
        return Shot((first, first), kind, np.zeros((2, 3)))

    unit = size / _REFERENCE
    state, travel = _next_state(first, kind, rng, unit)
    head2, torso2, camera2 = _move_head(first, travel, rng)
    ground = _move_ground(rng, size, kind)
    if photometric and rng.random() < 0.5:
        light, exposure = vary_light(light, rng), exposure * float(1 + 0.03 * rng.standard_normal())
    second = replace(
        first, state=state, head=head2, torso=torso2, camera=camera2, light=light, exposure=exposure,
        background_map=_follow(ground_map, ground),
    )  # fmt: skip
    return Shot((first, second), kind, ground)


def _next_state(frame: Frame, kind: str, rng: np.random.Generator, unit: float) -> tuple[Expression, float]:
    """The second frame's expression, and by how many pixels the head moves."""
    old = frame.state
    emotion = draw_posed_emotion(str(rng.choice(list(PROTOTYPES))), rng)
    gaze = tuple((np.array(old.gaze) + rng.normal(0, 1.0, 2) * (rng.random() < 0.3)).tolist())
    if kind == "micro":
        few = rng.random(len(COLUMNS)) < 0.75
        few |= not (emotion * few).any()  # at least one unit acts
        target = Expression(np.clip(old.units + emotion * few, 0, 1), old.gaze)
        peak = np.exp(rng.uniform(np.log(0.2), np.log(2.0))) * unit
        return scaled_to_peak(frame, target, peak), rng.uniform(0, 0.5) * (rng.random() < 0.7) * unit
    if kind == "expression":
        target = Expression(emotion if rng.random() < 0.7 else 0.3 * old.units, gaze)
        return scaled_to_peak(frame, target, rng.uniform(2, 14) * unit), rng.exponential(0.8) * unit
    if kind == "blink":
        closing = expression(AU43=rng.uniform(0.3, 1)).units
        gaze = tuple(np.clip(np.array(gaze) + rng.normal(0, (7, 4)), -20, 20).tolist())
        shut = old.units if rng.random() < 0.3 else np.maximum(old.units, closing)
        return Expression(shut, gaze), rng.exponential(0.5) * unit
    if kind == "speech":
        units = old.units.copy()
        for name in rng.choice(_MOUTH_UNITS, 3, replace=False):
            change = expression(**{name: rng.uniform(0.1, 0.8)}).units
            units = np.clip(np.maximum(0.6 * units, change), 0, 1)
        return scaled_to_peak(frame, Expression(units, gaze), rng.uniform(1, 10) * unit), rng.exponential(
            1.3
        ) * unit
    target = Expression(old.units + rng.random() * 0.6 * (emotion - old.units), gaze)
    return target, np.exp(rng.uniform(np.log(2), np.log(25))) * unit


def peak_motion(frame: Frame, state: Expression) -> float:
    """The largest motion of a landmark of the skin when the expression changes to `state`, pixels."""
    person = frame.actor.person
    moved = frame.head(skin_vertices(person.rest, person.eyes, state)[:FACE_POINTS])
    before = frame.camera.project(frame.vertices[:FACE_POINTS])
    return float(np.hypot(*(frame.camera.project(moved) - before).T).max())


def scaled_to_peak(frame: Frame, target: Expression, peak: float) -> Expression:
    """Go from the frame's expression towards another one until the peak motion is `peak` pixels, at most."""
    old, change = frame.state, target.units - frame.state.units
    share, looked = 1.0, np.array(target.gaze) - old.gaze
    for _ in range(2):  # motion is nearly proportional to intensity
        reached = peak_motion(frame, Expression(old.units + share * change, tuple(old.gaze + share * looked)))
        if reached < 1e-6 or (share == 1.0 and reached <= peak):
            break
        share = min(1.0, share * peak / reached)
    return Expression(old.units + share * change, tuple((np.array(old.gaze) + share * looked).tolist()))


def _move_head(frame: Frame, travel: float, rng: np.random.Generator) -> tuple[Pose, Pose, Camera]:
    """Move head, shoulders and camera so that the face's middle third travels about `travel` pixels."""
    if travel <= 0:
        return frame.head, frame.torso, frame.camera
    angles = rng.normal(0, (3.0, 2.0, 2.5)) * (rng.random(3) < 0.7)
    shift = rng.normal(0, (0.7, 0.5, 1.5)) * (rng.random(3) < 0.7)
    zoom = rng.normal(0, 0.02) * (rng.random() < 0.2)
    if not (angles.any() or shift.any() or zoom):
        shift[0] = 0.7
    points = frame.vertices[:FACE_POINTS:9]
    before = frame.camera.project(points)

    def moved(share: float) -> tuple[Pose, Camera]:
        turned = tuple((np.array(frame.head.angles) + share * angles).tolist())
        camera = Camera(frame.camera.focal * (1 + share * zoom), frame.camera.centre)
        return Pose(turned, frame.head.position + share * shift, frame.head.pivot), camera

    share = 1.0
    for _ in range(2):
        pose, camera = moved(share)
        after = camera.project(pose(frame.parts[0][:FACE_POINTS:9]))
        length = float(np.hypot(*(after - before).T).mean())
        share *= travel / max(length, 1e-6)
        share = min(share, 6.0)
    pose, camera = moved(share)
    torso = Pose(
        frame.torso.angles, frame.torso.position + rng.uniform(0, 0.8) * share * shift, frame.torso.pivot
    )
    return pose, torso, camera


def _move_ground(rng: np.random.Generator, size: int, kind: str) -> np.ndarray:
    """How the background moves: mostly not at all, at times as behind a moving camera."""
    if rng.random() < (0.75 if kind == "micro" else 0.5):
        return np.zeros((2, 3))
    unit = size / _REFERENCE
    shift = rng.normal(0, 1, 2) * np.exp(rng.uniform(np.log(0.1), np.log(6))) * unit
    stretch, turn = rng.normal(0, 0.012), rng.normal(0, 0.008)
    linear = np.array([[stretch, -turn], [turn, stretch]])
    middle = np.full(2, (size - 1) / 2)
    return np.column_stack([linear, shift - linear @ middle])


def _follow(ground_map: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """The map of frame 2: a pixel shows what was `ground` away in frame 1."""
    back = cv2.invertAffineTransform(ground + np.eye(2, 3))
    return ground_map @ np.vstack([back, [0, 0, 1]])
