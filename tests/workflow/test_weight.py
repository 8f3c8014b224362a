from wfcore.workflow.weight import is_light


def test_a_small_value_is_light() -> None:
    assert is_light({"a": [1, 2, {"b": "text"}]})
    assert is_light('{"a": 1}')


def test_many_values_or_much_text_are_not() -> None:
    assert not is_light([0] * 2_000)
    assert not is_light([[0] * 100] * 20)
    assert not is_light({"a": {"b": "x" * 20_000}})
    assert not is_light(b"x" * 20_000)


def test_a_value_that_grows_by_sharing_is_not_walked_to_its_end() -> None:
    shared: list[object] = [1, 2]
    for _ in range(64):
        shared = [shared, shared]
    assert not is_light(shared)
