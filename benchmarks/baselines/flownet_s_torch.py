# /// script
# requires-python = ">=3.11,<3.12"
# dependencies = ["torch==2.13.0", "numpy"]
# ///
"""FlowNetS in PyTorch as a baseline: a training step and a forward pass of the published layers.

Run by `benchmarks.networks "networks: torch"` in an environment of its own: the project needs no PyTorch.
Arguments: width, batch, size, rounds. Prints one line of JSON.
"""

import json
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional

ENCODER = (
    (64, 7, 2), (128, 5, 2), (256, 5, 2), (256, 3, 1), (512, 3, 2), (512, 3, 1),
    (512, 3, 2), (512, 3, 1), (1024, 3, 2), (1024, 3, 1),
)  # fmt: skip
DECODER = ((512, 7), (256, 5), (128, 3), (64, 1))  # channels, encoder layer joined
WEIGHTS = (0.005, 0.01, 0.02, 0.08, 0.32)


class FlowNetS(nn.Module):
    """The layers of Dosovitskiy et al. 2015, without biases in the decoder."""

    def __init__(self, width: float):
        super().__init__()
        counts = [round(count * width) for count, _, _ in ENCODER]
        self.encoder = nn.ModuleList(
            nn.Conv2d(before, after, kernel, stride, kernel // 2)
            for before, after, (_, kernel, stride) in zip([6, *counts], counts, ENCODER, strict=False)
        )
        self.up, self.carry, channels = nn.ModuleList(), nn.ModuleList(), counts[-1]
        self.predict = nn.ModuleList([nn.Conv2d(channels, 2, 3, 1, 1, bias=False)])
        for count, skip in DECODER:
            self.up.append(nn.ConvTranspose2d(channels, round(count * width), 4, 2, 1, bias=False))
            self.carry.append(nn.ConvTranspose2d(2, 2, 4, 2, 1, bias=False))
            channels = counts[skip] + round(count * width) + 2
            self.predict.append(nn.Conv2d(channels, 2, 3, 1, 1, bias=False))

    def forward(self, x):
        """Return the flow by level, coarsest first, in pixels / 20."""
        encoded = []
        for layer in self.encoder:
            x = functional.leaky_relu(layer(x), 0.1)
            encoded.append(x)
        flows = [self.predict[0](x)]
        for k, (_, skip) in enumerate(DECODER):
            x = functional.leaky_relu(self.up[k](x), 0.1)
            x = torch.cat([encoded[skip], x, self.carry[k](flows[-1])], dim=1)
            flows.append(self.predict[k + 1](x))
        return flows


def milliseconds(call, rounds: int) -> tuple[float, float]:
    """Return (wall-clock, processor) milliseconds of a call, medians."""
    call()
    times = []
    for _ in range(rounds):
        wall, processor = time.perf_counter(), time.process_time()
        call()
        times.append((time.perf_counter() - wall, time.process_time() - processor))
    return tuple(1000 * statistics.median(column) for column in zip(*times, strict=True))


def main() -> None:
    """Measure and print."""
    width, batch, size, rounds = float(sys.argv[1]), *map(int, sys.argv[2:])
    network = FlowNetS(width)
    optimizer = torch.optim.Adam(network.parameters(), 1e-4)
    frames, truth = torch.rand(batch, 6, size, size), torch.randn(batch, 2, size, size)

    def step():
        optimizer.zero_grad()
        loss = 0
        for weight, flow in zip(WEIGHTS, reversed(network(frames)), strict=True):
            true = functional.adaptive_avg_pool2d(truth / 20, flow.shape[-2:])
            loss = loss + weight * torch.linalg.vector_norm(flow - true, dim=1).sum() / batch
        loss.backward()
        optimizer.step()

    def forward():
        with torch.inference_mode():
            functional.interpolate(network(frames)[-1] * 20, size=(size, size), mode="bilinear")

    taken = {"step": milliseconds(step, rounds), "forward": milliseconds(forward, rounds)}
    parameters = sum(weight.numel() for weight in network.parameters())
    print(json.dumps({"version": torch.__version__, "parameters": parameters, "milliseconds": taken}))


if __name__ == "__main__":
    main()
