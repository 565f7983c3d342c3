"""Moving a device to another store: a till at once, a tablet by an entry of its own journal, and nothing is given twice."""

import pytest
from sqlalchemy import select

from redeem.accounts.audit import OPERATOR
from redeem.coupons import issue
from redeem.db.models.coupons import Coupon
from redeem.db.models.ledger import Act
from redeem.db.models.managers import AuditEntry, Manager
from redeem.db.models.reports import Tally
from redeem.devices import enrolment, moves, write_off
from redeem.lib.errors import Conflict, NotFound
from redeem.recovery.restore import begin
from redeem.sync.old_journals import OldJournal
from tests import factories
from tests.books import ends_in_order
from tests.counters import serials
from tests.databases import on_both_databases
from tests.factories import NOW, all_of
from tests.tablets import Tablet
from tests.tills import till_of, tills_of

pytestmark = [on_both_databases, ends_in_order]
MINUTE = 60_000


@pytest.fixture
def ask(counters, manager_id):
    def asked(device_id, store_id):
        return counters.write(
            lambda session: moves.move_device(session, factories.person(session, manager_id), device_id, store_id, NOW)
        )

    return asked


@pytest.fixture
def stay(counters, manager_id):
    return lambda device_id: counters.write(
        lambda session: moves.let_device_stay(session, factories.person(session, manager_id), device_id, NOW)
    )


def go(tablet, store_id, epoch=0):
    """The tablet says that it goes, and hears what came of it."""
    number = tablet.write("move", store=store_id, epoch=epoch)
    reply = tablet.sync(epoch=epoch)
    return reply.answers[number]["code"], reply


def place(counters, device_id):
    return counters.device(device_id).store_id


def audited(database):
    return [entry.what for entry in database.read(lambda session: all_of(session, AuditEntry))]


# A tablet.


def test_a_tablet_goes_when_it_says_so_itself(counters, tablet, cast, ask):
    ask(tablet.device_id, cast.annex)
    assert place(counters, tablet.device_id) == cast.north
    assert tablet.sync().move == cast.annex
    code, reply = go(tablet, cast.annex)
    assert (code, reply.snapshot["store"]["id"], reply.move) == ("moved", cast.annex, None)
    assert place(counters, tablet.device_id) == cast.annex


def test_the_office_reads_who_moved_it_and_when(counters, tablet, cast, ask, database, manager_id):
    ask(tablet.device_id, cast.annex)
    go(tablet, cast.annex)
    asked, moved = database.read(lambda session: all_of(session, AuditEntry))
    became = {"store": ["North, on the square", "North, at the station"]}
    for entry, what in ((asked, "device_to_move"), (moved, "device_moved")):
        assert (entry.what, entry.manager_id, entry.details["changed"]) == (what, manager_id, became)
        assert entry.partner_id == cast.north_partner


def test_between_partners_neither_reads_of_the_other(tablet, cast, ask, database):
    ask(tablet.device_id, cast.south)
    go(tablet, cast.south)
    assert [entry.partner_id for entry in database.read(lambda s: all_of(s, AuditEntry))] == [None, None]


def test_nobody_moves_it_but_a_manager(counters, tablet, cast):
    assert go(tablet, cast.annex)[0] == "not_moved"
    assert place(counters, tablet.device_id) == cast.north


def test_it_goes_where_it_is_wanted_and_nowhere_else(counters, tablet, cast, ask):
    ask(tablet.device_id, cast.annex)
    for nonsense in (cast.south, "sto_nowhere", None, 7):
        assert go(tablet, nonsense)[0] == "not_moved"
    assert place(counters, tablet.device_id) == cast.north


def test_a_lost_reply_costs_nothing(counters, tablet, cast, ask):
    ask(tablet.device_id, cast.annex)
    go(tablet, cast.annex)
    again = tablet.sync(tablet.journal, known="what it knew before")
    assert again.answers == {1: {"code": "moved", "store": cast.annex}}
    assert again.snapshot["store"]["id"] == cast.annex


def test_what_stands_before_the_move_happened_before_it(counters, database, tablet, cast, ask):
    one, other = counters.coupon(), counters.coupon()
    ask(tablet.device_id, cast.annex)
    tablet.write("gave-at-risk", coupon=one.token)
    tablet.write("move", store=cast.annex, epoch=0)
    tablet.write("ask", coupon=other.token)
    codes = [answer["code"] for answer in tablet.sync().answers.values()]
    assert codes == ["redeemed", "moved", "redeemed"]
    acts = database.read(lambda s: s.scalars(select(Act).order_by(Act.name)).all())
    assert [act.store_id for act in acts] == [cast.north, cast.north, cast.annex]


def test_behind_the_move_the_rules_of_the_other_store_count(counters, tablet, cast, ask):
    coupon = counters.coupon(campaign=cast.north_only)
    ask(tablet.device_id, cast.south)
    tablet.write("move", store=cast.south, epoch=0)
    tablet.write("ask", coupon=coupon.token)
    assert tablet.sync().answers[2]["code"] == "wrong_store"


def test_another_partner_is_not_told_who_gave_it(counters, tablet, cast, ask):
    coupon = counters.coupon()
    tablet.act("gave-at-risk", coupon=coupon.token, clerk=cast.clerk_id)
    ask(tablet.device_id, cast.south)
    go(tablet, cast.south)
    told = tablet.sync(verify=coupon.token).verdict
    assert told["code"] == "already_redeemed"
    assert not {"store", "device", "clerk"} & told.keys()


def test_the_clerks_are_those_of_the_other_store(tablet, cast, ask):
    ask(tablet.device_id, cast.south)
    _, reply = go(tablet, cast.south)
    assert [clerk["id"] for clerk in reply.snapshot["clerks"]] == [cast.south_clerk_id]
    assert reply.snapshot["partner"]["id"] == cast.south_partner


# What it holds.


def test_until_it_goes_it_gives_what_it_holds(counters, tablet, cast, ask):
    coupon, _ = counters.held()
    ask(tablet.device_id, cast.annex)
    assert counters.holder(coupon) == tablet.device_id
    assert tablet.act("gave-held", coupon=coupon.token) == "redeemed"


def test_it_gives_back_all_that_it_held(counters, tablet, cast, ask):
    second = counters.add_tablet()
    held = [counters.homed() for _ in range(6)]
    second.sync()
    epoch = max((grant.epoch for grant in tablet.sync().grants), default=0)
    ask(tablet.device_id, cast.annex)
    assert go(tablet, cast.annex, epoch)[0] == "moved"
    second.sync()
    assert {counters.holder(coupon) for coupon in held} == {second.device_id}


def test_what_it_gave_and_takes_back_later_others_may_give(counters, tablet, cast, ask):
    coupon, epoch = counters.held()
    tablet.act("gave-held", coupon=coupon.token)
    ask(tablet.device_id, cast.annex)
    go(tablet, cast.annex, epoch)
    assert tablet.act("undo", of=1, reason="returned") == "reversed"
    assert counters.holder(coupon) is None


def test_it_stays_while_it_does_not_know_what_it_holds(counters, tablet, cast, ask):
    """A grant is on its way: the tablet may hear of it, and give the coupon."""
    coupon, epoch = counters.held()
    ask(tablet.device_id, cast.annex)
    assert tablet.sync(epoch=epoch - 1).move is None
    assert go(tablet, cast.annex, epoch - 1)[0] == "not_moved"
    assert counters.holder(coupon) == tablet.device_id
    assert tablet.sync(epoch=epoch).move == cast.annex


def test_it_gives_back_also_when_it_does_not_move(counters, tablet, cast, ask, stay):
    """A manager has thought better of it meanwhile. What it gave back, it may be granted anew."""
    coupon, epoch = counters.held()
    ask(tablet.device_id, cast.annex)
    stay(tablet.device_id)
    code, reply = go(tablet, cast.annex, epoch)
    assert (code, serials(reply.grants)) == ("not_moved", [coupon.serial])
    assert reply.grants[0].epoch > epoch


def test_a_void_that_waits_for_it_happens_then(counters, tablet, cast, ask):
    coupon, epoch = counters.held()
    counters.write(lambda session: issue.void(session, coupon.serial, "returned", NOW))
    ask(tablet.device_id, cast.annex)
    go(tablet, cast.annex, epoch)
    assert counters.view(coupon).voided_at == NOW


def test_it_is_granted_no_more_where_it_is(counters, tablet, cast, ask):
    ask(tablet.device_id, cast.annex)
    coupon = counters.homed()
    assert tablet.sync().grants == []
    assert counters.promised(coupon) is None


def test_what_it_was_promised_it_does_not_take_along(counters, tablet, cast, ask):
    coupon = counters.homed()
    assert counters.promised(coupon) == tablet.device_id
    ask(tablet.device_id, cast.annex)
    _, reply = go(tablet, cast.annex)
    assert (counters.promised(coupon), reply.grants) == (None, [])


def test_what_it_has_asked_for_it_does_not_get_elsewhere(counters, tablet, cast, ask):
    """The holder gives it back when it has gone: to the store where the customer stands, not to one where the coupon may not be good."""
    coupon, epoch = counters.held()
    asker = counters.add_tablet()
    assert asker.act("ask", coupon=coupon.token) == "held_elsewhere"
    ask(asker.device_id, cast.annex)
    assert go(asker, cast.annex)[0] == "moved"
    assert counters.read(lambda session: session.get_one(Coupon, coupon.serial).recalled_for_id) is None
    tablet.act("release", id=coupon.id, epoch=epoch)
    assert counters.holder(coupon) == tablet.device_id
    assert asker.sync().grants == []


def test_where_it_goes_it_gets_its_share(counters, tablet, cast, ask):
    coupon = counters.coupon(cast.annex)
    ask(tablet.device_id, cast.annex)
    assert serials(go(tablet, cast.annex)[1].grants) == [coupon.serial]


def test_it_stays_while_a_yes_is_open(counters, tablet, cast, ask):
    tablet.act("ask", coupon=counters.coupon().token)
    ask(tablet.device_id, cast.annex)
    assert tablet.sync().move is None
    assert go(tablet, cast.annex)[0] == "not_moved"
    tablet.act("drop", of=1)
    assert tablet.sync().move == cast.annex


def test_it_stays_while_something_waits_for_a_manager(database, counters, tablet, cast, ask):
    before = Tablet(database, "dev_01J00000000000000000000000", tablet.key)
    before.write("lock")
    tablet.sync(old=OldJournal(before.device_id, before.journal))
    ask(tablet.device_id, cast.annex)
    assert tablet.sync().move is None
    assert go(tablet, cast.annex)[0] == "not_moved"


# The manager.


def test_twice_is_once(tablet, cast, ask, database):
    for _ in range(2):
        ask(tablet.device_id, cast.annex)
    assert audited(database) == ["device_to_move"]


def test_the_last_word_counts(counters, tablet, cast, ask):
    ask(tablet.device_id, cast.annex)
    ask(tablet.device_id, cast.south)
    assert go(tablet, cast.annex)[0] == "not_moved"
    assert go(tablet, cast.south)[0] == "moved"


def test_there_and_back(counters, tablet, cast, ask):
    for store_id in (cast.south, cast.north):
        ask(tablet.device_id, store_id)
        assert go(tablet, store_id)[1].snapshot["store"]["id"] == store_id


def test_it_can_be_taken_back(counters, tablet, cast, ask, stay, database):
    coupon = counters.homed()
    ask(tablet.device_id, cast.annex)
    assert [stay(tablet.device_id) for _ in range(2)] == [True, False]
    assert serials(tablet.sync().grants) == [coupon.serial]
    assert audited(database) == ["device_to_move", "device_stays"]


def test_to_where_it_is_already(tablet, cast, ask):
    with pytest.raises(Conflict, match="at this store already"):
        ask(tablet.device_id, cast.north)


@pytest.mark.parametrize(
    "end",
    [
        lambda s, d, now: enrolment.revoke_device(s, OPERATOR, d, now),
        lambda s, d, now: write_off.write_off(s, d, manager(s), now),
    ],
    ids=["revoked", "lost"],
)
def test_one_that_is_over_moves_nowhere(counters, tablet, cast, ask, end):
    ask(tablet.device_id, cast.annex)
    counters.write(lambda session: end(session, tablet.device_id, NOW))
    tablet.write("move", store=cast.annex, epoch=0)
    assert tablet.sync().answers == {}
    assert counters.device(tablet.device_id).moves_to_id is None
    with pytest.raises(Conflict, match="revoked or written off"):
        ask(tablet.device_id, cast.annex)


def manager(session):
    return session.scalars(select(Manager.id).where(Manager.role == "shop_manager")).one()


def test_what_is_unknown(cast, tablet, ask):
    with pytest.raises(NotFound):
        ask("dev_01J00000000000000000000000", cast.annex)
    with pytest.raises(NotFound):
        ask(tablet.device_id, "sto_01J00000000000000000000000")


# A restored ledger.


def restore(counters):
    return counters.write(lambda session: begin(session, NOW, none_enrolled=True)).generation


def test_nothing_moves_while_the_ledger_recovers(counters, tablet, cast, ask):
    ask(tablet.device_id, cast.annex)
    restore(counters)
    assert tablet.sync().move is None
    assert go(tablet, cast.annex)[0] == "not_moved"
    with pytest.raises(Conflict, match="restored"):
        ask(tablet.device_id, cast.south)


def test_a_move_that_the_backup_lacks_has_not_happened(counters, tablet, cast, ask, database):
    """The journal comes again, and with it that the tablet gave back what it had held before."""
    coupon, epoch = counters.held()
    tablet.write("move", store=cast.annex, epoch=epoch)
    generation = restore(counters)
    reply = tablet.restored(generation, known="of the annex", epoch=epoch)
    assert reply.answers[1]["code"] == "not_moved"
    assert reply.snapshot["store"]["id"] == cast.north
    assert counters.holder(coupon) is None


# A till.


@pytest.fixture
def till(database, cast):
    return lambda: till_of(database, cast.north_till)


def test_a_till_is_there_at_once(counters, cast, ask, till):
    ask(cast.north_till_id, cast.annex)
    assert till().actor.store_id == cast.annex


def test_a_till_hears_its_first_answers_again(counters, cast, ask, till):
    coupon = counters.coupon()
    first = till().redeem(coupon, "attempt")
    ask(cast.north_till_id, cast.south)
    again = till().redeem(coupon, "attempt")
    assert (again.code, again.details, again.replayed) == (first.code, first.details, True)


def test_a_till_takes_back_what_it_gave_elsewhere(database, counters, cast, ask, till):
    redemption = till().redeem(counters.coupon()).details["redemption"]
    ask(cast.north_till_id, cast.south)
    assert till().reverse(redemption, "undo").code == "reversed"
    counted = database.read(lambda session: session.scalars(select(Tally)).all())
    assert {row.store_id for row in counted if row.outcome == "reversed"} == {cast.north}


def test_what_was_taken_back_elsewhere_is_counted_on_the_day_of_the_gift_there(database, counters, cast, ask, till):
    """It is another day at the one store than at the other."""
    far = counters.write(lambda s: factories.store(s, cast.north_partner, "Far", time_zone="Pacific/Pago_Pago")).id
    redemption = till().redeem(counters.coupon()).details["redemption"]
    ask(cast.north_till_id, far)
    assert till().reverse(redemption, "undo").code == "reversed"


def test_another_stores_till_takes_back_nothing_of_one_that_moved_away(database, cast, counters, ask, till):
    ask(cast.north_till_id, cast.south)
    redemption = till().redeem(counters.coupon()).details["redemption"]
    assert tills_of(database, cast)["north two"].reverse(redemption).code == "nothing_to_undo"
