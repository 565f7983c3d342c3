"""A tablet that was enrolled anew says what became of a gift of its former journal: only its sealed proof of enrolment makes that heard."""

import pytest
from nacl.signing import SigningKey

from redeem.accounts.audit import OPERATOR
from redeem.devices import enrolment
from redeem.lib.encoding import base64url
from redeem.redemptions.pending import list_said
from redeem.web.context import now_ms
from redeem.web.urls import enrolment_link
from tests.tablets import Tablet
from tests.web.signed import Signing

HANDED_OVER = "The tablet that was enrolled anew says: handed over"


class Enrolled:
    """A tablet that was enrolled over HTTP, with what the server sealed for it."""

    def __init__(self, app, database, client, store, key):
        link = database.write(lambda db: enrolment.invite_tablet(db, OPERATOR, store, "Counter", now_ms(), 10).id)
        token = enrolment_link(app.extensions["redeem"], link).partition("#enrol=")[2]
        body = {"v": 1, "token": token, "public_key": base64url(bytes(key.verify_key))}
        told = client.post("/clerk/enrol", json=body).json
        self.client, self.key, self.device_id, self.proof = client, key, told["device"]["id"], told["proof"]
        self.journal = Tablet(database, self.device_id, key)

    def sync(self, **more):
        entries = [{"text": each.text, "signature": base64url(each.signature)} for each in self.journal.journal]
        body = {"v": 1, "after": 0, "entries": entries, "end": len(entries)} | more
        return Signing(self.client, self.device_id, self.key).post("/clerk/sync", body).json

    def old(self):
        entries = [{"text": each.text, "signature": base64url(each.signature)} for each in self.journal.journal]
        return {"device": self.device_id, "proof": self.proof, "entries": entries}

    def say(self, of, proof, *, handed_over=True):
        number = self.journal.write("said", device=of.device_id, entry=1, handed_over=handed_over, proof=proof)
        return self.sync()["answers"][str(number)]["code"]


@pytest.fixture
def enrolled(app, database, client, cast):
    def enrolled(seed, store=None):
        return Enrolled(app, database, client, store or cast.north, SigningKey(seed.encode().ljust(32)))

    return enrolled


@pytest.fixture
def before(enrolled, coupon):
    """It was told to give the coupon, and the reply was lost."""
    made = enrolled("what it was before")
    made.journal.write("ask", coupon=coupon.token)
    assert made.sync()["answers"]["1"]["code"] == "redeemed"
    return made


@pytest.fixture
def anew(enrolled, before):
    made = enrolled("what it is now")
    made.sync(old=before.old())
    return made


def test_it_is_shown_beside_the_pending_gift_and_on_the_coupons_page(office, before, anew, coupon):
    assert anew.say(before, before.proof) == "noted"
    manager = office("shop_manager")
    for page in ("/manager/conflicts", f"/manager/coupons/{coupon.id}", f"/manager/coupons/{coupon.id}/pending"):
        assert HANDED_OVER in manager.open(page).text
    assert HANDED_OVER in office("store_manager").open("/manager/conflicts").text


def test_so_is_that_it_was_not_handed_over(office, before, anew, coupon):
    anew.say(before, before.proof, handed_over=False)
    page = office("shop_manager").open(f"/manager/coupons/{coupon.id}/pending").text
    assert "The tablet that was enrolled anew says: not handed over" in page
    assert HANDED_OVER not in page


def test_a_store_is_not_told_what_a_tablet_of_another_says(office, enrolled, before, cast, coupon):
    there = enrolled("it went to the south", cast.south)
    there.sync(old=before.old())
    there.say(before, before.proof)
    assert HANDED_OVER in office("shop_manager").open("/manager/conflicts").text
    assert HANDED_OVER not in office("store_manager").open("/manager/conflicts").text


@pytest.mark.parametrize("shown", ["nothing", "its own", "another's", "forged", "a link"])
def test_what_another_device_claims_appears_nowhere(office, database, enrolled, before, anew, coupon, shown):
    liar = enrolled("it never was that tablet")
    said, signature = before.proof.rsplit(".", 1)
    proofs = {
        "nothing": None,
        "its own": liar.proof,
        "another's": enrolled("a third one").proof,
        "forged": f"{said}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}",
        "a link": "x" * 3000,
    }
    assert liar.say(before, proofs[shown]) == "noted"
    assert database.read(lambda db: list_said(db, [coupon.serial])) == {}
    manager = office("shop_manager")
    for page in ("/manager/conflicts", f"/manager/coupons/{coupon.id}", f"/manager/coupons/{coupon.id}/pending"):
        assert "enrolled anew says" not in manager.open(page).text
