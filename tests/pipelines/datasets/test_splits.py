import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.datasets.splits import SPLITS, folds
from pipelines.errors import InputError

BP4D = [f"F{k:03d}" for k in range(1, 24)] + [f"M{k:03d}" for k in range(1, 19)]


@given(st.sets(st.text(st.characters(codec="ascii"), min_size=1), min_size=3, max_size=70), st.randoms())
def test_nobody_is_on_two_sides(subjects, random):
    shuffled = sorted(subjects) * 2
    random.shuffle(shuffled)
    for split in ("loso", "3-fold"):
        made = folds(split, shuffled)
        assert made == folds(split, subjects)
        check(made, subjects)
    assert [fold.test for fold in folds("loso", subjects)] == [{name} for name in sorted(subjects)]
    sizes = [len(fold.test) for fold in folds("3-fold", subjects)]
    assert len(sizes) == 3
    assert max(sizes) - min(sizes) <= 1


def check(made, subjects):
    for fold in made:
        assert fold.test
        assert not fold.training & fold.test
        assert fold.training | fold.test == set(subjects)
    assert sorted(name for fold in made for name in fold.test) == sorted(subjects)  # each once


def test_published_folds_of_bp4d():
    made = folds("bp4d-3-fold", BP4D)
    check(made, BP4D)
    assert [len(fold.test) for fold in made] == [14, 14, 13]
    # Spot checks of the published lists, which are in another order there.
    assert {"F001", "M007", "F018", "M008"} <= made[0].test
    assert {"M011", "F003", "M010", "M005"} <= made[1].test
    assert {"F007", "F015", "F006", "F014"} <= made[2].test


@pytest.mark.parametrize(
    ("split", "subjects", "says"),
    [
        ("loso", ["a", "a"], "too few"),
        ("3-fold", ["a", "b"], "too few"),
        ("bp4d-3-fold", ["F001", "F002"], "too few"),
        ("bp4d-3-fold", [*BP4D, "S005"], "'S005' is none"),
        ("5-fold", BP4D, "unknown split '5-fold'; use one of: loso"),
    ],
)
def test_splits_that_cannot_be_made(split, subjects, says):
    with pytest.raises(InputError, match=says):
        folds(split, subjects)
    assert "loso" in SPLITS
