"""Everything that one frame shows, and the picture of it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipelines.synthetic.renderer.appearance.eye_texture import EYE_SPAN, eye_texture
from pipelines.synthetic.renderer.appearance.materials import Looks
from pipelines.synthetic.renderer.appearance.noise import strands
from pipelines.synthetic.renderer.appearance.skin import levels, skin_texture
from pipelines.synthetic.renderer.geometry.eyes import BALL_RADIUS, IRIS_RADIUS
from pipelines.synthetic.renderer.geometry.facial_expression import Expression
from pipelines.synthetic.renderer.geometry.identity import Identity
from pipelines.synthetic.renderer.imaging.camera import Camera, Pose
from pipelines.synthetic.renderer.imaging.light import Light
from pipelines.synthetic.renderer.imaging.painting import paint
from pipelines.synthetic.renderer.imaging.raster import Hits, rasterise
from pipelines.synthetic.renderer.person import FACE_POINTS, Person, make_person

SAMPLES = 2  # per pixel along each axis


@dataclass(frozen=True, eq=False)
class Actor:
    """A person with everything painted that stays the same from frame to frame."""

    person: Person
    looks: Looks


def make_actor(identity: Identity) -> Actor:
    """Build and paint a person."""
    frames = np.full(3, identity.glasses[4] if identity.glasses else 0.0)
    tones = [_linear(colour) for colour in (identity.skin, identity.hair, identity.cloth, frames)]
    looks = Looks(
        skin=levels(skin_texture(identity)),
        eye=eye_texture(identity, IRIS_RADIUS / BALL_RADIUS),
        strands=strands(),
        tones=np.stack(tones).astype(np.float32),
        clothes=(*identity.neckline, *identity.pattern),
        gloss=identity.gloss,
        eye_span=EYE_SPAN,
    )
    return Actor(make_person(identity), looks)


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of an actor before the camera.

    Attributes:
        actor: who.
        state: the face's expression.
        head: pose of the head; `torso` of the shoulders.
        camera: the camera.
        light: the light.
        exposure: factor on all light.
        background: float32 [h, w, 3], linear light.
        background_map: float64 [2, 3], takes (x, y, 1) in pixels to texels of the background.
        level: of detail of the skin, see `skin.level_for`.
        size: (height, width) in pixels.
    """

    actor: Actor
    state: Expression
    head: Pose
    torso: Pose
    camera: Camera
    light: Light
    exposure: float
    background: np.ndarray
    background_map: np.ndarray
    level: int
    size: tuple[int, int]

    @cached_property
    def parts(self) -> tuple[np.ndarray, np.ndarray]:
        """Vertices in the head's frame and the irises' landmarks: see `Person.parts`."""
        return self.actor.person.parts(self.state)

    @cached_property
    def vertices(self) -> np.ndarray:
        """Vertices before the camera, float64 [V, 3] cm."""
        return self.actor.person.place(self.parts[0], self.head, self.torso)

    @cached_property
    def landmarks(self) -> np.ndarray:
        """Face Mesh's points in the picture, float32 [478, 2]."""
        points = np.concatenate([self.vertices[:FACE_POINTS], self.head(self.parts[1])])
        return self.camera.project(points).astype(np.float32)

    def hits(self, samples: int) -> Hits:
        """What is seen, at `samples` points per pixel along each axis."""
        person = self.actor.person
        return rasterise(
            self.camera.project(self.vertices),
            np.ascontiguousarray(self.vertices[:, 2]),
            person.surface.triangles,
            person.surface.sheer,
            person.surface.cover,
            self.actor.looks.strands,
            self.size,
            samples,
        )

    def picture(self, hits: Hits) -> np.ndarray:
        """Paint it, given `hits(SAMPLES)`: float32 [H, W, 3], sRGB 0-255."""
        person = self.actor.person
        return paint(
            hits, SAMPLES, self.vertices, person.surface, self.actor.looks, self.light, self.exposure,
            self.level, self.head.rotation(), self.background, self.background_map,
        )  # fmt: skip


def _linear(colour: np.ndarray) -> np.ndarray:
    """SRGB to linear light, within 0.01."""
    return colour * colour * (0.2 + 0.8 * colour)
