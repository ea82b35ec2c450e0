import openpyxl
import pytest

from pipelines.synthetic.rendered_corpora.long_videos import casme_squared_writer, samm_long_writer
from pipelines.synthetic.rendered_corpora.long_videos.video_plan import plan_videos
from pipelines.synthetic.rendered_corpora.workbook import write_workbook


@pytest.mark.parametrize(
    ("writer", "macro", "micro", "videos"),
    [(casme_squared_writer, 300, 57, 88), (samm_long_writer, 343, 159, 145)],
)
def test_as_many_expressions_as_the_real_corpora_have(writer, macro, micro, videos):
    planned = writer.plan(writer.SUBJECTS, 3)
    kinds = [kind for video in planned for kind in video.kinds]
    assert (kinds.count("macro"), kinds.count("micro"), len(planned)) == (macro, micro, videos)
    assert {video.subject for video in planned} == set(range(writer.SUBJECTS))


def test_expressions_follow_each_other_with_rest_in_between():
    for video in plan_videos({"anger": 30, "surprise": 30}, 0.4, 3, 6, 12, 30.0, seed=1):
        ends = [1, *(act.offset for act in video.acts)]
        begins = [*(act.onset for act in video.acts), video.last]
        assert all(begin - end >= 30 for end, begin in zip(ends, begins, strict=True))
        for act, kind in zip(video.acts, video.kinds, strict=True):
            assert act.onset < act.apex < act.offset < act.last == video.last
            # Half a second divides micro- from macro-expressions.
            assert (act.offset - act.onset <= 15) == (kind == "micro")


def test_workbooks_hold_what_they_are_given(tmp_path):
    rows = [("a", None, 2.5), (), ("=A1", "01", 7)]
    write_workbook(tmp_path / "book.xlsx", {"one": rows, "two": [("x",)]})
    book = openpyxl.load_workbook(tmp_path / "book.xlsx")
    assert book.sheetnames == ["one", "two"]
    assert list(book["one"].values) == [("a", None, 2.5), (None, None, None), ("=A1", "01", 7)]
