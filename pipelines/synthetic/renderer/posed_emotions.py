"""Action Units of posed and strong emotions: the prototypes of the FACS guide.

Rendered CK+ (posed), rendered BP4D (strong) and the pairs that train networks of flow show these.
Micro-expressions look otherwise: see `emotions`.

Reference:
    Ekman, Friesen, Hager, "Facial Action Coding System, Investigator's Guide", 2002.
"""

import numpy as np

from pipelines.synthetic.renderer.geometry.facial_expression import COLUMNS

#: Intensities 0-1 at the height of an expression; several variants an emotion.
PROTOTYPES: dict[str, tuple[dict[str, float], ...]] = {
    "happiness": (
        {"AU06": 0.7, "AU12": 0.9},
        {"AU06": 0.8, "AU12": 1.0, "AU25": 0.8},
        {"AU12": 0.8},
        {"AU06": 0.9, "AU07": 0.4, "AU12": 1.0, "AU25": 1.0, "AU26": 0.4},
    ),
    "surprise": (
        {"AU01": 0.9, "AU02": 0.9, "AU05": 0.8, "AU25": 0.8, "AU26": 0.8},
        {"AU01": 0.9, "AU02": 0.9},
        {"AU01": 1.0, "AU02": 1.0, "AU05": 1.0, "AU25": 0.6, "AU27": 0.8},
        {"AU01": 0.7, "AU02": 0.7, "AU05": 0.5, "AU25": 0.5},
    ),
    "disgust": (
        {"AU09": 0.9, "AU04": 0.4, "AU07": 0.5},
        {"AU09": 0.8, "AU10": 0.6, "AU17": 0.5},
        {"AU10": 0.8, "AU04": 0.5, "AU25": 0.4},
        {"AU04": 0.7, "AU07": 0.7},
    ),
    "anger": (
        {"AU04": 0.9, "AU05": 0.6, "AU07": 0.7, "AU23": 0.8},
        {"AU04": 1.0, "AU07": 0.8, "AU24": 0.9, "AU17": 0.4},
        {"AU04": 0.8, "AU07": 0.6},
    ),
    "fear": (
        {"AU01": 0.8, "AU02": 0.6, "AU04": 0.6, "AU05": 0.8, "AU20": 0.7, "AU25": 0.6},
        {"AU01": 0.8, "AU04": 0.7, "AU05": 0.7, "AU07": 0.3, "AU26": 0.5, "AU25": 0.6},
        {"AU20": 0.7, "AU04": 0.4},
    ),
    "sadness": (
        {"AU01": 0.9, "AU04": 0.5, "AU15": 0.8},
        {"AU01": 0.8, "AU15": 0.8, "AU17": 0.7},
        {"AU15": 0.7, "AU17": 0.6},
    ),
    "contempt": ({"AU14R": 0.9}, {"AU14L": 0.9}, {"AU12R": 0.5, "AU14R": 0.7}, {"AU12L": 0.5, "AU14L": 0.7}),
    "repression": ({"AU17": 0.7, "AU24": 0.6}, {"AU15": 0.6, "AU17": 0.5}, {"AU14": 0.6, "AU24": 0.5},
    {"AU12": 0.3, "AU14": 0.6, "AU24": 0.4}),
    "others": ({"AU04": 0.7}, {"AU04R": 0.4, "AU07": 0.5}, {"AU14": 0.6}, {"AU18": 0.7},
    {"AU43": 0.5, "AU07": 0.4}),
}  # fmt: skip


def draw_posed_emotion(name: str, rng: np.random.Generator, asymmetry: float = 0.1) -> np.ndarray:
    """Draw intensities that show an emotion, float64 [len(COLUMNS)] in 0-1.

    Args:
        name: a key of `PROTOTYPES`.
        rng: decides on variant, strengths and sides.
        asymmetry: standard deviation of the ratio between the sides.
    """
    variant = PROTOTYPES[name][rng.integers(len(PROTOTYPES[name]))]
    units = np.zeros(len(COLUMNS))
    for unit, strength in variant.items():
        value = strength * rng.uniform(0.7, 1.1)
        for i, column in enumerate(COLUMNS):
            if column.removesuffix("R").removesuffix("L") == unit or column == unit:
                units[i] = np.clip(value * (1 + asymmetry * rng.standard_normal()), 0, 1)
    return units
