"""`faceflow flow --uncertainty`, from this machine and from a server."""

import cv2
import numpy as np
import pytest

from pipelines.io.flow_io import read_flow


def test_uncertainty_of_a_pair(called, two_frames, tmp_path):
    """The frames differ by a shift, so the way there and back returns to its start."""
    arguments = ["flow", two_frames / "a.png", two_frames / "b.png", "--model", "consistency:dis_fine"]
    for name in ("x.npz", "x.png"):
        code, _, err = called(*arguments, "-o", tmp_path / f"{name}.flo", "--uncertainty", tmp_path / name)
        assert code == 0, err
    with np.load(tmp_path / "x.npz") as file:
        uncertainty = file["uncertainty"]
    assert np.median(uncertainty) < 0.1
    flow, _ = read_flow(tmp_path / "x.npz.flo")
    picture = cv2.imread(str(tmp_path / "x.png"))
    assert uncertainty.shape == flow.shape[:2] == picture.shape[:2]
    assert picture.reshape(-1, 3).max() == 255
    code, _, err = called(*arguments, "-o", tmp_path / "y.flo", "--uncertainty", tmp_path / "y.txt")
    assert code == 2
    assert "name the file of --uncertainty .npz or .png" in err
    arguments[-1] = "dis_fine"
    code, _, err = called(*arguments, "-o", tmp_path / "y.flo", "--uncertainty", tmp_path / "y.npz")
    assert code == 2
    assert "dis_fine does not estimate its uncertainty" in err
    assert not (tmp_path / "y.flo").exists()


@pytest.mark.parametrize("outputs", [("flow",), ("flow", "uncertainty")])
def test_uncertainty_from_a_server(called, two_frames, tmp_path, outputs):
    """A network that answers 0.25 px everywhere, with or without an expected error of 0.25 px."""
    import keras

    from serving.export.saved_model import export_flow
    from serving.server import Server

    frames = {name: keras.Input((None, None, 3), name=name) for name in ("frame1", "frame2")}
    constant = {"kernel_initializer": "zeros", "bias_initializer": keras.initializers.Constant(0.25)}
    found = {
        name: keras.layers.Conv2D(channels, 1, **constant)(frames["frame1"])
        for name, channels in (("flow", 2), ("uncertainty", 1))
    }
    export_flow(keras.Model(frames, {name: found[name] for name in outputs}), tmp_path / "models")
    with Server(tmp_path / "models", port=0) as server:
        code, _, err = called(
            *("flow", two_frames / "a.png", two_frames / "b.png", "-o", tmp_path / "x.flo"),
            *("--server", server.address, "--uncertainty", tmp_path / "x.npz"),
        )
    if "uncertainty" in outputs:
        assert code == 0, err
        with np.load(tmp_path / "x.npz") as file:
            np.testing.assert_allclose(file["uncertainty"], 0.25, atol=1e-6)
        np.testing.assert_allclose(read_flow(tmp_path / "x.flo")[0], 0.25, atol=1e-6)
    else:
        assert code == 2
        assert "uncertainty" in err
        assert not list(tmp_path.glob("x.*"))
