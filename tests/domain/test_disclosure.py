"""Who sees what of a coupon: every audience and every field is decided, and nobody who could use a code is shown one."""

from json import loads

import pytest

from redeem.domain.disclosure import SIGHTS, Audience, Field, Sight, disclose, masked, sight

CODE, TOKEN = "7KQ2M4XZ9F3C", "1234567890" * 18 + "987"
MAY_USE_IT = {Audience.BEARER, Audience.ISSUER}


def test_every_audience_has_a_sight_for_every_field():
    assert {audience: len(sights) for audience, sights in SIGHTS.items()} == dict.fromkeys(Audience, len(Field))


@pytest.mark.parametrize("audience", sorted(set(Audience) - MAY_USE_IT))
@pytest.mark.parametrize("field", [Field.TOKEN, Field.LINK, Field.SHORT_CODE, Field.ENTRY])
def test_no_other_audience_sees_all_of_what_gives_the_gift(audience, field):
    assert sight(audience, field) is not Sight.WHOLE


def test_a_partner_is_shown_no_part_of_a_code():
    """A tablet is told a hash of each code that it holds: the rest of the code would be found from that."""
    assert disclose(Audience.PARTNER, Field.SHORT_CODE, CODE) is None
    assert disclose(Audience.PARTNER, Field.TOKEN, TOKEN) is None


def test_the_shop_sees_which_code_it_is_and_not_the_code():
    assert disclose(Audience.SHOP_MANAGER, Field.SHORT_CODE, CODE) == "••••••••9F3C"
    assert disclose(Audience.AUDITOR, Field.TOKEN, TOKEN) == "••••••••0987"
    assert disclose(Audience.ISSUER, Field.SHORT_CODE, CODE) == CODE


@pytest.mark.parametrize(("value", "seen"), [("", ""), ("9F3C", "••••"), ("12345678", "••••••••")])
def test_of_a_short_value_nothing_is_seen(value, seen):
    assert masked(value) == seen


def test_an_entry_is_shown_without_what_the_bearer_showed():
    entry = f'{{"v": 1, "n": 3, "kind": "gave-held", "coupon": "{TOKEN}", "typed": "{CODE}", "note": "Кофе"}}'
    seen = disclose(Audience.PARTNER, Field.ENTRY, entry)
    assert seen
    assert (TOKEN in seen, CODE in seen) == (False, False)
    assert loads(seen) | {"coupon": TOKEN, "typed": CODE} == loads(entry)
