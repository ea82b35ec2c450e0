"""A scene, which is all that one rendered frame shows, and its rendering."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipelines.synthetic.renderer.appearance.eye_texture import EYE_SPAN, eye_texture
from pipelines.synthetic.renderer.appearance.materials import Appearance
from pipelines.synthetic.renderer.appearance.noise import strands
from pipelines.synthetic.renderer.appearance.skin import levels, skin_texture
from pipelines.synthetic.renderer.geometry.eyes import BALL_RADIUS, IRIS_RADIUS
from pipelines.synthetic.renderer.geometry.facial_expression import Expression
from pipelines.synthetic.renderer.geometry.identity import Identity
from pipelines.synthetic.renderer.imaging.camera import Camera, Pose
from pipelines.synthetic.renderer.imaging.light import Light
from pipelines.synthetic.renderer.imaging.painting import paint
from pipelines.synthetic.renderer.imaging.raster import Fragments, rasterise
from pipelines.synthetic.renderer.person import FACE_POINTS, Person, make_person

SAMPLES = 2  # supersampling, per pixel along each axis


@dataclass(frozen=True, eq=False)
class Actor:
    """A person with its appearance: all that stays constant from frame to frame."""

    person: Person
    appearance: Appearance


def make_actor(identity: Identity) -> Actor:
    """Build the mesh and the textures of a person."""
    frames = np.full(3, identity.glasses[4] if identity.glasses else 0.0)
    tones = [_linear(colour) for colour in (identity.skin, identity.hair, identity.cloth, frames)]
    appearance = Appearance(
        skin=levels(skin_texture(identity)),
        eye=eye_texture(identity, IRIS_RADIUS / BALL_RADIUS),
        strands=strands(),
        tones=np.stack(tones).astype(np.float32),
        clothes=(*identity.neckline, *identity.pattern),
        gloss=identity.gloss,
        eye_span=EYE_SPAN,
    )
    return Actor(make_person(identity), appearance)


@dataclass(frozen=True, eq=False)
class Scene:
    """Scene of one frame.

    Attributes:
        actor: Person in front of the camera.
        state: Expression of the face.
        head: Pose of the head.
        torso: Pose of the shoulders.
        camera: Camera.
        light: Light.
        exposure: Factor on all light.
        background: Background image, float32 [h, w, 3], linear RGB.
        background_map: Affine map from (x, y, 1) in pixels to texels of the background, float64 [2, 3].
        level: Level of detail of the skin texture, see `skin.level_for`.
        size: (height, width) of the frame in pixels.
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
        """Vertices and iris landmarks in head coordinates, see `Person.parts`."""
        return self.actor.person.parts(self.state)

    @cached_property
    def vertices(self) -> np.ndarray:
        """Vertices in camera coordinates, float64 [V, 3], cm."""
        return self.actor.person.place(self.parts[0], self.head, self.torso)

    @cached_property
    def landmarks(self) -> np.ndarray:
        """Landmarks of Face Mesh in the frame, float32 [478, 2], (x, y) in pixels."""
        points = np.concatenate([self.vertices[:FACE_POINTS], self.head(self.parts[1])])
        return self.camera.project(points).astype(np.float32)

    def rasterise(self, samples: int) -> Fragments:
        """Rasterise the scene with `samples` samples per pixel along each axis."""
        person = self.actor.person
        return rasterise(
            self.camera.project(self.vertices),
            np.ascontiguousarray(self.vertices[:, 2]),
            person.surface.triangles,
            person.surface.sheer,
            person.surface.cover,
            self.actor.appearance.strands,
            self.size,
            samples,
        )

    def render(self, fragments: Fragments) -> np.ndarray:
        """Shade the fragments of `rasterise(SAMPLES)`; returns the image, float32 [H, W, 3], sRGB 0-255."""
        person = self.actor.person
        return paint(
            fragments, SAMPLES, self.vertices, person.surface, self.actor.appearance, self.light,
            self.exposure, self.level, self.head.rotation(), self.background, self.background_map,
        )  # fmt: skip


def _linear(colour: np.ndarray) -> np.ndarray:
    """Convert sRGB to linear RGB, to within 0.01."""
    return colour * colour * (0.2 + 0.8 * colour)
