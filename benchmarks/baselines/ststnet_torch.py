# /// script
# requires-python = ">=3.11,<3.12"
# dependencies = ["torch==2.13.0", "numpy", "opencv-python-headless==4.11.0.86"]
# ///
"""STSTNet in PyTorch as a baseline, as its authors' program trains it (github.com/christy1206/STSTNet).

Run by `benchmarks.baselines.ststnet` in an environment of its own: the project needs no PyTorch. Other than
in the paper, there is batch normalisation after each first layer and a dropout of a half, the pictures are
not scaled or centred, and the samples keep their order. Each subject is left out once, and the last of 800
epochs counts.

Arguments: a JSON with `pictures` (paths of 28 x 28 pictures), `labels`, `subjects`, `seed` and `weights`
(folder with the authors' weights of each fold, `SUBJECT.pth`, or null), and the file for the answer, a JSON
list with the class of each picture.
"""

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

STREAMS = (3, 5, 8)  # kernels
EPOCHS, BATCH, LEARNING_RATE = 800, 256, 5e-5


class STSTNet(nn.Module):
    """The layers, under the names of the authors' weights."""

    def __init__(self):
        super().__init__()
        for k, kernels in enumerate(STREAMS, 1):
            setattr(self, f"conv{k}", nn.Conv2d(3, kernels, 3, padding=2))
            setattr(self, f"bn{k}", nn.BatchNorm2d(kernels))
        self.pool, self.average = nn.MaxPool2d(3, 3, padding=1), nn.AvgPool2d(2)
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(5 * 5 * sum(STREAMS), 3)

    def forward(self, x):
        """Return the logits of pictures [B, 3, 28, 28], 0 to 255."""
        streams = []
        for k in range(1, len(STREAMS) + 1):
            seen = torch.relu(getattr(self, f"conv{k}")(x))
            streams.append(self.dropout(self.pool(getattr(self, f"bn{k}")(seen))))
        return self.fc(self.average(torch.cat(streams, 1)).flatten(1))


def fold(subject: str, request: dict, pictures: np.ndarray) -> list[int]:
    """Return the classes of a subject's pictures, by a network that has not seen the subject."""
    torch.set_num_threads(1)  # folds run side by side
    subjects, labels = np.array(request["subjects"]), torch.tensor(request["labels"])
    x, left_out = torch.tensor(pictures), torch.tensor(subjects == subject)
    torch.manual_seed(request["seed"])
    network = STSTNet()
    if request["weights"]:
        file = Path(request["weights"]) / f"{subject}.pth"
        network.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    else:
        optimizer = torch.optim.Adam(network.parameters(), LEARNING_RATE)
        loss = nn.CrossEntropyLoss()
        for _ in range(EPOCHS):
            batches = zip(x[~left_out].split(BATCH), labels[~left_out].split(BATCH), strict=True)
            for seen, right in batches:
                optimizer.zero_grad()
                loss(network(seen), right).backward()
                optimizer.step()
    network.eval()
    with torch.inference_mode():
        return network(x[left_out]).argmax(1).tolist()


def main() -> None:
    """Run all folds."""
    request = json.loads(Path(sys.argv[1]).read_text())
    read = [cv2.imread(path) for path in request["pictures"]]  # blue, green, red, as the authors read them
    pictures = np.stack(read).transpose(0, 3, 1, 2).astype(np.float32)
    subjects = np.array(request["subjects"])
    names = sorted(set(request["subjects"]))
    found = np.zeros(len(subjects), int)
    with ProcessPoolExecutor() as pool:
        run = partial(fold, request=request, pictures=pictures)
        for number, (name, classes) in enumerate(zip(names, pool.map(run, names), strict=True), 1):
            found[subjects == name] = classes
            print(f"STSTNet in PyTorch: {number}/{len(names)} folds", file=sys.stderr)
    Path(sys.argv[2]).write_text(json.dumps(found.tolist()))


if __name__ == "__main__":
    main()
