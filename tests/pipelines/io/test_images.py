"""Pictures as cameras and phones write them, compared with Pillow's."""

import logging

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from pipelines.errors import InputError
from pipelines.io.images import read_image, read_images, write_image
from pipelines.io.video import read_clip


def picture(shape=(40, 56)):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.dstack([4 * x, 6 * y, 255 * (x > y)]).astype(np.uint8)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".avif"])
def test_every_orientation_of_every_format_is_turned_upright(tmp_path, suffix, orientation):
    path = tmp_path / f"x{suffix}"
    exif = Image.Exif()
    exif[274] = orientation
    lossless = {".webp": {"lossless": True}}.get(suffix, {"quality": 95})
    Image.fromarray(picture()).save(path, exif=exif, **lossless)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))
    # Pillow and OpenCV bring different JPEG decoders.
    np.testing.assert_allclose(read_image(path).astype(int), expected, atol=8 if suffix == ".jpg" else 0)


@pytest.mark.parametrize(("bits", "largest"), [(10, 900), (12, 3210), (14, 9000), (16, 40_000)])
def test_the_range_in_use_of_16_bit_files(tmp_path, caplog, bits, largest):
    """A camera's values lie in the file as they are; both frames have one scale, and it is said which."""
    ramp = np.linspace(0, largest, 64).round().astype(np.uint16)[None].repeat(4, axis=0)
    cv2.imwrite(str(tmp_path / "1.png"), ramp // 2)
    cv2.imwrite(str(tmp_path / "2.png"), ramp)
    with caplog.at_level(logging.WARNING, "faceflow"):
        dark, bright = read_images([tmp_path / "1.png", tmp_path / "2.png"])
    expected = np.round(ramp / (2**bits - 1) * 255)
    np.testing.assert_array_equal(bright[..., 1], expected)
    np.testing.assert_array_equal(dark[..., 1], np.round(ramp // 2 / (2**bits - 1) * 255))
    assert (f"taken as {bits} bits" in caplog.text) == (bits < 16)
    np.testing.assert_array_equal(read_clip(tmp_path), [dark, bright])


def test_a_part_of_a_clip_has_the_scale_of_all_of_it(tmp_path):
    from pipelines.io.video import read_frames

    for number, value in enumerate((500, 900, 4000)):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((4, 4), value, np.uint16))
    (first,) = read_frames(tmp_path, [tmp_path / "0.png"])
    assert first[0, 0, 0] == round(500 / 4095 * 255)


def test_frames_before_a_damaged_one_of_16_bits(tmp_path):
    from pipelines.io.video import read_frames

    for number in range(4):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((40, 40), 4000 + number, np.uint16))
    (tmp_path / "3.png").write_bytes((tmp_path / "3.png").read_bytes()[:60])
    frames = read_frames(tmp_path)
    for number in range(3):
        assert next(frames)[0, 0, 0] == round((4000 + number) / 4095 * 255)
    with pytest.raises(InputError, match=r"3\.png"):
        next(frames)


def test_bytes_after_the_end_of_a_png_and_a_jpeg(tmp_path):
    for suffix in (".png", ".jpg"):
        Image.fromarray(picture()).save(tmp_path / f"x{suffix}")
        whole = (tmp_path / f"x{suffix}").read_bytes()
        (tmp_path / f"y{suffix}").write_bytes(whole + b"appended by a camera" * 9)
        np.testing.assert_array_equal(
            read_image(tmp_path / f"y{suffix}"), read_image(tmp_path / f"x{suffix}")
        )


def test_a_cut_off_jpeg_with_a_whole_thumbnail(tmp_path):
    """The thumbnail's end is not the picture's."""
    Image.fromarray(picture((8, 8))).save(tmp_path / "small.jpg")
    thumbnail = (tmp_path / "small.jpg").read_bytes()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(
        tmp_path / "x.jpg", exif=b"Exif\0\0" + thumbnail
    )
    whole = (tmp_path / "x.jpg").read_bytes()
    assert read_image(tmp_path / "x.jpg").shape == (64, 64, 3)
    (tmp_path / "x.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="truncated"):
        read_image(tmp_path / "x.jpg")


def test_a_moving_gif_is_its_first_picture(tmp_path):
    frames = [Image.fromarray(np.full((8, 8, 3), value, np.uint8)) for value in (200, 20)]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:])
    assert (read_image(tmp_path / "x.gif") == 200).all()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("x.heic", "HEIC pictures are not read; convert it"),
        ("float.tif", "its values are float32; convert it to 8 or 16 bits"),
        ("x.webp", "not a picture that can be read"),
        ("empty.png", "empty"),
    ],
)
def test_what_is_not_read_is_named_with_the_remedy(tmp_path, name, says):
    (tmp_path / "x.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 99)
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / "float.tif")
    Image.fromarray(picture()).save(tmp_path / "x.webp")
    whole = (tmp_path / "x.webp").read_bytes()
    (tmp_path / "x.webp").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.png").write_bytes(b"")
    with pytest.raises(InputError, match=f"{name}: .*{says}"):
        read_image(tmp_path / name)


@pytest.mark.real
def test_pictures_of_other_people(real_data):
    folder = real_data / "field_reports"
    upright = read_image(folder / "exif6.jpg").astype(int)
    np.testing.assert_allclose(upright.mean(), read_image(folder / "exif6.webp").mean(), atol=1)
    assert np.abs(upright - read_image(folder / "exif6.webp")).mean() < 6  # both are lossy
    plain = np.asarray(Image.open(folder / "png_with_trailing_bytes.png").convert("RGB"))
    np.testing.assert_array_equal(read_image(folder / "png_with_trailing_bytes.png"), plain)
    frames = read_images([folder / f"camera12bit_{k}.png" for k in (1, 2)])
    raw = cv2.imread(str(folder / "camera12bit_2.png"), cv2.IMREAD_UNCHANGED)
    expected = np.round(raw.astype(np.float64) / 4095 * 255)
    np.testing.assert_array_equal(
        frames[1], expected[..., ::-1] if raw.ndim == 3 else np.dstack([expected] * 3)
    )


@pytest.mark.parametrize("image", [np.full((4, 4, 3), 0.5), np.ones((4, 4), bool)])
def test_pictures_of_other_types_are_not_written(tmp_path, image):
    with pytest.raises(InputError, match=r"scale it to 0\.\.255"):
        write_image(tmp_path / "a.png", image)
    assert not list(tmp_path.iterdir())
