"""What a tablet gave that the backup lacks, and that was enrolled anew at another partner's store: whose gift it is."""

import pytest
from nacl.signing import SigningKey
from sqlalchemy import select

from redeem.accounts.roles import Scope
from redeem.coupons import issue
from redeem.db.models.ledger import Conflict
from redeem.devices.forgotten import Proof
from redeem.ledger.signing import load_ring
from redeem.lib.errors import NotFound
from redeem.partners import settlement
from redeem.sync import quarantine
from redeem.sync.old_journals import OldJournal
from tests import factories
from tests.books import ends_in_order
from tests.counters import serials
from tests.databases import on_both_databases
from tests.factories import NOW, PROOFS
from tests.restores import all_report, restore

pytestmark = [on_both_databases, ends_in_order]
OLD_KEY = SigningKey(b"a tablet that the backup lacks 1")
NEW_KEY = SigningKey(b"the same tablet with a fresh key")


def admit(counters, device_id, manager_id, **options):
    return counters.write(
        lambda s: quarantine.admit(s, device_id, manager_id, load_ring(s), PROOFS, NOW, **options)
    ).outcomes


def gave(counters, vault, store, make=None, none_enrolled=False):
    """Backs up; a tablet is enrolled at the store and gives a coupon. Puts the backup back. Answers the coupon and the tablet."""
    vault.back_up()
    at = store or counters.write(make)
    late = counters.add_tablet(OLD_KEY, at)
    coupon = counters.coupon()
    number = late.write("ask", coupon=coupon.token)
    late.sync()
    late.act("gave", of=number)
    restore(counters, vault, none_enrolled=none_enrolled)
    return coupon, late, Proof(late.device_id, bytes(OLD_KEY.verify_key), at, "Second")


def hand_in(counters, late, proof, key=NEW_KEY):
    """Enrols the tablet anew at the south store, and hands its journal in."""
    new = counters.add_tablet(key, counters.cast.south)
    new.sync(old=OldJournal(late.device_id, late.journal, proof))


def owed(counters):
    return {a.partner_name for a in counters.read(settlement.list_accounts) if any(money.amount for money in a.owed)}


def test_it_is_of_the_store_that_the_proof_names(counters, cast, vault, manager_id):
    coupon, late, proof = gave(counters, vault, cast.north)
    hand_in(counters, late, proof)
    assert admit(counters, late.device_id, manager_id)
    assert counters.standing(coupon).store_id == cast.north
    assert owed(counters) == {"North Coffee"}


def test_a_second_gift_is_no_own_one_if_the_first_was_given_at_the_other_store(
    counters, cast, vault, tills, manager_id
):
    """A device's own second gift falls to its partner. This one is another partner's, so the campaign says who pays."""
    coupon, late, proof = gave(counters, vault, cast.north, none_enrolled=True)
    new = counters.add_tablet(NEW_KEY, cast.south)
    all_report(counters, tills, 2)
    new.restored(2)
    assert new.act("gave", of=new.write("ask", coupon=coupon.token)) == "noted"
    new.sync(old=OldJournal(late.device_id, late.journal, proof))
    assert admit(counters, late.device_id, manager_id)["conflict"] == 1
    assert counters.read(lambda s: s.scalar(select(Conflict.bearer))) == "issuer"


def test_the_tablet_gives_back_a_hold_on_what_it_gave_before(counters, cast, vault, tills, manager_id):
    """Its journal of today does not know of it."""
    coupon, late, proof = gave(counters, vault, cast.north, none_enrolled=True)
    new = counters.add_tablet(NEW_KEY, cast.annex)
    all_report(counters, tills, 2)
    new.restored(2)
    counters.write(lambda s: issue.get_or_adopt(s, coupon.serial, NOW))
    counters.write(lambda s: issue.change_home(s, coupon.serial, cast.annex, NOW))
    (grant,) = new.sync().grants
    new.sync(old=OldJournal(late.device_id, late.journal, proof))
    admit(counters, late.device_id, manager_id)
    assert serials(new.sync(epoch=grant.epoch).recalls) == [coupon.serial]


def test_that_stores_managers_see_it_and_no_others(counters, cast, vault, manager_id):
    _, late, proof = gave(counters, vault, cast.north)
    hand_in(counters, late, proof)
    north, south = Scope(partner_id=cast.north_partner), Scope(partner_id=cast.south_partner)
    (waiting,) = counters.read(lambda s: quarantine.list_waiting(s, north))
    assert (waiting.store_id, waiting.partner_name) == (cast.north, "North Coffee")
    assert counters.read(lambda s: quarantine.page_of_waiting(s, north)).items == [waiting]
    assert counters.read(lambda s: quarantine.list_waiting(s, south)) == []
    with pytest.raises(NotFound):
        admit(counters, late.device_id, manager_id, scope=south)
    assert admit(counters, late.device_id, manager_id, scope=north)


def test_without_a_proof_it_is_of_the_store_of_the_tablet_that_kept_its_key(counters, cast, vault, manager_id):
    coupon, late, _ = gave(counters, vault, cast.north)
    hand_in(counters, late, None, OLD_KEY)
    admit(counters, late.device_id, manager_id)
    assert counters.standing(coupon).store_id == cast.south


def test_of_a_store_that_the_backup_lacks_too_it_is_where_the_tablet_is_now(counters, cast, vault, manager_id):
    coupon, late, proof = gave(
        counters, vault, None, lambda s: factories.store(s, cast.north_partner, "North, at the airport").id
    )
    hand_in(counters, late, proof)
    admit(counters, late.device_id, manager_id)
    assert counters.standing(coupon).store_id == cast.south
