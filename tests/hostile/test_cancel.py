"""A till that cancels long after it was told yes: the gift is not owed, the coupon is good again, and the cancel is listed as late."""

import pytest
from sqlalchemy import select, update

from redeem.db.models.ledger import Act, Reversal
from redeem.lib.times import MS_PER_MINUTE
from tests.databases import on_both_databases
from tests.hostile.scene import OWED_FOR_ONE


@on_both_databases
@pytest.mark.parametrize(("minutes", "is_late"), [(0, False), (29, False), (31, True), (40 * 24 * 60, True)])
def test_a_cancel_after_the_limit_is_listed_as_late(scene, minutes, is_late):
    before, coupon = scene.owed()["South Bakery"], scene.coupon()
    _, given = scene.liars_till.redeem(coupon.token, "one")
    assert scene.owed()["South Bakery"] == before + OWED_FOR_ONE
    earlier = update(Act).where(Act.id == given["id"]).values(at=Act.at - minutes * MS_PER_MINUTE)
    scene.database.write(lambda session: session.execute(earlier))
    for _ in range(2):
        assert scene.liars_till.post("/redemptions/one/cancel")[0] == 200
    late = scene.database.read(lambda s: s.scalars(select(Reversal.late).where(Reversal.act_id == given["id"])).all())
    assert [bool(each) for each in late] == [is_late]
    assert scene.owed()["South Bakery"] == before
    assert scene.till.redeem(coupon.token)[0] == 201
