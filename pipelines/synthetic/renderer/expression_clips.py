"""Clips of rendered subjects: expressions that rise and fall on a face that is never quite still."""

from dataclasses import dataclass, replace

import numpy as np

from pipelines.synthetic.renderer.appearance.backgrounds import draw_background
from pipelines.synthetic.renderer.appearance.skin import level_for
from pipelines.synthetic.renderer.geometry.facial_expression import COLUMNS, Expression, expression
from pipelines.synthetic.renderer.geometry.identity import draw_identity
from pipelines.synthetic.renderer.imaging.camera import Pose
from pipelines.synthetic.renderer.imaging.photometry import Sensor, apply_sensor
from pipelines.synthetic.renderer.person import NECK_PIVOT
from pipelines.synthetic.renderer.sampling import draw_light, draw_view, scale_to_peak
from pipelines.synthetic.renderer.scene import SAMPLES, Scene, make_actor

_BLINK_SECONDS = 0.24
_BLINKS_REPEAT = 300.0  # seconds
_SWAYS = 3  # sinusoids that add up to the drift of the head


@dataclass(frozen=True, eq=False)
class Subject:
    """A person in front of a laboratory's camera, and how that person behaves.

    Attributes:
        rest: the frame in which nothing happens.
        sensor: the camera.
        strength: factor on the size of the subject's expressions, about 1.
        restless: drift of the head, pixels at 256 x 256.
        blinks: blinks a second.
        seed: seed of everything random that the subject does.
    """

    rest: Scene
    sensor: Sensor
    strength: float
    restless: float
    blinks: float
    seed: int


@dataclass(frozen=True, eq=False)
class Event:
    """One expression: it rises from onset to apex and is gone at the offset (frame numbers)."""

    units: np.ndarray
    onset: int
    apex: int
    offset: float

    def level(self, frame: float) -> float:
        """Share of the apex reached at a frame: 0 outside, smooth inside."""
        if frame <= self.onset or frame >= self.offset:
            return 0.0
        rising = frame <= self.apex
        t = (frame - self.onset) / max(self.apex - self.onset, 1)
        t = t if rising else (self.offset - frame) / max(self.offset - self.apex, 1)
        return float(t * t * (3 - 2 * t))


def draw_subject(
    seed: int, number: int, shape: tuple[int, int], *, grey: bool = False, plain: bool = True
) -> Subject:
    """Draw subject `number` of a corpus.

    Args:
        seed: seed of the corpus.
        number: number of the subject.
        shape: (height, width) of the pictures.
        grey: whether the camera sees no colour.
        plain: whether the background is a laboratory's wall rather than any picture.
    """
    rng = np.random.default_rng([seed, number])
    actor = make_actor(draw_identity(rng))
    camera, head = draw_view(rng, shape, turned=0.35)
    background = draw_background(rng)
    if plain:
        background = np.full((4, 4, 3), rng.uniform(0.1, 0.5), np.float32)
    light = draw_light(np.random.default_rng([seed, 999])) if plain else draw_light(rng)
    texels = (background.shape[0] - 1) / max(shape)
    rest = Scene(
        actor=actor,
        state=Expression(np.zeros(len(COLUMNS)), tuple(rng.normal(0, (3, 2)).tolist())),
        head=head,
        torso=Pose((0.0, 0.0, 0.0), head.position, NECK_PIVOT),
        camera=camera,
        light=light,
        exposure=float(np.exp(rng.normal(0, 0.08))),
        background=background,
        background_map=np.array([[texels, 0, 0], [0, texels, 0]]),
        level=level_for(camera.focal / head.position[2]),
        size=shape,
    )
    return Subject(
        rest=rest,
        sensor=Sensor(noise=float(rng.uniform(0.6, 2.0)), grain=0.45, blur=0.4, grey=grey, quality=92),
        strength=float(np.exp(rng.normal(0, 0.3))),
        restless=float(rng.gamma(2.0, 0.3)),
        blinks=float(rng.uniform(0.08, 0.4)),
        seed=int(rng.integers(1 << 31)),
    )


def micro(subject: Subject, units: np.ndarray, peak: float) -> np.ndarray:
    """Intensities of an expression that moves the skin by at most `peak` pixels (at 256 x 256)."""
    target = Expression(np.clip(units, 0, 1), subject.rest.state.gaze)
    unit = min(subject.rest.size) / 256
    return scale_to_peak(subject.rest, target, peak * unit).units


def frame_at(subject: Subject, events: tuple[Event, ...], clip: int, frame: int, rate: float) -> Scene:
    """What there is to see at one frame.

    Args:
        subject: person who is seen.
        events: what the subject does on purpose.
        clip: number of the clip, so that idle motion differs between clips.
        frame: number of the frame.
        rate: frames a second.
    """
    rng = np.random.default_rng([subject.seed, clip])
    seconds = frame / rate
    units = np.zeros(len(COLUMNS))
    for event in events:
        units = np.maximum(units, event.level(frame) * event.units)
    # Blinks from half a minute before the first frame on; after five minutes they come round again.
    gaps = rng.exponential(1 / subject.blinks, 400)
    since = seconds % _BLINKS_REPEAT - (np.cumsum(gaps) - 30.0)
    closed = np.clip(1 - np.abs(since / (_BLINK_SECONDS / 2) - 1), 0, 1).max()
    units = np.maximum(units, closed * expression(AU43=1).units)

    frequency = rng.uniform(0.1, 0.7, (_SWAYS, 6))
    phase = rng.uniform(0, 2 * np.pi, (_SWAYS, 6))
    sway = np.sin(2 * np.pi * frequency * seconds + phase).sum(axis=0) / _SWAYS
    first = subject.rest
    pixels_per_cm = first.camera.focal / first.head.position[2] * 256 / min(first.size)
    cm = subject.restless / pixels_per_cm
    angles = np.array(first.head.angles) + sway[:3] * np.rad2deg(cm / 10)
    head = Pose(tuple(angles.tolist()), first.head.position + sway[3:] * cm, NECK_PIVOT)
    torso = replace(first.torso, position=first.torso.position + 0.5 * sway[3:] * cm)
    return replace(first, state=Expression(units, first.state.gaze), head=head, torso=torso)


def photograph(subject: Subject, frame: Scene, clip: int, number: int) -> np.ndarray:
    """Take one picture of a clip: uint8 [H, W, 3]."""
    rng = np.random.default_rng([subject.seed, clip, number])
    return apply_sensor(frame.render(frame.rasterise(SAMPLES)), subject.sensor, rng)
