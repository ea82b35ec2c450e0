from collections import Counter

import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.synthetic.renderer.emotions import POOLED, columns_of, counts, draw_emotion
from pipelines.synthetic.renderer.geometry.facial_expression import COLUMNS


def units(vector):
    """The columns that are active, as one word: `AU12L` or `AU12R+AU12L`."""
    return "+".join(column for column, value in zip(COLUMNS, vector, strict=True) if value > 0)


def test_counts_are_those_that_papers_give():
    """CASME II: 63 disgusts, 32 happinesses, 27 repressions, 25 surprises; SAMM: 57 angers."""
    totals = {key: sum(table.values()) for key, table in counts().items()}
    assert [totals["casme2", name] for name in ("disgust", "happiness", "repression", "surprise")] == [
        63,
        32,
        27,
        25,
    ]
    assert [totals["samm", name] for name in ("anger", "contempt", "happiness", "surprise", "others")] == [
        57,
        12,
        26,
        15,
        26,
    ]
    counted = ("casme2", "samm", "casme3", "dfme")
    assert sum(total for (corpus, _), total in totals.items() if corpus in counted) == 3879


def test_smic_is_merged_as_megc_merges():
    table = counts()
    assert sum(table["smic", "positive"].values()) == 32 + 26
    assert (
        table["smic", "surprise"]["1+2"]
        == table["casme2", "surprise"]["1+2"] + table["samm", "surprise"]["1+2"]
    )
    assert sum(table["smic", "negative"].values()) == 63 + 27 + 57 + 12 + 9 + 8 + 6


def test_pooled_counts():
    """All four corpora, or those that have the emotion."""
    table = counts()
    of_all = [table[corpus, "happiness"]["12"] for corpus in ("casme2", "samm", "casme3", "dfme")]
    assert table[POOLED, "happiness"]["12"] == sum(of_all)
    assert table[POOLED, "repression"] == table["casme2", "repression"]
    assert (
        sum(total for (corpus, _), of in table.items() if corpus == POOLED for total in of.values()) == 3879
    )


@pytest.mark.parametrize(
    ("combination", "columns"),
    [
        ("12", ["AU12R", "AU12L"]),
        ("L12", ["AU12L"]),
        ("4+R10", ["AU04R", "AU04L", "AU10R"]),
        ("17", ["AU17"]),
        ("L16", ["AU16"]),
        ("38", []),
    ],
)
def test_codes_name_columns(combination, columns):
    assert [COLUMNS[k] for k in columns_of(combination)] == columns


def test_draws_occur_as_often_as_they_were_counted():
    rng = np.random.default_rng(0)
    draws = 4000
    seen = Counter(units(draw_emotion("casme2", "happiness", rng)) for _ in range(draws))
    # 6 of 32 are AU 12 on both sides, 6 on the left alone, 3 on the right alone, 5 are 6+12.
    wanted = {"AU12R+AU12L": 6, "AU12L": 6, "AU12R": 3, "AU06R+AU06L+AU12R+AU12L": 5}
    for name, clips in wanted.items():
        share = clips / 32
        assert seen[name] / draws == pytest.approx(share, abs=4 * (share / draws) ** 0.5), name


def test_every_counted_emotion_can_be_drawn():
    rng = np.random.default_rng(0)
    for corpus, emotion in counts():
        drawn = draw_emotion(corpus, emotion, rng)
        assert drawn.shape == (len(COLUMNS),)
        assert drawn.min() == 0 < 0.3 < drawn.max() <= 1, (corpus, emotion)


def test_what_was_not_counted_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="'joy' of 'samm'; samm has anger, contempt"):
        draw_emotion("samm", "joy", rng)
    with pytest.raises(InputError, match="corpora with counts: casme2, casme3, dfme, pooled, samm, smic"):
        draw_emotion("ckplus", "anger", rng)
