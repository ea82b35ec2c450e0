"""What happens in a rendered clip, and what is to be seen at each of its frames.

Kinds of clip:

- `micro`: micro-expressions of 0.2-0.5 s with a peak of 0.5-2 px.
- `speech`: jaw and lips move for most of the clip, up to 10 px.
- `head`: the head turns, nods or tilts by 4-25 px and comes back.
- `blink`: lids close and open within 0.2-0.4 s.
- `hold`: an expression of 4-12 px rises, is held, and falls.
- `mixed`: a micro-expression, a blink and a small turn of the head, one after the other.
- `long`: a micro-expression every two seconds, and in between blinks, speech and small turns of the head.

Nothing is active in the first frame, so it is the reference of all motion. Pixels are those at 256 x 256. The
head drifts all the time, as far as the subject is restless.

References:
    Yan et al., "How fast are the leaked facial expressions: the duration of micro-expressions", Journal of
    Nonverbal Behavior 37, 2013 (a micro-expression lasts at most half a second).
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

import numpy as np

from pipelines.io.clip_truth import ClipEvent
from pipelines.synthetic.renderer.expression_clips import Subject, draw_subject, frame_at, micro
from pipelines.synthetic.renderer.geometry.facial_expression import COLUMNS, Expression, expression
from pipelines.synthetic.renderer.imaging.camera import Pose
from pipelines.synthetic.renderer.person import FACE_POINTS
from pipelines.synthetic.renderer.sampling import peak_motion
from pipelines.synthetic.renderer.scene import Scene

KINDS = ("micro", "speech", "head", "blink", "hold", "mixed")
#: Kind of a long clip, which is rendered on request only.
LONG = "long"
#: Clips in a row that show the same person.
CLIPS_PER_PERSON = 2

# What coders of micro-expression corpora found most often.
_EXPRESSIONS: tuple[tuple[str, dict[str, float]], ...] = (
    ("positive", {"AU12": 1.0}),
    ("positive", {"AU06": 0.6, "AU12": 1.0}),
    ("surprise", {"AU01": 1.0, "AU02": 1.0}),
    ("negative", {"AU04": 1.0}),
    ("negative", {"AU04": 1.0, "AU07": 0.8}),
    ("negative", {"AU14": 1.0}),
    ("negative", {"AU15": 0.8, "AU17": 1.0}),
)
_MOUTH_UNITS = ("AU12", "AU16", "AU17", "AU18", "AU20", "AU23", "AU25", "AU26")
_MICRO_EVERY = 2.0  # seconds, in a long clip
_NO_TURN = np.zeros(6)


@dataclass(frozen=True, eq=False)
class Action:
    """A movement that rises from onset to apex, is held until release, and is gone at the offset.

    Attributes:
        units: float64 [len(COLUMNS)], intensities at the apex.
        turn: float64 [6], what is added to the pose of the head: yaw, pitch, roll in degrees, and cm.
        onset: frame number; apex, release and offset likewise.
    """

    units: np.ndarray
    turn: np.ndarray
    onset: int
    apex: int
    release: int
    offset: int

    def level(self, frame: float) -> float:
        """Return the share of the apex that is reached at a frame: 0 outside, smooth inside."""
        rise = (frame - self.onset) / max(self.apex - self.onset, 1)
        fall = (self.offset - frame) / max(self.offset - self.release, 1)
        t = float(np.clip(min(rise, fall), 0, 1))
        return t * t * (3 - 2 * t)


@dataclass(frozen=True, eq=False)
class ClipScript:
    """A clip before it is rendered.

    Attributes:
        kind: one of `KINDS`.
        number: number of the clip in its series.
        frames: their count.
        rate: frames per second.
        subject: person who is seen.
        actions: what moves.
        events: what there is to find, in order of the onsets.
    """

    kind: str
    number: int
    frames: int
    rate: float
    subject: Subject
    actions: tuple[Action, ...]
    events: tuple[ClipEvent, ...]

    def at(self, number: int) -> Scene:
        """Return what there is to see at a frame."""
        frame = frame_at(self.subject, (), self.number, number, self.rate)
        units, turn = np.zeros(len(COLUMNS)), np.zeros(6)
        for action in self.actions:
            level = action.level(number)
            units = np.maximum(units, level * action.units)
            turn = turn + level * action.turn
        state = Expression(units, frame.state.gaze)
        return replace(frame, state=state, head=_turned(frame.head, turn))


def draw_clip(
    seed: int, number: int, *, kind: str | None = None, frames: int = 90, rate: float = 30.0, size: int = 256
) -> ClipScript:
    """Draw clip `number` of a series; it depends on the arguments alone.

    Args:
        seed: seed of the series.
        number: number of the clip.
        kind: one of `KINDS`, or `LONG`; by default the kinds take turns.
        frames: count of frames, at least 12.
        rate: frames per second.
        size: width and height, pixels.
    """
    kind = kind or KINDS[number % len(KINDS)]
    subject = _subject(seed, number // CLIPS_PER_PERSON, size)
    draw = _Draw(np.random.default_rng([seed, number, 9]), subject, frames, rate, size / 256)
    getattr(draw, f"_{kind}")()
    events = sorted(draw.events, key=lambda event: event.onset)
    return ClipScript(kind, number, frames, rate, subject, tuple(draw.actions), tuple(events))


@lru_cache(maxsize=2)
def _subject(seed: int, person: int, size: int) -> Subject:
    # Without blinks of its own: those of the script are events with a known time.
    return replace(draw_subject(seed, person, (size, size)), blinks=1e-9)


class _Draw:
    """Draws the actions of one clip and notes its events."""

    def __init__(self, rng: np.random.Generator, subject: Subject, frames: int, rate: float, unit: float):
        self.rng, self.subject, self.frames, self.rate, self.unit = rng, subject, frames, rate, unit
        self.actions: list[Action] = []
        self.events: list[ClipEvent] = []

    def _micro(self) -> None:
        for slot in self._slots(2):
            self._add_micro(*slot)

    def _hold(self) -> None:
        (slot,) = self._slots(1)
        label, units = self._expression()
        rise = self.rng.uniform(0.3, 0.8)
        self._add("macro", label, units, self.rng.uniform(4, 12), slot, rise, 1.2, rise)

    def _blink(self) -> None:
        for slot in self._slots(3):
            self._add_blink(*slot)

    def _head(self) -> None:
        (slot,) = self._slots(1)
        self._add_turn(np.exp(self.rng.uniform(np.log(4), np.log(25))), slot)

    def _mixed(self) -> None:
        first, second, third = self._slots(3)
        self._add_micro(*first)
        self._add_blink(*second)
        self._add_small_turn(*third)

    def _long(self) -> None:
        # Two events and the room between them take ten frames at least.
        most = int(0.8 * self.frames) // 10
        count = max(1, min(most, round(self.frames / self.rate / _MICRO_EVERY)))
        for number, (begin, end) in enumerate(self._slots(count)):
            middle = (begin + end) // 2
            self._add_micro(begin, middle)
            (self._add_blink, self._add_speech, self._add_small_turn)[number % 3](middle, end)

    def _speech(self) -> None:
        (slot,) = self._slots(1)
        self._add_speech(*slot)

    def _add_small_turn(self, begin: int, end: int) -> None:
        self._add_turn(self.rng.uniform(2, 6), (begin, end))

    def _add_speech(self, *slot: int) -> None:
        first = time = slot[0]
        most, last = 0.0, first
        while True:
            length = max(3, round(self.rng.uniform(0.15, 0.35) * self.rate))
            if last == first:  # a slot too short for a syllable has a faster one
                length = min(length, max(3, slot[1] - first))
            if time + length > slot[1]:
                break
            names = self.rng.choice(_MOUTH_UNITS, 3, replace=False)
            units = expression(**{name: self.rng.uniform(0.2, 0.9) for name in names}).units
            units = micro(self.subject, units, self.rng.uniform(2, 10))
            most = max(most, self._peak(units))
            apex = time + length // 2
            last = time + length
            self.actions.append(Action(units, _NO_TURN, time, apex, apex, last))
            # The next syllable begins before this one ends.
            time += max(2, round(0.7 * length))
        if last > first:
            self.events.append(ClipEvent("speech", "", first, (first + last) // 2, last, round(most, 3)))

    def _add_micro(self, begin: int, end: int) -> None:
        label, units = self._expression()
        rise, fall = self.rng.uniform(0.1, 0.25, 2)
        peak = np.exp(self.rng.uniform(np.log(0.5), np.log(2)))
        self._add("micro", label, units, peak, (begin, end), rise, 0.0, fall)

    def _add_blink(self, begin: int, end: int) -> None:
        close = self.rng.uniform(0.08, 0.14)
        self._add("blink", "", expression(AU43=1).units, np.inf, (begin, end), close, 0.0, 1.6 * close)

    def _add(
        self, kind: str, label: str, units: np.ndarray, peak: float, slot: tuple[int, int], *seconds: float
    ) -> None:
        """Place an action in a slot: it takes so many seconds to rise, is held, and falls.

        In a slot that is too short for it, it is faster.
        """
        rise, held, fall = (round(each * self.rate) for each in seconds)
        rise, fall = max(2, rise), max(2, fall)
        room = slot[1] - slot[0]
        if rise + fall > room:
            shorter = room / (rise + fall)
            rise, fall = max(2, int(rise * shorter)), max(2, int(fall * shorter))
        held = max(0, min(held, room - rise - fall))
        onset = slot[0] + int(self.rng.integers(0, max(1, room - rise - held - fall)))
        apex, release = onset + rise, onset + rise + held
        units = units if np.isinf(peak) else micro(self.subject, units, peak)
        self.actions.append(Action(units, _NO_TURN, onset, apex, release, release + fall))
        most = round(self._peak(units), 3)
        self.events.append(ClipEvent(kind, label, onset, (apex + release) // 2, release + fall, most))

    def _add_turn(self, travel: float, slot: tuple[int, int]) -> None:
        angles = self.rng.normal(0, (3.0, 2.0, 2.5)) * (self.rng.random(3) < 0.7)
        turn = np.concatenate([angles, self.rng.normal(0, (0.7, 0.5, 0.0))])
        turn = turn * _share(self.subject.rest, turn, travel * self.unit)
        rise, held, fall = 0.35, 0.2, 0.35  # shares of the slot
        room = slot[1] - slot[0]
        apex, release = slot[0] + max(1, int(rise * room)), slot[0] + max(1, int((rise + held) * room))
        offset = release + max(1, int(fall * room))
        self.actions.append(Action(np.zeros(len(COLUMNS)), turn, slot[0], apex, release, offset))
        middle = (apex + release) // 2
        most = round(_travel(self.subject.rest, turn), 3)
        self.events.append(ClipEvent("head", "", slot[0], middle, offset, most))

    def _expression(self) -> tuple[str, np.ndarray]:
        label, units = _EXPRESSIONS[self.rng.integers(len(_EXPRESSIONS))]
        drawn = expression(**units).units
        sides = 1 + 0.1 * self.rng.standard_normal(len(COLUMNS))
        return label, np.clip(drawn * sides, 0, 1)

    def _peak(self, units: np.ndarray) -> float:
        return peak_motion(self.subject.rest, Expression(units, self.subject.rest.state.gaze))

    def _slots(self, count: int) -> list[tuple[int, int]]:
        """Divide the clip, but for a still tenth at both ends, into stretches with some room between."""
        still = max(1, self.frames // 10)
        edges = np.linspace(still, self.frames - 1 - still, count + 1).round().astype(int).tolist()
        between = max(1, (edges[1] - edges[0]) // 10)
        return [(begin, end - between) for begin, end in pairwise(edges)]


def _turned(head: Pose, turn: np.ndarray) -> Pose:
    return Pose(tuple((np.array(head.angles) + turn[:3]).tolist()), head.position + turn[3:], head.pivot)


def _travel(frame: Scene, turn: np.ndarray) -> float:
    """Return by how many pixels the face moves in the mean."""
    points = frame.parts[0][:FACE_POINTS]
    before, after = (frame.camera.project(pose(points)) for pose in (frame.head, _turned(frame.head, turn)))
    return float(np.hypot(*(after - before).T).mean())


def _share(frame: Scene, turn: np.ndarray, travel: float) -> float:
    """Return the factor on a turn with which the face moves by `travel` pixels; at most 6."""
    share = 1.0
    for _ in range(3):  # motion is nearly proportional to the turn
        share = min(6.0, share * travel / max(_travel(frame, share * turn), 1e-6))
    return share
