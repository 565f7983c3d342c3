"""After a restore a hostile tablet claims what others hold, and what nobody holds, with epochs as high as they go."""

import pytest

from redeem.devices.write_off import write_off
from tests.books import ends_in_order
from tests.databases import on_both_databases
from tests.hostile.client import EPOCHS_END
from tests.hostile.scene import OWED_FOR_ONE

GENERATION = 2**32
pytestmark = [on_both_databases, ends_in_order]


def claims_of_all(scene, epoch, *proof):
    """Of everybody's coupons, of any campaign, also of coupons that the ledger lacks."""
    campaigns = range(1, max(scene.risky, scene.held_only) + 1)
    return [[campaign, number, epoch, *proof] for campaign in campaigns for number in range(20)]


@pytest.fixture
def restored(scene):
    scene.vault.back_up()
    scene.put_back()
    return scene


EPOCHS = [
    lambda life: life,  # the first of the generation before
    lambda life: life * GENERATION - 1,  # the last of it
    lambda life: life * GENERATION + 1,
    lambda life: (life + 1) * GENERATION - 1,  # the last of this one
    lambda life: (life + 1) * GENERATION,
    lambda _: EPOCHS_END,
]


@pytest.mark.parametrize("epoch", EPOCHS, ids=["lowest", "last life's", "first", "this life's last", "next", "highest"])
def test_who_claims_all_has_nothing_of_what_others_hold(restored, epoch):
    scene, before = restored, restored.owed()
    for proof in ((), ("A" * 86,)):
        claims = claims_of_all(scene, epoch(scene.generation), *proof)
        scene.report(scene.liar, claims=claims, more_claims=True)
    for coupon in (*scene.held, scene.spare):
        assert scene.liar.tell("gave-held", coupon=coupon.token) == "contested"
    assert scene.owed() == before
    (coupon,) = scene.held
    assert scene.honest.tell("gave-held", coupon=coupon.token, **scene.honest.grants[coupon.id].shown) == "redeemed"


@pytest.mark.parametrize("epoch", EPOCHS, ids=["lowest", "last life's", "first", "this life's last", "next", "highest"])
def test_honest_tablets_are_still_granted_coupons_and_give_them(restored, epoch):
    """What was claimed is granted anew once the liar is written off. No grant may come to be of a generation which the ledger has not
    reached: it would prove that the ledger is an old copy.
    """
    scene = restored
    scene.report(scene.liar, claims=claims_of_all(scene, epoch(scene.generation)))
    scene.all_report()
    scene.database.write(lambda session: write_off(session, scene.liar.device, scene.manager_id, scene.now))
    scene.grant(scene.honest, scene.spare)
    scene.held.append(scene.spare)
    scene.spare = scene.coupon(scene.held_only)
    before = scene.owed()["North Coffee"]
    assert {grant.epoch // GENERATION for grant in scene.honest.grants.values()} == {1, scene.generation}
    given = scene.honest_gives()
    assert scene.owed()["North Coffee"] == before + given * OWED_FOR_ONE
