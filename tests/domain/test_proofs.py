"""Proofs: each is good for exactly what it was made for."""

from dataclasses import replace

import pytest

from redeem.domain.proofs import EPOCHS_PER_GENERATION, Proofs, generation_of
from redeem.domain.signing_keys import verifies
from redeem.lib.encoding import from_base64url

OLD, NEW = "the first secret of this deployment, long", "the second secret of this deployment, long"
PROOFS = Proofs([OLD])
SERIAL, EPOCH = 7 << 32 | 42, EPOCHS_PER_GENERATION + 9


def test_a_grant_is_of_one_device_coupon_and_epoch():
    proof = PROOFS.grant("dev_1", SERIAL, EPOCH)
    assert len(proof) == 86
    assert PROOFS.is_grant(proof, "dev_1", SERIAL, EPOCH)
    for other in [("dev_2", SERIAL, EPOCH), ("dev_1", SERIAL + 1, EPOCH), ("dev_1", SERIAL, EPOCH + 1)]:
        assert not PROOFS.is_grant(proof, *other)


def test_a_yes_is_of_one_act_and_coupon():
    proof = PROOFS.yes("dev_1", "17", "the hash", SERIAL)
    assert PROOFS.is_yes(proof, "dev_1", "17", "the hash", SERIAL)
    for other in [
        ("dev_2", "17", "the hash", SERIAL),
        ("dev_1", "18", "the hash", SERIAL),
        ("dev_1", "17", "another", SERIAL),
        ("dev_1", "17", "the hash", SERIAL + 1),
    ]:
        assert not PROOFS.is_yes(proof, *other)


def test_a_receipt_is_of_one_end_of_a_journal_and_anybody_can_check_it():
    (public_key,) = map(from_base64url, PROOFS.published())
    receipt = PROOFS.receipt("dev_1", 2, 9, "the hash", 5)
    proof = from_base64url(receipt.proof)
    assert verifies(public_key, b"redeem-receipt-v2\0dev_1\x002\x009\0the hash\x005", proof)
    assert not verifies(public_key, b"redeem-receipt-v2\0dev_1\x002\x008\0the hash\x005", proof)
    assert PROOFS.is_receipt(receipt, "dev_1")
    assert not PROOFS.is_receipt(receipt, "dev_2")
    for other in [
        replace(receipt, generation=3),
        replace(receipt, number=8),
        replace(receipt, hash="another"),
        replace(receipt, at=6),
    ]:
        assert not PROOFS.is_receipt(other, "dev_1")


def test_a_code_proof_is_of_one_code():
    proof = PROOFS.code_proof(SERIAL, "7KQ2M4XZ9F3C")
    assert PROOFS.is_code(proof, SERIAL, "7KQ2M4XZ9F3C")
    assert not PROOFS.is_code(proof, SERIAL, "7KQ2M4XZ9F3D")
    assert not PROOFS.is_code(proof, SERIAL + 1, "7KQ2M4XZ9F3C")


@pytest.mark.parametrize("proof", [None, "", "A" * 86, "not base64url!", "ё" * 86, "A"])
def test_any_other_text_proves_nothing(proof):
    assert not PROOFS.is_grant(proof, "dev_1", SERIAL, EPOCH)
    assert not PROOFS.is_code(proof, SERIAL, "7KQ2M4XZ9F3C")


def test_no_proof_serves_for_another_purpose():
    assert not PROOFS.is_yes(PROOFS.receipt("dev_1", 1, 1, "x", 1).proof, "dev_1", "1", "x", 1)


def test_a_new_secret_signs_and_the_old_one_still_proves():
    both = Proofs([OLD, NEW])
    assert both.is_grant(PROOFS.grant("dev_1", SERIAL, EPOCH), "dev_1", SERIAL, EPOCH)
    assert not PROOFS.is_grant(both.grant("dev_1", SERIAL, EPOCH), "dev_1", SERIAL, EPOCH)
    assert both.is_code(PROOFS.code_proof(SERIAL, "7KQ2M4XZ9F3C"), SERIAL, "7KQ2M4XZ9F3C")
    assert len(both.published()) == 2


def test_an_epoch_tells_its_generation():
    assert [generation_of(epoch) for epoch in (EPOCHS_PER_GENERATION, 2 * EPOCHS_PER_GENERATION - 1)] == [1, 1]
