"""Bodies as RapidJSON reads them with Serving's flags."""

import json

import numpy as np
import pytest

from serving.protocol.serving_error import ServingError
from serving.rest import json_text
from serving.rest.json_array import JsonArray
from serving.rest.json_syntax import to_bytes, to_text
from serving.rest.json_text import NotAnObject, parse_object

INT = np.dtype("i4")

LONG = json.dumps(np.arange(300).reshape(3, 100).tolist())


def test_long_arrays_are_cut_out_and_strings_are_not():
    body = f'{{"x": {LONG}, "text": "{LONG}", "rows": [{{"x": {LONG}}}, [{LONG}, 1]]}}'.encode()
    found = parse_object(body)
    assert isinstance(found["x"], JsonArray)
    assert found["text"] == LONG
    assert isinstance(found["rows"][0]["x"], JsonArray)
    np.testing.assert_array_equal(found["x"].array(INT), json.loads(LONG))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a": 1, "a": 2}', {"a": 1}),
        (b'\xef\xbb\xbf {"a": 1} and more', {"a": 1}),
        (
            b'{"a": Infinity, "b": -Inf, "c": Inf, "d": "Inf"}',
            {"a": np.inf, "b": -np.inf, "c": np.inf, "d": "Inf"},
        ),
        (b'{"a": 18446744073709551615}', {"a": 2**64 - 1}),
        (b'{"a": "\\ud83d\\ude00"}', {"a": "\U0001f600"}),
        (b'{"a": "\\\\ud83d"}', {"a": "\\ud83d"}),
    ],
)
def test_what_rapidjson_takes(body, expected):
    assert parse_object(body) == expected


def test_nan_is_a_number():
    assert np.isnan(parse_object(b'{"a": NaN}')["a"])


def test_strings_are_bytes():
    text = parse_object(b'{"a": "\xff\xfe"}')["a"]
    assert to_bytes(text) == b"\xff\xfe"
    assert to_text(text) == "\ufffd\ufffd"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"  ", "The document is empty."),
        (b"{", "Missing a name for object member. at offset: 1"),
        (b'{"a" 1}', "Missing a colon after a name of object member. at offset: 5"),
        (b'{"a": [1 2]}', "Missing a comma or ] after an array element. at offset: 9"),
        (b'{"a": 1 "b"}', "Missing a comma or } after an object member. at offset: 8"),
        (b'{"a": "b', "Missing a closing quotation mark in string."),
        (b'{"a": "\\ud800"}', "The surrogate pair in string is invalid."),
        (b'{"a": ' + b"1" * 5000 + b"}", "Exceeds the limit"),
        (b'{"a": ' + b"[" * 100_000, "Invalid value. at offset: 100006"),
        (b'{"a": ' + b'{"a": ' * 100_000, "nested too deeply"),
    ],
)
def test_errors(body, message):
    with pytest.raises(ServingError, match="JSON Parse error: ") as caught:
        parse_object(body)
    assert message in caught.value.message


def test_no_object():
    with pytest.raises(NotAnObject) as caught:
        parse_object(b"[1]")
    assert caught.value.value == [1]


@pytest.mark.parametrize("body", [b'{"a":"' + b'\\"' * 20_000, b"[" * 20_000, b'"' * 20_001, b"[1" * 20_000])
def test_the_search_for_arrays_is_linear(body):
    """Each character is looked at once: the pieces that are found make up no more than the body."""
    assert sum(len(piece) for piece in json_text._RUN.findall(body)) <= len(body)
