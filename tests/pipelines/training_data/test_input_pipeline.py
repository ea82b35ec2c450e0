from dataclasses import replace

import numpy as np
import pytest

from pipelines.datasets.splits import split_subjects
from pipelines.errors import InputError
from pipelines.image.bicubic import warp_back_bicubic
from pipelines.image.crops import crop_around
from pipelines.io.pairs import read_pair, write_pair
from pipelines.labels.mesh import mesh_label
from pipelines.records.builder import build
from pipelines.synthetic.renderer import render_pair
from pipelines.synthetic.renderer.generate import render_pairs
from pipelines.training_data.augmentation_config import Augmentation
from pipelines.training_data.input_pipeline import InputConfig, crop_and_label, flow_batches, training_batches
from pipelines.training_data.sources import open_source


@pytest.fixture(scope="module")
def records_folder(tmp_path_factory, clips_folder):
    folder = tmp_path_factory.mktemp("records")
    build(clips_folder, folder)
    return folder


def collect(dataset):
    batches = list(dataset)
    return [
        {name: np.concatenate([part[name].numpy() for part in parts]) for name in parts[0]}
        for parts in zip(*batches, strict=True)
    ]


def test_batches_of_records(records_folder):
    source = open_source(records_folder)
    assert len(source) == 9
    assert source.subjects == {"anna", "bert"}
    inputs, targets = collect(flow_batches(source, InputConfig(size=64, batch_size=4)))
    assert inputs["frame1"].shape == (9, 64, 64, 3)
    assert inputs["frame1"].dtype == np.float32
    assert 0 <= inputs["frame1"].min() < 0.2 < 0.8 < inputs["frame1"].max() <= 1
    assert targets["flow"].shape == (9, 64, 64, 2)
    assert 0.2 < targets["valid"].mean() < 0.7


def test_labels_are_in_pixels_of_the_crop(records_folder):
    """The clips move by 2 px a frame; a crop of `side` pixels on 64 makes 2 * 64 / side of it."""
    source = open_source(records_folder)
    _, targets = collect(flow_batches(source, InputConfig(size=64, batch_size=4, margin=0.5)))
    sizes = [np.ptp(np.argwhere(valid), axis=0).max() for valid in targets["valid"]]
    face = 98  # the portrait's face is 98 px high, which the crop's margins double
    assert np.mean(sizes) == pytest.approx(32, abs=2)
    labels = zip(targets["flow"], targets["valid"], strict=True)
    mean = np.mean([flow[valid].mean(axis=0) for flow, valid in labels], axis=0)
    np.testing.assert_allclose(mean, [2 * 32 / face, 0], atol=0.12)


def test_dense_flow_of_a_pair_is_kept(pair_folder):
    source = open_source(pair_folder)
    pair = read_pair(pair_folder, "00003")
    config = InputConfig(size=128)
    unknown = np.zeros((0, 128), bool)
    arrays = (pair.frame1, pair.frame2, pair.landmarks1, pair.landmarks2, pair.flow, pair.valid, unknown)
    _, _, flow, valid, _ = crop_and_label(config, *arrays)
    # Without landmarks the whole frame is taken: here of the same size, so everything is as it was.
    nowhere = np.zeros((0, 2), np.float32)
    whole1, _, whole_flow, _, face = crop_and_label(config, *arrays[:2], nowhere, nowhere, *arrays[4:])
    assert face.all()  # without landmarks nobody knows where it is
    np.testing.assert_array_equal(whole1, pair.frame1)
    np.testing.assert_array_equal(whole_flow, pair.flow)
    side = np.ptp(np.concatenate(arrays[2:4]), axis=0).max() * 1.3
    assert np.abs(flow[valid]).mean() == pytest.approx(np.abs(pair.flow).mean() * 128 / side, rel=0.35)
    assert len(source) == 12


def test_landmarks_become_the_label_where_there_is_no_flow(pair_folder):
    pair = read_pair(pair_folder, "00001")
    nothing = np.zeros((0, 128, 2), np.float32), np.zeros((0, 128), bool), np.zeros((0, 128), bool)
    # A margin that makes the crop as large as the picture around a centred face: only the label is new.
    _, _, flow, valid, _ = crop_and_label(
        InputConfig(size=128), pair.frame1, pair.frame2, pair.landmarks1, pair.landmarks2, *nothing
    )
    full, _ = mesh_label(pair.landmarks1, pair.landmarks2, (128, 128))
    scale = 128 / np.ceil(np.ptp(np.concatenate([pair.landmarks1, pair.landmarks2]), axis=0).max() * 1.3)
    assert np.linalg.norm(flow[valid], axis=-1).max() == pytest.approx(
        scale * np.linalg.norm(full, axis=-1).max(), rel=0.05
    )


def test_the_face_is_what_both_frames_show_of_it(tmp_path):
    """Against the renderer's mask, from which hair takes some; what is hidden, as by a hand, is left out."""
    pair = render_pair(3, 2)
    hidden = np.zeros((256, 256), bool)
    hidden[110:130, 100:150] = True
    write_pair(tmp_path, replace(pair, name="00000", occluded=hidden))
    source = open_source(tmp_path)
    ((_, targets),) = flow_batches(source, InputConfig(size=192, batch_size=1))
    face = targets["face"].numpy()[0]
    crop = crop_around(np.concatenate([pair.landmarks1, pair.landmarks2]), 192, InputConfig().margin)
    shown = crop.mask(pair.face & ~hidden)
    assert (face & shown).sum() > 0.85 * (face | shown).sum()
    assert not (face & crop.mask(hidden)).any()
    mirrored = Augmentation(0, 1, 0, flip_probability=1, relative_probability=0)
    ((_, targets),) = training_batches(source, InputConfig(192, 1, augmentation=mirrored)).take(1)
    assert (targets["face"].numpy()[0][:, ::-1] == face).mean() > 0.98


def test_the_face_of_a_corpus_own_landmarks_is_their_hull():
    square = np.float32([[40, 40], [90, 40], [90, 90], [40, 90], [60, 60]])
    frame = np.zeros((128, 128, 3), np.uint8)
    still = np.zeros((128, 128, 2), np.float32), np.ones((128, 128), bool), np.zeros((0, 128), bool)
    config = InputConfig(100, margin=0.5)  # twice as wide as the face: one pixel is one pixel
    face = crop_and_label(config, frame, frame, square, square, *still)[-1]
    assert face.sum() == pytest.approx(51**2, abs=110)
    assert face[30:70, 30:70].all()
    assert not face[:20].any()


def brightness(batches):
    """One number a pair, by which it is known again."""
    return np.concatenate([inputs["frame1"].numpy().mean(axis=(1, 2, 3)) for inputs, _ in batches])


def test_the_seed_fixes_the_order(pair_folder):
    def order(seed):
        config = InputConfig(size=64, batch_size=4, seed=seed)
        return brightness(training_batches(open_source(pair_folder), config).take(3))

    np.testing.assert_array_equal(order(0), order(0))
    assert not np.array_equal(order(0), order(1))
    np.testing.assert_array_equal(np.sort(order(0)), np.sort(order(1)))  # the same pairs


@pytest.mark.parametrize("data", ["pair_folder", "records_folder"])
def test_passes_show_the_same_pairs_in_another_order(request, data):
    source = open_source(request.getfixturevalue(data))
    config = InputConfig(size=64, batch_size=1)
    both = brightness(training_batches(source, config).take(2 * len(source)))
    first, second = both[: len(source)], both[len(source) :]
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(np.sort(first), np.sort(second))


@pytest.mark.parametrize("first", [1, 3, 4])
def test_who_comes_later_sees_the_same_batches(pair_folder, first):
    """Twelve pairs in batches of 5: batches 2 and 4 straddle two passes."""
    config = InputConfig(size=64, batch_size=5, augmentation=Augmentation())
    source = open_source(pair_folder)
    whole = list(training_batches(source, config).take(6))
    later = list(training_batches(source, config, first).take(6 - first))
    for ours, theirs in zip(later, whole[first:], strict=True):
        for part in (0, 1):
            for name in ours[part]:
                np.testing.assert_array_equal(ours[part][name], theirs[part][name])


def test_augmentation_is_another_at_every_pass(pair_folder):
    config = InputConfig(size=64, batch_size=12, augmentation=Augmentation())
    first, second = (
        brightness([batch]) for batch in training_batches(open_source(pair_folder), config).take(2)
    )
    assert not np.intersect1d(first, second).size


def test_landmarks_are_augmented_before_they_become_a_label(records_folder):
    """The clips move by 2 px a frame; a mirrored and enlarged crop moves the other way and by more."""
    only = {
        "scale": 1.0,
        "rotation": 0.0,
        "translation": 0.0,
        "relative_probability": 0.0,
        "contrast": 0.0,
        "gamma": 1.0,
    }
    mirrored = InputConfig(
        size=64, batch_size=9, margin=0.5, augmentation=Augmentation(flip_probability=1.0, **only)
    )
    ((_, plain),) = flow_batches(open_source(records_folder), InputConfig(size=64, batch_size=9, margin=0.5))
    ((_, turned),) = training_batches(open_source(records_folder), mirrored).take(1)
    means = [targets["flow"].numpy()[targets["valid"].numpy()].mean(axis=0) for targets in (plain, turned)]
    assert means[0][0] > 0.4
    np.testing.assert_allclose(means[1], means[0] * [-1, 1], atol=0.1)


def test_residuals_are_smaller_than_the_motion_and_the_same_at_every_pass(tmp_path):
    render_pairs(tmp_path / "pairs", 8, seed=3, size=96, mixture="head", workers=1)
    source = open_source(tmp_path / "pairs")

    def batches(probability):
        augmentation = Augmentation(residual_probability=probability, residual_error=0.5)
        return collect(flow_batches(source, InputConfig(size=96, batch_size=8, augmentation=augmentation)))

    def motion(targets):
        seen = targets["face"] & targets["valid"]
        return np.array([np.hypot(*f[s].T).mean() for f, s in zip(targets["flow"], seen, strict=True)])

    (_, whole), (inputs, residual), (again, _) = batches(0.0), batches(1.0), batches(1.0)
    assert (motion(residual) < 0.5 * motion(whole)).all()
    np.testing.assert_array_equal(inputs["frame2"], again["frame2"])
    some = motion(batches(0.5)[1])
    assert 0 < np.sum(some == motion(whole)) < len(some)


def test_no_pairs_are_no_training(pair_folder):
    with pytest.raises(InputError, match="no pairs"):
        training_batches(open_source(pair_folder).only(set()), InputConfig())


@pytest.mark.parametrize("count", [2, 3, 10, 123])
@pytest.mark.parametrize("seed", [0, 1])
def test_no_subject_is_on_both_sides(count, seed):
    subjects = [f"S{k:03d}" for k in range(count)]
    training, validation = split_subjects(subjects * 3, 0.2, seed)
    assert not training & validation
    assert training | validation == set(subjects)
    assert len(validation) == max(1, round(count * 0.2))
    assert (training, validation) == split_subjects(reversed(subjects), 0.2, seed)


def test_split_sources_share_no_subject(pair_folder):
    source = open_source(pair_folder)
    training, validation = split_subjects(source.subjects, 0.3, 0)
    parts = source.only(training), source.only(validation)
    assert not parts[0].subjects & parts[1].subjects
    assert len(parts[0]) + len(parts[1]) == len(source)


def test_one_subject_cannot_be_split():
    with pytest.raises(InputError, match="1 subject"):
        split_subjects(["a", "a"], 0.2, 0)
    assert split_subjects(["a"], 0, 0) == ({"a"}, set())


def test_what_is_no_source(tmp_path):
    with pytest.raises(InputError, match="neither records"):
        open_source(tmp_path)
    (tmp_path / "x.tfrecord").write_bytes(b"")
    with pytest.raises(InputError, match=r"manifest\.json"):
        open_source(tmp_path)
    (tmp_path / "manifest.json").write_text('{"clips": [{"colour": 1}]}')
    with pytest.raises(InputError, match="damaged"):
        open_source(tmp_path)


def test_synthesised_pairs_of_records(records_folder):
    """Frame 2 is made from the label, so that warping it back gives frame 1, up to light and noise."""
    source = open_source(records_folder)
    config = InputConfig(size=128, batch_size=4, label="synthesised", margin=0.3)
    inputs, targets = collect(flow_batches(source, config))
    again, _ = collect(flow_batches(source, config))
    real, _ = collect(flow_batches(source, InputConfig(size=128, batch_size=4, margin=0.3)))
    np.testing.assert_array_equal(inputs["frame2"], again["frame2"])
    np.testing.assert_array_equal(inputs["frame1"], real["frame1"])
    assert targets["valid"].mean() > 0.9  # the whole crop, but what leaves it
    for frame1, frame2, flow, valid, _ in zip(*inputs.values(), *targets.values(), strict=True):
        back = warp_back_bicubic(frame2, flow)[valid]
        # Light: a straight line through the grey levels.
        gain, offset = np.polyfit(back.ravel(), frame1[valid].ravel(), 1)
        assert np.abs(gain * back + offset - frame1[valid]).mean() < 0.02
        moved = np.linalg.norm(flow[valid], axis=-1).mean()
        assert moved > 0.5
        assert (
            np.abs(frame2 - frame1)[valid].mean() > 1.5 * np.abs(gain * back + offset - frame1[valid]).mean()
        )


def test_labels_that_there_are():
    with pytest.raises(InputError, match="unknown label method 'magic'"):
        InputConfig(label="magic")


def test_pairs_without_landmarks_are_augmented_too(tmp_path, pair_folder):
    """Whoever has flow and no faces, as FlyingChairs has: the whole frame is taken, and all of it counts."""
    pair = read_pair(pair_folder, "00000")
    write_pair(tmp_path, replace(pair, landmarks1=None, landmarks2=None, regions=None, face=None))
    source = open_source(tmp_path)
    config = InputConfig(size=64, batch_size=4, augmentation=Augmentation(relative_probability=1.0))
    inputs, targets = next(iter(training_batches(source, config)))
    assert inputs["frame1"].shape == (4, 64, 64, 3)
    assert targets["face"].numpy().all()
    assert np.isfinite(targets["flow"].numpy()[targets["valid"].numpy()]).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 8}, "size must be at least 16, but is 8"),
        ({"batch_size": 0}, "batch_size must be at least 1, but is 0"),
        (
            {"augmentation": Augmentation(flip_probability=1.5)},
            "flip_probability must be at least 0 and at most 1, but is 1.5",
        ),
        ({"augmentation": Augmentation(gamma=0.5)}, "gamma must be at least 1, but is 0.5"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(InputError) as raised:
        InputConfig(**settings)
    assert str(raised.value) == message
