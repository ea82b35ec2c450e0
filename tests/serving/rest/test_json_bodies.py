"""Bodies of REST requests and responses; expected answers are Serving's documented ones, or gRPC's."""

import base64
import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.protocol.serving_error import ServingError
from serving.protocol.stubs import meta_graph_pb2, types_pb2
from serving.rest import json_array, json_bodies, json_text
from serving.rest.json_array import JsonArray


def test_rows(answer):
    """The example of Serving's own page on its REST API: half plus two."""
    body = {"instances": [1.0, 2.0, 5.0]}
    assert answer("POST", "/v1/models/toy:predict", body) == {"predictions": [2.5, 3.0, 4.5]}


def test_columns(answer):
    body = {"signature_name": "serving_default", "inputs": {"x": [1, 2, 5]}}
    assert answer("POST", "/v1/models/toy/versions/1:predict", body) == {"outputs": [2.5, 3.0, 4.5]}
    assert answer("POST", "/v1/models/toy:predict", {"inputs": [1]}) == {"outputs": [2.5]}


def test_strings_and_bytes(answer):
    encoded = {"b64": base64.b64encode("grün".encode()).decode()}
    expected = {"same": "grün", "same_bytes": encoded}
    for given_ in ("grün", encoded):
        body = {"signature_name": "echo", "instances": [{"text": given_}]}
        assert answer("POST", "/v1/models/toy:predict", body) == {"predictions": [expected]}
    body = {"signature_name": "echo", "inputs": [encoded]}
    columns = {"same": ["grün"], "same_bytes": [encoded]}
    assert answer("POST", "/v1/models/toy:predict", body) == {"outputs": columns}


def test_same_flow_as_over_grpc(answer, client, frames):
    frame1, frame2 = frames((2, 12, 10, 3))
    rows = [{"frame1": a.tolist(), "frame2": b.tolist()} for a, b in zip(frame1, frame2, strict=True)]
    got = answer("POST", "/v1/models/face_flow:predict", {"instances": rows})["predictions"]
    np.testing.assert_array_equal(np.float32(got), client.flow(frame1, frame2))


def test_numbers_are_as_short_as_they_can_be(rest):
    _, body, _ = rest("POST", "/v1/models/toy:predict", {"instances": [0.2]})
    assert body == b'{"predictions":[2.1]}'  # and not 2.0999999046325684


def test_classify_and_regress(answer):
    body = {"signature_name": "classify", "examples": [{"x": [1.0, 2.5]}]}
    expected = [[["negative", 1.0], ["positive", 2.5], ["surprise", 3.5]]]
    assert answer("POST", "/v1/models/toy:classify", body) == {"results": expected}
    body = {"signature_name": "regress", "context": {"x": [8.0, 0.0]}, "examples": [{}, {"x": [2.0, 0.0]}]}
    assert answer("POST", "/v1/models/toy:regress", body) == {"results": [6.0, 3.0]}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "JSON Parse error: The document is empty"),
        (b"{", "JSON Parse error: "),
        (b"[1]", "JSON Value: [1] Is not object"),
        ({}, "Missing 'inputs' or 'instances' key"),
        ({"inputs": 1, "instances": [1]}, "expecting only one of 'inputs' or 'instances' keys to exist"),
        ({"instances": 1}, "Expecting 'instances' to be an list/array"),
        ({"instances": []}, "No values in 'instances' array"),
        ({"signature_name": 1, "inputs": [1]}, "'signature_name' key must be a string value."),
        ({"signature_name": "x", "inputs": [1]}, 'Serving signature name: "x" not found in signature def'),
        (
            {"instances": [{"z": 1}]},
            "Failed to process element: 0 key: z of 'instances' list. "
            "Error: INVALID_ARGUMENT: JSON object: does not have named input: z",
        ),
        ({"instances": [{}]}, "JSON object: {} keys must be equal to: x"),
        ({"instances": [{"x": 1}, 1]}, "Expecting object but got list at item 1 of input list"),
        ({"instances": [1, {"x": 1}]}, "Expecting value/list but got object at item 1 of input list"),
        (
            {"instances": ["1"]},
            "Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: "
            'JSON Value: "1" Type: String is not of expected type: float',
        ),
        ({"instances": [1, [2]]}, "Failed to process element: 1 of 'instances' list."),
        ({"inputs": [1, None]}, "JSON Value: null Type: Null is not of expected type: float"),
        ({"inputs": [True]}, "JSON Value: true Type: True is not of expected type: float"),
        ({"inputs": {"y": [1]}}, "Missing named input: x in 'inputs' object."),
        ({"inputs": [[1], [2, 3]]}, "Encountered list at unexpected size: 2 at level: 1 expected size: 1"),
        (b'{"inputs": ' + b"[" * 900 + b"]" * 900 + b"}", "nested deeper than 32 lists"),
        (b'{"inputs": ' + b"[" * 100_000, "JSON Parse error"),
        ({"signature_name": "echo", "inputs": [{"b64": "!"}]}, "Unable to base64 decode"),
        ({"signature_name": "echo", "inputs": [{"c": ""}]}, "not formatted correctly for base64 data"),
        ({"signature_name": "echo", "inputs": [1]}, "is not of expected type: string"),
    ],
)
def test_refused_predict(answer, rest_error, body, message):
    status, said = rest_error("POST", "/v1/models/toy:predict", body)
    assert status == 400
    assert message in said
    assert len(said) < 1100
    assert answer("POST", "/v1/models/toy:predict", {"instances": [1]}) == {"predictions": [2.5]}


@pytest.mark.parametrize(
    ("value", "said"),
    [(256, "256 Type: Number"), (-1, "-1 Type: Number"), (0.5, "0.5 Type: Number")],
)
def test_numbers_that_are_no_bytes(rest_error, frames, value, said):
    frame = frames((1, 4, 4, 3))[0].tolist()
    frame[0][0][0][0] = value
    body = {"inputs": {"frame1": frame, "frame2": frame}}
    status, message = rest_error("POST", "/v1/models/face_flow:predict", body)
    assert status == 400
    assert said in message


@pytest.mark.parametrize("value", [256, -1, 1.5, None, "x", True])
@pytest.mark.parametrize("count", [1, 3])
def test_one_wrong_number_in_long_rows(rest_error, frames, value, count):
    rows = [{"frame1": frame.tolist(), "frame2": frame.tolist()} for frame in frames((count, 20, 20, 3))[0]]
    rows[-1]["frame2"][7][8][1] = value
    status, message = rest_error("POST", "/v1/models/face_flow:predict", {"instances": rows})
    assert status == 400
    assert message.startswith(f"Failed to process element: {count - 1} key: frame2 of 'instances' list. ")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "key 'examples' is expected and was not found"),
        ({"examples": 1}, "Expecting 'examples' value to be an list/array"),
        ({"examples": []}, "'examples' value is an empty array"),
        ({"examples": [1]}, "Example must be JSON object but got JSON Number"),
        ({"examples": [{"x": [1, None]}]}, "Feature: x has element with unexpected JSON type: Null"),
        ({"examples": [{"x": [1, "a"]}]}, "Unexpected element type in feature: x expecting type: int64"),
        ({"examples": [{"x": [2**63]}]}, "Only int64_t is supported"),
    ],
)
def test_refused_classify(rest_error, body, message):
    body = {"signature_name": "classify"} | body
    status, said = rest_error("POST", "/v1/models/toy:classify", body)
    assert status == 400
    assert message in said


def one_wrong(body: bytes, wrong: bytes) -> bytes:
    """Replace the last number of a body."""
    return re.sub(rb"\d+(?=\D*$)", lambda match: wrong, body)


def bodies():
    """Valid bodies by name."""
    pairs = np.random.default_rng(0).integers(0, 256, (20, 2, 32, 32, 3))
    named = [{"frame1": pair[0].tolist(), "frame2": pair[1].tolist()} for pair in pairs]
    return {
        "columns": {"inputs": {name: [row[name] for row in named] for name in named[0]}},
        "rows": {"instances": named},
        "plain column": {"inputs": pairs[:, 0].tolist()},
        "plain rows": {"instances": pairs[:, 0].tolist()},
        "scalars": {"instances": pairs.ravel().tolist()},
        "named scalars": {"instances": [{"frame1": number} for number in pairs[0].ravel().tolist()]},
    }


BODIES = bodies()
WRONG = [
    *("256", "1.5", "null", '"x,["', "[1]", "1,2", "{}", "foo", "1 2"),
    *('{"a":[1]}', '{"a":{"b":"}"}}', '[{"a":[1,[2]]}]'),
]


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [(kind, wrong) for kind in BODIES for wrong in WRONG if (kind, wrong) != ("scalars", "1,2")],
)
def test_an_error_costs_at_most_twice_as_much(monkeypatch, kind, wrong):
    """Counted in bytes that are parsed, as Python objects or as arrays, and in which brackets are counted."""
    body = json.dumps(BODIES[kind])
    names = [name for name in ("frame1", "frame2") if f'"{name}"' in body] or ["frame1"]
    declared = {name: meta_graph_pb2.TensorInfo(dtype=types_pb2.DT_UINT8) for name in names}
    as_objects, as_arrays, brackets = [], [], []
    for module, name, counts in (
        (json_text, "decode", as_objects),
        (JsonArray, "values", as_objects),
        (json_array, "_parse_array", as_arrays),
        (json_array, "_structure", brackets),
    ):
        parse = getattr(module, name)

        def counted(text, *more, parse=parse, counts=counts):
            counts.append(len(text.text if isinstance(text, JsonArray) else text))
            return parse(text, *more)

        monkeypatch.setattr(module, name, counted)
    json_bodies.tensors(json_bodies.parse(body.encode()), declared)
    valid = sum(as_objects), sum(as_arrays)
    as_objects.clear(), as_arrays.clear(), brackets.clear()
    last = re.compile(r"\d+(?=\D*$)")
    with pytest.raises(ServingError):
        json_bodies.tensors(json_bodies.parse(last.sub(wrong, body).encode()), declared)
    # The part in which the wrong element is found may be parsed a third time.
    assert sum(as_objects) <= 2 * valid[0] + 2 * json_array._GROUP
    assert sum(as_arrays) <= 2 * valid[1] + 2 * json_array._GROUP
    assert sum(brackets) <= len(body) + len(wrong)


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["x", "b64"]), inner),
        max_leaves=8,
    ),
    st.sampled_from(["instances", "inputs", "examples"]),
)
def test_whatever_is_sent_gets_an_answer(rest, value, key):
    method = "classify" if key == "examples" else "predict"
    signature = "classify" if key == "examples" else "serving_default"
    status, body, _ = rest("POST", f"/v1/models/toy:{method}", {key: value, "signature_name": signature})
    assert status in (200, 400), body
    json.loads(body)


def test_nan_and_infinity(rest):
    body = b'{"instances": [NaN, Infinity, -Infinity]}'
    assert rest("POST", "/v1/models/toy:predict", body)[1] == b'{"predictions":[NaN,Infinity,-Infinity]}'


def test_a_model_may_reject_nan(rest_error):
    frame = np.zeros((1, 4, 4, 3)).tolist()
    wrong = json.dumps({"signature_name": "serving_float32", "inputs": {"frame1": frame, "frame2": frame}})
    wrong = wrong.replace("0.0", "NaN", 1).encode()
    status, message = rest_error("POST", "/v1/models/face_flow:predict", wrong)
    assert (status, message) == (400, "input frame1 holds a value that is NaN or infinite")


def test_strings_that_are_not_utf8(rest):
    body = b'{"signature_name": "echo", "inputs": ["a\xff"]}'
    expected = b'{"outputs":{"same":["a\xff"],"same_bytes":[{"b64":"Yf8="}]}}'
    assert rest("POST", "/v1/models/toy:predict", body)[1] == expected


def test_mark_repeated_key_and_more_behind(answer):
    body = b'\xef\xbb\xbf{"instances": [1.0], "instances": [7.0]} ;'
    assert answer("POST", "/v1/models/toy:predict", body) == {"predictions": [2.5]}


def test_a_rank_that_is_not_declared_is_computed(answer):
    assert answer("POST", "/v1/models/toy:predict", {"inputs": 2.0}) == {"outputs": 3.0}
    assert answer("POST", "/v1/models/toy:predict", {"inputs": [[1, 2]]}) == {"outputs": [[2.5, 3.0]]}
