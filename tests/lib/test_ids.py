import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redeem.lib import ids

serials = st.integers(0, 2**63 - 1)


def test_a_new_id_has_its_kind_in_front():
    made = ids.new_id("sto")
    assert ids.is_id("sto", made)
    assert not ids.is_id("prt", made)
    assert len(made) == 30


def test_a_new_id_carries_the_present_time():
    before = time.time_ns() // 1_000_000
    made = ids.new_id("sto")
    after = time.time_ns() // 1_000_000
    assert ids.new_id("sto", before, entropy=0) <= made <= ids.new_id("sto", after, entropy=2**80 - 1)


def test_new_ids_differ():
    assert len({ids.new_id("act", at_ms=0) for _ in range(1000)}) == 1000


def test_the_same_moment_and_entropy_give_the_same_id():
    assert ids.new_id("sto", at_ms=0, entropy=0) == "sto_" + "0" * 26
    assert ids.new_id("sto", at_ms=2**48 - 1, entropy=2**80 - 1) == "sto_7" + "Z" * 25


def test_an_id_is_a_ulid_as_its_specification_writes_them():
    assert ids.new_id("x", at_ms=1469918176385, entropy=0).startswith("x_01ARYZ6S41")


def test_later_ids_sort_later():
    assert ids.new_id("sto", at_ms=1000, entropy=2**80 - 1) < ids.new_id("sto", at_ms=1001, entropy=0)


@pytest.mark.parametrize(("at_ms", "entropy"), [(-1, 0), (2**48, 0), (0, -1), (0, 2**80)])
def test_a_ulid_out_of_range_is_refused(at_ms, entropy):
    with pytest.raises(ValueError, match="48 bits"):
        ids.new_id("sto", at_ms, entropy)


@pytest.mark.parametrize(
    "text",
    ["", "sto", "sto_", "sto_" + "0" * 25, "sto_" + "0" * 27, "sto_8" + "0" * 25, "sto_" + "u" * 26, "STO_" + "0" * 26,
     "sto_" + "0" * 26 + "\n", "sto_" + "٠" * 26],
)  # fmt: skip
def test_a_malformed_id_is_not_an_id(text):
    assert not ids.is_id("sto", text)


@given(serials)
def test_a_serial_comes_back_from_its_coupon_id(serial):
    assert ids.coupon_of(ids.coupon_id(serial)) == serial
    assert ids.serial_of(*ids.split_serial(serial)) == serial


def test_a_serial_is_campaign_and_number():
    assert ids.coupon_id(7 << 32 | 42) == "cpn_7_42"
    assert ids.split_serial(7 << 32 | 42) == (7, 42)


@pytest.mark.parametrize("serial", [-1, 2**63])
def test_a_serial_out_of_range_is_refused(serial):
    with pytest.raises(ValueError, match="no such serial"):
        ids.split_serial(serial)


@pytest.mark.parametrize(("campaign", "number"), [(-1, 0), (0, -1), (2**31, 0), (0, 2**32)])
def test_a_campaign_or_number_out_of_range_has_no_serial(campaign, number):
    with pytest.raises(ValueError, match="no serial"):
        ids.serial_of(campaign, number)


@pytest.mark.parametrize("number", [0, 7, 2**31 - 1])
def test_a_campaign_number_comes_back_from_its_id(number):
    assert ids.campaign_of(ids.campaign_id(number)) == number


@pytest.mark.parametrize(
    "text", ["", "cmp_", "cmp_01", "cmp_-1", "cmp_2147483648", "cmp_٧", "cpn_7", "cmp_7 ", "cmp_7\n"]
)
def test_a_malformed_campaign_id_is_none(text):
    assert ids.campaign_of(text) is None


@pytest.mark.parametrize(
    "text",
    ["", "cpn_7", "cpn_7_", "cpn_07_1", "cpn_7_042", "cpn_2147483648_0", "cpn_0_4294967296", "cpn_7_42_1", "cpn_7_٤"],
)
def test_a_malformed_coupon_id_is_none(text):
    assert ids.coupon_of(text) is None
