"""Lists that are parsed late, held against Python's own parser."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.protocol.serving_error import ServingError
from serving.rest.json_array import JsonArray, ParseError, list_at_start

FLOAT, BYTE, INT = np.dtype("f4"), np.dtype("u1"), np.dtype("i4")


def numbers(text):
    return JsonArray(text.encode())


@pytest.mark.parametrize("dtype", [FLOAT, INT, BYTE])
@pytest.mark.parametrize("shape", [(1,), (7,), (2, 3), (1, 1, 1), (3, 1, 2), (2, 2, 2, 2)])
def test_rectangles(shape, dtype):
    array = np.random.default_rng(0).integers(0, 256, shape)
    for text in (json.dumps(array.tolist()), json.dumps(array.tolist(), indent=2)):
        found = numbers(text).array(dtype)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(
    "text",
    [
        *("[]", "[[],[]]", "[[1,2],[3]]", "[1,[2]]", "[[1],2]", "[1,2] ,"),
        *("[[1,2][,3,4]]", "[[1][2]]", "[" * 40 + "1" + "]" * 40),
    ],
)
def test_what_is_no_rectangle_of_numbers(text):
    for dtype in (FLOAT, INT, BYTE):
        assert numbers(text).array(dtype) is None


@pytest.mark.parametrize(
    "text",
    [
        "[1 2]",
        "[[1,2],3[,4]]",
        "[01]",
        "[-01]",
        "[-]",
        "[- 1]",
        "[1-2]",
        "[--1]",
        "[1.]",
        "[.5]",
        "[+1]",
        "[1e]",
        "[[1], [.5]]",
    ],
)
def test_a_rectangle_of_what_are_no_numbers(text):
    for dtype in (FLOAT, INT, BYTE):
        with pytest.raises(ServingError, match=r"^JSON Parse error: Invalid value. at offset: \d+$"):
            numbers(text).array(dtype)


@pytest.mark.parametrize("text", ["[1.5]", "[1.0]", "[1e2]"])
def test_what_is_no_byte(text):
    assert numbers(text).array(BYTE) is None
    np.testing.assert_array_equal(numbers(text).array(FLOAT), np.float32(json.loads(text)))


@pytest.mark.parametrize(("text", "number"), [("[256]", 256), ("[[7, -1], [300, 2]]", -1)])
def test_what_a_byte_cannot_hold(text, number):
    with pytest.raises(
        ServingError, match=f"^JSON Value: {number} Type: Number is not of expected type: uint8$"
    ):
        numbers(text).array(BYTE)


@settings(max_examples=300, deadline=None)
@given(st.text("[],-0 1.e", max_size=14))
def test_array_or_none_as_pythons_parser(text):
    try:
        expected = np.array(json.loads(text), np.float64)
    except (ValueError, TypeError, RecursionError):
        expected = None
    try:
        found = numbers(text).array(np.dtype("f8"))
    except ParseError:
        assert expected is None
        return
    if found is not None:
        np.testing.assert_array_equal(found, expected)


def mixed(count):
    """Lists of numbers, strings with brackets and commas in them, and objects."""
    part = [1, 'a], ["b', [2.5, [None]], {"b64": "YQ==,"}, []]
    return [part, *range(count), *[[k, "x" * (k % 40)] for k in range(count)]]


@pytest.mark.parametrize("count", [0, 3, 1000, 5000])
def test_division(count):
    """Elements and groups are what Python's parser finds, however long the list is."""
    expected = mixed(count)
    whole = numbers(json.dumps(expected))
    assert whole.values() == expected
    assert len(whole) == len(expected)
    assert [as_python(item) for item in whole.items()] == expected
    groups = [(group.values(), length) for group, length in whole.groups()]
    assert [item for group, _ in groups for item in group] == expected
    assert [len(group) for group, _ in groups] == [length for _, length in groups]
    assert len(groups) <= 1 + len(whole.text) // 16384
    assert as_python(whole.first()) == expected[0]


def test_division_of_lists_in_lists():
    """Lists in lists find their elements by the commas of the outermost."""
    row = [*range(9000), "a, [b", {"c": [1, 2]}, [3, [4, 5]]]
    expected = [[row, [[]], 1], [[[row, row[::-1]]]]]

    def divided(value):
        return [divided(item) for item in value.items()] if isinstance(value, JsonArray) else value

    whole = numbers(json.dumps(expected, indent=1))
    assert divided(whole) == expected
    assert divided(whole.first()) == expected[0]
    assert whole.shape() == (2, 3, len(row))


def as_python(value):
    return value.values() if isinstance(value, JsonArray) else value


def test_a_long_element_is_a_group_of_its_own():
    rows = np.arange(30_000).reshape(3, 10_000).tolist()
    assert [(group.values(), length) for group, length in numbers(json.dumps(rows)).groups()] == [
        ([row], 1) for row in rows
    ]


@pytest.mark.parametrize(
    ("text", "shape"),
    [("[]", (0,)), ("[[]]", (1, 0)), ("[[1, 2], 3]", (2, 2)), ('["]", [1]]', (2,)), ("[[[1]]]", (1, 1, 1))],
)
def test_shape(text, shape):
    assert numbers(text).shape() == shape


def test_a_list_that_is_nested_too_deeply():
    with pytest.raises(ServingError, match="nested deeper than 32 lists"):
        numbers("[" * 33 + "]" * 33).shape()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1, [2]], [3]", "[1, [2]]"),
        ("[1, 2] , ", "[1, 2]"),
        ('["]"], 1', '["]"]'),
        ("[[1], [2]", None),
        ("[1]]", "[1]"),
        ("[", None),
    ],
)
def test_the_list_at_the_start(text, expected):
    found = list_at_start(text.encode())
    assert (found and found.text.decode()) == expected
