"""Backgrounds: procedural textures, or images of scikit-image that show no people."""

from functools import lru_cache

import cv2
import numpy as np

from pipelines.synthetic.renderer.appearance.noise import tile

SIZE = 320  # texels; more than a frame shows, so that the background can move
_PICTURES = ("brick", "grass", "gravel", "coffee", "rocket", "chelsea", "coins", "moon", "hubble_deep_field")


@lru_cache(maxsize=1)
def _pictures() -> tuple[np.ndarray, ...]:
    import skimage.data

    pictures = []
    for name in _PICTURES:
        picture = getattr(skimage.data, name)()
        picture = np.dstack([picture] * 3) if picture.ndim == 2 else picture[..., :3]
        pictures.append(
            cv2.resize(picture, (SIZE, SIZE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        )
    return tuple(pictures)


def draw_background(rng: np.random.Generator) -> np.ndarray:
    """Draw a random background, float32 [SIZE, SIZE, 3], linear RGB."""
    kind = rng.choice(["plain", "gradient", "cloudy", "blocks", "picture"], p=[0.15, 0.2, 0.25, 0.15, 0.25])
    colours = rng.uniform(0.08, 0.95, (3, 3)).astype(np.float32)
    colours += np.float32(0.6) * (colours.mean(axis=1, keepdims=True) - colours)  # rooms are less saturated
    if kind == "picture":
        picture = _pictures()[rng.integers(len(_PICTURES))]
        picture = picture[:, ::-1] if rng.random() < 0.5 else picture
        image = picture * np.float32(rng.uniform(0.5, 1.1)) * (0.8 + 0.4 * colours[0])
        if rng.random() < 0.6:
            image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.8, 5))  # out of focus
    else:
        axis = np.linspace(-1, 1, SIZE, dtype=np.float32)
        angle = rng.uniform(0, 2 * np.pi)
        ramp = np.float32(np.cos(angle)) * axis[None] + np.float32(np.sin(angle)) * axis[:, None]
        if kind == "plain":
            ramp = ramp * np.float32(0.1)
        if kind == "cloudy":
            size = rng.uniform(20, 150)
            cloud = tile(64.0, 21)
            start = rng.integers(0, SIZE, 2)
            cloud = np.roll(cloud, start, axis=(0, 1))[: int(size) + 60, : int(size) + 60]
            ramp = ramp * np.float32(0.3) + np.float32(0.5) * cv2.resize(
                cloud, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC
            )
        share = np.clip(0.5 + 0.5 * ramp, 0, 1)[..., None]
        image = (1 - share) * colours[0] + share * colours[1]
        if kind == "blocks":
            for _ in range(rng.integers(3, 14)):
                corner, extent = rng.integers(0, SIZE, 2), rng.integers(20, 220, 2)
                colour = (colours[2] * rng.uniform(0.4, 1.2) + rng.uniform(-0.1, 0.1, 3)).tolist()
                cv2.rectangle(image, corner.tolist(), (corner + extent).tolist(), colour, -1)
            image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.8, 4))
    image = np.clip(image, 0.005, 1)
    return np.ascontiguousarray(image * image * (np.float32(0.2) + np.float32(0.8) * image), np.float32)
