"""Strict JSON is parsed, and all else is refused."""

import pytest

from redeem.lib.strictjson import DEPTH_MAX, BadJson, depth, loads


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"a": [1, 2.5, true, null, "x"]}', {"a": [1, 2.5, True, None, "x"]}),
        ('"\\u00e9 \\ud83c\\udf81"', "é 🎁"),
        (" 0 ", 0),
        (b'"\xc3\xa9"', "é"),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        ('{"a": {"a": 1}, "b": {"a": 2}}', {"a": {"a": 1}, "b": {"a": 2}}),
        ("-0", 0),
        ("1e3", 1000.0),
    ],
)
def test_it_parses_json(text, value):
    assert loads(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "nul",
        "{'a': 1}",
        '{"a": 1,}',
        "[1,]",
        "01",
        "+1",
        ".5",
        "0x10",
        "1 2",
        '"\n"',
        '"\t"',
        '"\0"',
        "// no\n1",
        '{"a": 1, "a": 2}',
        '{"a": 1, "\\u0061": 2}',
        '[{"b": {"a": 1, "a": 1}}]',
        "NaN",
        "[Infinity]",
        "-Infinity",
        "1e400",
        "-1e999",
        '"\\ud800"',
        '{"\\udc00": 1}',
        '["\\ud83c x"]',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b"\xef\xbb\xbf\xef\xbb\xbf1",
        "\ufeff1",
        b"\xff\xfe1\x00",
        "1" * 5_000,
    ],
)
def test_it_refuses_what_is_not_strict_json(text):
    with pytest.raises(BadJson):
        loads(text)


@pytest.mark.parametrize("shape", ["[{}]", '{{"a": {}}}'])
def test_it_parses_up_to_the_limit_of_nesting_and_no_deeper(shape):
    def nested(levels):
        text = "1"
        for _ in range(levels):
            text = shape.format(text)
        return text

    assert depth(loads(nested(DEPTH_MAX))) == DEPTH_MAX
    with pytest.raises(BadJson):
        loads(nested(DEPTH_MAX + 1))


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_a_hundred_thousand_levels_are_refused_quickly(opening):
    with pytest.raises(BadJson):
        loads(opening * 100_000)


@pytest.mark.parametrize(("value", "levels"), [(1, 0), ("x", 0), ([], 1), ({}, 1), ([[], {"a": [1]}], 3)])
def test_depth_counts_lists_and_objects(value, levels):
    assert depth(value) == levels
