from pathlib import Path

import cv2
import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.files import check_outputs, replacing
from pipelines.io.images import encode_png, read_image, write_image


def test_replacing_renames_at_the_end(tmp_path):
    target = tmp_path / "sub" / "x.txt"
    with replacing(target) as part:
        part.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_replacing_leaves_the_old_file_when_interrupted(tmp_path, error):
    target = tmp_path / "x.txt"
    target.write_text("old")
    with pytest.raises(error), replacing(target) as part:
        part.write_text("half")
        raise error
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_is_not_replaced_by_a_file(tmp_path):
    target = tmp_path / "thesis"
    (target / "chapters").mkdir(parents=True)
    with pytest.raises(InputError, match="thesis: is a folder"), replacing(target) as part:
        part.write_text("x")
    assert (target / "chapters").is_dir()
    assert list(tmp_path.iterdir()) == [target]


def test_outputs_that_would_cost_something(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_text("photograph")
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    monkeypatch.chdir(tmp_path)
    refused = {"a.png": "is read", "link.png": "is read", ".": "the folder you are in", "-": "name a file"}
    for output, says in refused.items():
        with pytest.raises(InputError, match=says):
            check_outputs(Path(output), inputs=(tmp_path / "a.png",))
    with pytest.raises(InputError, match="same name"):
        check_outputs(Path("x.flo"), Path("x.flo"))
    check_outputs(Path("x.flo"), None, Path("y.flo"), inputs=(tmp_path / "a.png",))


def test_replacing_a_folder_when_asked_to(tmp_path):
    target = tmp_path / "out"
    (target / "deep").mkdir(parents=True)
    with replacing(target, replace_folder=True) as part:
        part.mkdir()
        (part / "x").write_text("new")
    assert [p.name for p in target.iterdir()] == ["x"]
    assert list(tmp_path.iterdir()) == [target]


def test_full_disk_leaves_nothing(tmp_path):
    with pytest.raises(OSError, match="No space left") as error, replacing(tmp_path / "x") as part:
        part.symlink_to("/dev/full")
        part.write_bytes(b"1")
    assert error.value.errno == 28
    assert error.value.filename == str(tmp_path / "x")  # not the scratch name
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("shape", [(1, 1, 3), (127, 253, 3), (3, 4), (1, 5)])
def test_png_round_trip_by_opencv(shape):
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    decoded = cv2.imdecode(np.frombuffer(encode_png(image), np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(decoded[..., ::-1] if image.ndim == 3 else decoded, image)


def test_sixteen_bit_grey_and_transparent_pictures(tmp_path):
    ramp = np.arange(256, dtype=np.uint16)[None].repeat(4, axis=0)
    cv2.imwrite(str(tmp_path / "deep.png"), ramp * 257)
    cv2.imwrite(str(tmp_path / "grey.png"), ramp.astype(np.uint8))
    cv2.imwrite(str(tmp_path / "clear.png"), np.dstack([ramp] * 3 + [ramp * 0]).astype(np.uint8))
    for name in ("deep", "grey", "clear"):
        image = read_image(tmp_path / f"{name}.png")
        assert image.dtype == np.uint8
        np.testing.assert_array_equal(image, np.dstack([ramp] * 3))


def test_colours_are_red_first(tmp_path):
    write_image(tmp_path / "x.png", np.full((2, 2, 3), (250, 10, 0), np.uint8))
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "x.png"))[0, 0], [0, 10, 250])
    np.testing.assert_array_equal(read_image(tmp_path / "x.png")[0, 0], [250, 10, 0])


def test_a_cut_off_jpeg_is_not_half_a_picture(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "x.jpg"), noise)
    whole = (tmp_path / "x.jpg").read_bytes()
    (tmp_path / "x.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="truncated"):
        read_image(tmp_path / "x.jpg")


def test_a_header_that_claims_too_much(tmp_path):
    import struct
    import zlib

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IEND", b""))
    with pytest.raises(InputError, match=r"x\.png"):
        read_image(tmp_path / "x.png")


@pytest.mark.parametrize("content", [None, b"", b"\x89PNG\r\n\x1a\n cut off"])
def test_what_is_no_picture(tmp_path, content):
    path = tmp_path / "x.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.png"):
        read_image(path)
    with pytest.raises(InputError):
        read_image(tmp_path)
