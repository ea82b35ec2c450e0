"""Identity of a rendered person: head shape, skin, hair, clothes and glasses."""

from dataclasses import dataclass

import numpy as np

from pipelines.synthetic.renderer.geometry.head import SHAPE_NAMES

# Skin colours from light to dark, sRGB, interpolated linearly.
_SKIN = np.array(
    [
        (248, 224, 208),
        (238, 204, 182),
        (224, 180, 154),
        (202, 152, 122),
        (170, 120, 92),
        (126, 86, 65),
        (86, 59, 47),
    ]
)
_HAIR = np.array(
    [(24, 20, 19), (42, 29, 23), (66, 43, 30), (98, 66, 42), (150, 110, 66), (196, 160, 104), (128, 58, 30)]
)  # black to blond, and red
_GREY_HAIR = np.array((176, 174, 172))
_EYES = np.array([(62, 38, 22), (88, 58, 34), (110, 92, 52), (96, 116, 84), (94, 124, 148), (120, 140, 156)])
_MODE_LIMIT = 2.2  # standard deviations; sums of larger coefficients no longer look like a face


@dataclass(frozen=True, eq=False)
class Identity:
    """Identity of a person. Colours are sRGB, float64 [3], 0-1.

    Attributes:
        shape: Coefficients of the shape modes, float64 [len(SHAPE_NAMES)], standard deviations.
        skin: Colour of the skin.
        lips: Colour of the lips.
        hair: Colour of hair and beard.
        iris: Colour of the irises.
        brow: Colour of the brows.
        cloth: Colour of the clothes.
        redness: Redness of cheeks and nose, 0-1.
        age: Depth of wrinkles, 0-1.
        freckles: Strength of freckles, 0-1.
        stubble: Strength of stubble, 0-1.
        beard: Density of the beard, 0-1.
        moustache: Density of the moustache, 0-1.
        brow_density: Density of the brows, 0-1.
        brow_width: Relative width of the brows, about 1.
        make_up: Strength of make-up on lids and lips, 0-1.
        hair_volume: Thickness of the hair, cm; 0 for a bald head.
        hairline: Upward shift of the hairline, cm.
        recession: Additional shift of the hairline above the temples, cm.
        fringe: Length of the fringe over the forehead, cm.
        long_hair: Length of the hair below the ears, cm; 0 for short hair.
        parting: Position of the parting to the subject's left, cm.
        neck: Relative width of the neck, about 1.
        gloss: Gloss of the skin, 0-1.
        glasses: Half width, half height, squareness, thickness and grey level of glasses; None for none.
        neckline: Height y of the neckline in front, cm, and its depth relative to the sides, cm.
        pattern: Stripes across, stripes along and their contrast.
        texture_seed: Seed of the random details of the skin.
    """

    shape: np.ndarray
    skin: np.ndarray
    lips: np.ndarray
    hair: np.ndarray
    iris: np.ndarray
    brow: np.ndarray
    cloth: np.ndarray
    redness: float
    age: float
    freckles: float
    stubble: float
    beard: float
    moustache: float
    brow_density: float
    brow_width: float
    make_up: float
    hair_volume: float
    hairline: float
    recession: float
    fringe: float
    long_hair: float
    parting: float
    neck: float
    gloss: float
    glasses: tuple[float, float, float, float, float] | None
    neckline: tuple[float, float]
    pattern: tuple[float, float, float]
    texture_seed: int


def draw_identity(rng: np.random.Generator) -> Identity:
    """Draw a random identity."""
    tone = rng.uniform(0, 1)
    skin = _between(_SKIN, tone) * rng.normal(1, 0.02, 3)
    dark_hair = rng.random() < 0.25 + 0.7 * tone
    hair = (
        _between(_HAIR[:3], rng.random())
        if dark_hair
        else _HAIR[rng.integers(len(_HAIR))] * rng.normal(1, 0.06)
    )
    age = rng.beta(1.4, 2.2)
    grey = np.clip((age - 0.55) * 2, 0, 1) * rng.random()
    hair = (1 - grey) * hair + grey * _GREY_HAIR
    iris = _EYES[rng.integers(2)] if tone > 0.55 else _between(_EYES, rng.random())
    masculine = rng.random()
    lips = skin * (0.86, 0.66, 0.66) + rng.normal(0, 4, 3)
    make_up = rng.random() if rng.random() < 0.35 * (1.3 - masculine) else 0.0
    lips = (1 - 0.6 * make_up) * lips + 0.6 * make_up * np.array((168, 40, 56))
    bald = rng.random() < 0.12 * masculine
    facial_hair = masculine > 0.6
    return Identity(
        shape=np.clip(rng.normal(size=len(SHAPE_NAMES)), -_MODE_LIMIT, _MODE_LIMIT),
        skin=np.clip(skin, 20, 255) / 255,
        lips=np.clip(lips, 20, 255) / 255,
        hair=np.clip(hair, 8, 235) / 255,
        iris=iris / 255,
        brow=np.clip(hair * rng.uniform(0.6, 0.95), 8, 200) / 255,
        cloth=rng.uniform(0.05, 0.9, 3) * rng.uniform(0.4, 1),
        redness=rng.uniform(0.1, 1) * (1 - 0.5 * tone),
        age=age,
        freckles=rng.random() ** 2 if rng.random() < 0.3 * (1 - tone) else 0.0,
        stubble=rng.random() if facial_hair else 0.0,
        beard=rng.uniform(0.4, 1) if facial_hair and rng.random() < 0.3 else 0.0,
        moustache=rng.uniform(0.4, 1) if facial_hair and rng.random() < 0.3 else 0.0,
        brow_density=rng.uniform(0.35, 1),
        brow_width=rng.uniform(0.7, 1.15) + 0.25 * masculine,
        make_up=make_up,
        hair_volume=0.0 if bald else rng.uniform(0.25, 1.9),
        hairline=rng.normal(0, 0.5) + 0.8 * age * masculine,
        recession=abs(rng.normal(0, 0.6)) + 1.2 * age * masculine,
        fringe=rng.uniform(0.5, 2.6) if rng.random() < 0.3 else 0.0,
        long_hair=rng.uniform(4, 16) if not bald and rng.random() < 0.75 * (1 - masculine) else 0.0,
        parting=rng.uniform(-4, 4),
        neck=0.82 + 0.2 * masculine + rng.normal(0, 0.03),
        gloss=rng.uniform(0.15, 1),
        glasses=_draw_glasses(rng) if rng.random() < 0.2 else None,
        neckline=(rng.uniform(15.5, 19.5), rng.uniform(0, 4)),
        pattern=(rng.choice([0.0, 3.0, 8.0]), rng.choice([0.0, 0.8, 2.0]), rng.uniform(0.1, 0.6)),
        texture_seed=int(rng.integers(1 << 31)),
    )


def _draw_glasses(rng: np.random.Generator) -> tuple[float, float, float, float, float]:
    width = rng.uniform(2.1, 2.6)
    return (
        width,
        width * rng.uniform(0.62, 0.95),
        rng.uniform(0.45, 1),
        rng.uniform(0.06, 0.17),
        rng.uniform(0.02, 0.5),
    )


def _between(colours: np.ndarray, position: float) -> np.ndarray:
    """Interpolate along a list of colours at a position from 0 to 1."""
    steps = np.linspace(0, 1, len(colours))
    return np.array([np.interp(position, steps, channel) for channel in colours.T])
