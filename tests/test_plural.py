"""A number stands before the form of its unit that suits it."""

import pytest

from common.plural import counted


@pytest.mark.parametrize(("number", "said"), [(0, "0 images"), (1, "1 image"), (2, "2 images"), (9684, "9,684 images")])
def test_only_one_has_the_singular(number, said):
    assert counted(number, "image") == said


def test_a_plural_that_is_not_formed_with_an_s_is_given():
    assert [counted(number, "copy", "copies") for number in (1, 2)] == ["1 copy", "2 copies"]
