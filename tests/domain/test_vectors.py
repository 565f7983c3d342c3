import pytest

from tests.vectors import make


@pytest.mark.parametrize("name", make.MAKERS)
def test_the_vectors_are_what_their_maker_writes(name):
    assert (make.FOLDER / f"{name}.json").read_text(encoding="utf-8") == make.written(name)
