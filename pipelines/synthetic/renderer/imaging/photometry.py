"""Camera model: white balance, gain, contrast, blur, noise and compression."""

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numba
import numpy as np


@dataclass(frozen=True)
class Sensor:
    """Settings of a camera. The defaults are an ideal camera.

    Attributes:
        gain: Gain of each channel (R, G, B).
        gamma: Exponent of the response curve.
        contrast: Factor on the contrast about mid grey.
        blur: Standard deviation of the lens blur in pixels.
        noise: Standard deviation of the noise at mid grey, grey levels of 255.
        grain: Correlation length of the noise in pixels.
        quality: JPEG quality; 0 for no compression.
        grey: Whether the camera is monochrome.
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
class SensorDrift:
    """Random change of a camera between the two frames of a pair.

    Attributes:
        steady: Probability that the camera does not change.
        exposure: Standard deviation of the relative change of exposure.
        balance: Standard deviation of the relative change of each channel.
    """

    steady: float = 0.5
    exposure: float = 0.015
    balance: float = 0.004


#: Photometric changes between the frames of a pair by name; None is an ideal camera under constant light.
DISTURBANCES: dict[str, SensorDrift | None] = {
    "none": None,
    "default": SensorDrift(),
    "exposure": SensorDrift(steady=0.0, exposure=0.035),
}


_GRAIN_SIZE = 1024
_GRAINS = (0.0, 0.45, 0.7)


@lru_cache(maxsize=len(_GRAINS))
def _grain(correlation: float) -> np.ndarray:
    """Return a periodic tile of noise with unit variance; windows of it are faster than new noise."""
    noise = np.random.default_rng(31).standard_normal((_GRAIN_SIZE, _GRAIN_SIZE), np.float32)
    if correlation:
        noise = cv2.GaussianBlur(noise, (0, 0), correlation, borderType=cv2.BORDER_REPLICATE)
    return noise / noise.std()


def _curve(sensor: Sensor) -> np.ndarray:
    """Return the response curve, float64 [1025], 0-255, at inputs 0-255 in steps of a quarter."""
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
                # Shot noise grows with the square root of the intensity.
                deviation = noise * np.sqrt(0.3 + max(value[c], 0.0) / 182)
                noisy = value[c] + deviation * grain[(y + start[c]) & n, (x + turn[c]) & n]
                out[y, x, c] = np.uint8(min(max(noisy + 0.5, 0.0), 255.0))


def draw_sensor(rng: np.random.Generator) -> Sensor:
    """Draw a random camera."""
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


def drift_sensor(sensor: Sensor, drift: SensorDrift, rng: np.random.Generator) -> Sensor:
    """Return the camera after a random change of exposure and white balance."""
    change = rng.normal(0, drift.exposure) + rng.normal(0, drift.balance, 3)
    gain = tuple(g * float(1 + c) for g, c in zip(sensor.gain, change, strict=True))
    return replace(sensor, gain=gain)


def apply_sensor(image: np.ndarray, sensor: Sensor, rng: np.random.Generator) -> np.ndarray:
    """Apply a camera to a rendered image.

    Args:
        image: Rendered image, float32 [H, W, 3], sRGB 0-255.
        sensor: Settings of the camera.
        rng: Random number generator of the noise.

    Returns:
        Camera image, uint8 [H, W, 3], sRGB.
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
