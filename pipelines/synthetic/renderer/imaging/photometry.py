"""What a camera does to a picture: white balance, gain, contrast, blur, noise, compression."""

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numba
import numpy as np


@dataclass(frozen=True)
class Sensor:
    """A camera's character.

    Attributes:
        gain: per channel (R, G, B); `gamma` and `contrast` of the whole picture.
        blur: standard deviation of the lens's blur, pixels.
        noise: standard deviation in mid grey, of 255; `grain` its correlation length, pixels.
        quality: of JPEG compression, 0 for none.
        grey: whether the picture is grey.
    """

    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    gamma: float = 1.0
    contrast: float = 1.0
    blur: float = 0.0
    noise: float = 0.0
    grain: float = 0.0
    quality: int = 0
    grey: bool = False


IDEAL = Sensor()


@dataclass(frozen=True)
class Drift:
    """How a camera changes from one frame of a pair to the other.

    Attributes:
        steady: share of the pairs in which it does not.
        exposure: standard deviation of the change in exposure, as a share of it.
        balance: the same of each channel for itself.
    """

    steady: float = 0.5
    exposure: float = 0.015
    balance: float = 0.004


#: What disturbs the pictures of a pair: nothing, or a light and a camera, which drifts like this.
DISTURBANCES: dict[str, Drift | None] = {
    "none": None,
    "default": Drift(),
    "exposure": Drift(steady=0.0, exposure=0.035),
}


_GRAIN_SIZE = 1024
_GRAINS = (0.0, 0.45, 0.7)


@lru_cache(maxsize=len(_GRAINS))
def _grain(correlation: float) -> np.ndarray:
    """Endless noise of unit variance to cut windows from: drawing it anew would take too long."""
    noise = np.random.default_rng(31).standard_normal((_GRAIN_SIZE, _GRAIN_SIZE), np.float32)
    if correlation:
        noise = cv2.GaussianBlur(noise, (0, 0), correlation, borderType=cv2.BORDER_REPLICATE)
    return noise / noise.std()


def _curve(sensor: Sensor) -> np.ndarray:
    """Response to 0-255 in steps of a quarter, float64 [1025], 0-255."""
    table = np.linspace(0, 1, 1025) ** sensor.gamma
    return 255 * (0.5 + (table - 0.5) * sensor.contrast)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _digitise(image, gain, curve, noise, grain, start, turn, grey, out):
    last = curve.shape[0] - 1
    n = grain.shape[0] - 1  # a power of two less one
    value = np.empty(3)
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            for c in range(3):
                position = min(max(image[y, x, c] * gain[c] * (last / 255.0), 0.0), last - 0.001)
                k = int(position)
                value[c] = curve[k] + (position - k) * (curve[k + 1] - curve[k])
            if grey:
                value[:] = 0.299 * value[0] + 0.587 * value[1] + 0.114 * value[2]
            for c in range(3):
                # Shot noise grows with the root of the light.
                deviation = noise * np.sqrt(0.3 + max(value[c], 0.0) / 182)
                noisy = value[c] + deviation * grain[(y + start[c]) & n, (x + turn[c]) & n]
                out[y, x, c] = np.uint8(min(max(noisy + 0.5, 0.0), 255.0))


def draw_sensor(rng: np.random.Generator) -> Sensor:
    """Draw a camera."""
    return Sensor(
        gain=tuple((rng.normal(1, 0.05) * np.clip(rng.normal(1, 0.05, 3), 0.85, 1.15)).tolist()),
        gamma=float(np.exp(rng.normal(0, 0.12))),
        contrast=float(np.exp(rng.normal(0, 0.1))),
        blur=float(rng.uniform(0.3, 1.1)) if rng.random() < 0.5 else 0.0,
        noise=float(rng.gamma(1.2, 1.3)),
        grain=float(rng.choice(_GRAINS)),
        quality=int(rng.integers(55, 98)) if rng.random() < 0.5 else 0,
        grey=bool(rng.random() < 0.08),
    )


def vary(sensor: Sensor, drift: Drift, rng: np.random.Generator) -> Sensor:
    """The same camera a moment later: its exposure and white balance may have drifted a little."""
    change = rng.normal(0, drift.exposure) + rng.normal(0, drift.balance, 3)
    gain = tuple(g * float(1 + c) for g, c in zip(sensor.gain, change, strict=True))
    return replace(sensor, gain=gain)


def expose(image: np.ndarray, sensor: Sensor, rng: np.random.Generator) -> np.ndarray:
    """Take the picture.

    Args:
        image: float32 [H, W, 3], sRGB 0-255.
        sensor: the camera.
        rng: of its noise.

    Returns:
        uint8 [H, W, 3].
    """
    if sensor == IDEAL:
        return np.clip(image + np.float32(0.5), 0, 255).astype(np.uint8)
    if sensor.blur:
        image = cv2.GaussianBlur(image, (0, 0), sensor.blur)
    height, width = image.shape[:2]
    grain = _grain(sensor.grain)
    start = rng.integers(0, grain.shape[0], 3 if not sensor.grey else 1)
    start = np.broadcast_to(start, 3) if sensor.grey else start
    turn = rng.integers(0, grain.shape[0], 3)
    turn = np.broadcast_to(turn[:1], 3) if sensor.grey else turn
    picture = np.empty((height, width, 3), np.uint8)
    _digitise(
        image, np.array(sensor.gain), _curve(sensor), sensor.noise, grain, np.array(start), np.array(turn),
        sensor.grey,
        picture,
    )  # fmt: skip
    if sensor.quality:
        _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, sensor.quality])
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
    return np.ascontiguousarray(picture)
