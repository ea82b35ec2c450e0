"""What a camera does to a picture: white balance, gain, contrast, blur, noise, compression."""

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Sensor:
    """A camera's character.

    Attributes:
        gain: per channel (R, G, B); `gamma` and `contrast` of the whole picture.
        blur: standard deviation of the lens's blur, pixels.
        noise: standard deviation in mid grey, of 255; `grain` how far it is correlated between pixels,
        pixels.
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


def draw_sensor(rng: np.random.Generator) -> Sensor:
    """Draw a camera."""
    return Sensor(
        gain=tuple((rng.normal(1, 0.05) * np.clip(rng.normal(1, 0.05, 3), 0.85, 1.15)).tolist()),
        gamma=float(np.exp(rng.normal(0, 0.12))),
        contrast=float(np.exp(rng.normal(0, 0.1))),
        blur=float(rng.uniform(0.3, 1.1)) if rng.random() < 0.5 else 0.0,
        noise=float(rng.gamma(1.2, 1.3)),
        grain=float(rng.uniform(0.3, 0.8)) if rng.random() < 0.4 else 0.0,
        quality=int(rng.integers(55, 98)) if rng.random() < 0.5 else 0,
        grey=bool(rng.random() < 0.08),
    )


def vary(sensor: Sensor, rng: np.random.Generator) -> Sensor:
    """The same camera a moment later: its exposure and white balance may have drifted a little."""
    drift = rng.normal(0, 0.015) + rng.normal(0, 0.004, 3)
    gain = tuple(g * float(1 + d) for g, d in zip(sensor.gain, drift, strict=True))
    return Sensor(
        gain,
        sensor.gamma,
        sensor.contrast,
        sensor.blur,
        sensor.noise,
        sensor.grain,
        sensor.quality,
        sensor.grey,
    )


def expose(image: np.ndarray, sensor: Sensor, rng: np.random.Generator) -> np.ndarray:
    """Take the picture.

    Args:
        image: float32 [H, W, 3], sRGB 0-255.
        sensor: the camera.
        rng: of its noise.

    Returns:
        uint8 [H, W, 3].
    """
    if sensor != IDEAL:
        image = image * np.array(sensor.gain, np.float32)
        if sensor.gamma != 1 or sensor.contrast != 1:
            table = np.linspace(0, 1, 1024) ** sensor.gamma
            table = (255 * (0.5 + (table - 0.5) * sensor.contrast)).astype(np.float32)
            image = table[np.clip(image * np.float32(1023 / 255), 0, 1023).astype(np.int16)]
        if sensor.grey:
            image = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
        if sensor.blur:
            image = cv2.GaussianBlur(image, (0, 0), sensor.blur)
        if sensor.noise:
            noise = rng.standard_normal(image.shape[: 2 if sensor.grey else 3], np.float32)
            if sensor.grain:
                # Blurring lowers the deviation by 1 / (2 sqrt(pi) sigma) once sigma is large; never below that.
                noise = cv2.GaussianBlur(noise, (0, 0), sensor.grain) * np.float32(1 + 2.5 * sensor.grain)
            noise = noise[..., None] if sensor.grey else noise
            # Shot noise grows with the root of the light.
            image = image + noise * np.float32(sensor.noise) * np.sqrt(
                np.float32(0.3) + image.clip(0, 255) / np.float32(182)
            )
    picture = np.clip(image + np.float32(0.5), 0, 255).astype(np.uint8)
    if sensor.quality:
        _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, sensor.quality])
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
    return np.ascontiguousarray(picture)
