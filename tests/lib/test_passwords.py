import threading
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import argon2
import pytest

from redeem.lib import passwords, weak_passwords
from redeem.lib.errors import Invalid
from redeem.lib.passwords import Crowded, Gate

STORED = passwords.hash_password("correct horse battery")


def test_the_right_password_is_verified():
    assert passwords.verify(STORED, "correct horse battery")


@pytest.mark.parametrize(
    "password", ["", "correct horse batter", "Correct horse battery", "correct horse battery ", "x" * 5000]
)
def test_a_wrong_password_is_not_verified(password):
    assert not passwords.verify(STORED, password)


def test_an_account_that_does_not_exist_has_no_password():
    assert not passwords.verify(None, "nobody has this password")


def test_a_damaged_hash_verifies_nothing():
    assert not passwords.verify("$argon2id$broken", "correct horse battery")


def test_a_hash_carries_its_parameters_and_salt():
    assert STORED.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.hash_password("correct horse battery") != STORED


def test_a_hash_with_other_parameters_needs_a_rehash():
    other = argon2.PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash("correct horse battery")
    assert passwords.verify(other, "correct horse battery")
    assert (passwords.needs_rehash(other), passwords.needs_rehash(STORED)) == (True, False)


def test_one_letter_typed_in_two_ways_is_one_letter():
    composed, apart = "пароль с й", "пароль с и\u0306"
    assert passwords.verify(passwords.hash_password(composed), apart)


def test_a_password_as_long_as_allowed_is_hashed():
    assert passwords.verify(passwords.hash_password("x" * 256), "x" * 256)


def test_a_password_too_long_is_not_hashed():
    with pytest.raises(Invalid, match="at most 256"):
        passwords.hash_password("x" * 257)


@pytest.mark.parametrize("password", ["", "elevenchars", "x" * 257])
def test_a_password_of_the_wrong_length_is_refused(password):
    with pytest.raises(Invalid, match="12 to 256"):
        passwords.check_password(password)


@pytest.mark.parametrize("password", ["twelve chars", "some words " * 23 + "end", "длинный пароль"])
def test_any_other_password_is_accepted(password):
    passwords.check_password(password)


@pytest.mark.parametrize("pin", ["", "123", "123456789", "12a4", "12 4", "1379\n", "١٣٧٩", "-137", "１３７９"])
def test_a_pin_is_four_to_eight_digits(pin):
    with pytest.raises(Invalid, match="4 to 8 digits"):
        passwords.check_pin(pin)


@pytest.mark.parametrize(
    "pin", ["0000", "99999999", "1234", "4321", "7890", "0987", "12345678", "1212", "70707", "454545"]
)
def test_a_trivial_pin_is_refused(pin):
    with pytest.raises(Invalid, match="another PIN"):
        passwords.check_pin(pin)


@pytest.mark.parametrize("pin", ["1379", "2580", "1123", "83519", "20481024"])
def test_another_pin_is_accepted(pin):
    passwords.check_pin(pin)


@pytest.mark.parametrize(
    "password",
    [
        "password2026",
        "Qwertyuiop!1",
        "...letmein12345",
        "passwordpassword",
        "dragon dragon",
        "1q2w3e4r5t6y",
        "123456789012",
        "zyxwvutsrqpo",
        "ab1ab1ab1ab1",
        "zzzzzzzzzzzz",
        "12.03.1985-12.03.1985",
        "йцукенгшщзхъ",
        "Пароль123456",
    ],
)
def test_what_is_guessed_first_is_refused(password):
    with pytest.raises(Invalid, match="harder to guess"):
        passwords.check_password(password)


@pytest.mark.parametrize(
    "password",
    ["correct horse battery staple", "Xk9#qq-vv-1234567", "password for the corner shop", "четыре слова подряд"],
)
def test_what_only_looks_like_it_is_taken(password):
    passwords.check_password(password)


@pytest.mark.parametrize("password", ["vera-likes-coffee", "my IVANOVA words", "buhgalter 1 buhgalter 1 x"])
def test_a_password_with_ones_own_name_or_address_is_refused(password):
    with pytest.raises(Invalid, match="without your name"):
        passwords.check_password(password, ("buhgalter.1@shop.example", "Vera Ivanova"))


def test_short_names_and_the_addresss_host_are_in_many_words():
    passwords.check_password("kind shop windows", ("ann@shop.example", "Li Wu Kin"))


def test_the_list_is_the_one_that_was_taken_over():
    assert sha256(weak_passwords.LIST.read_bytes()).hexdigest() == (
        "aeb682b553788d85588dfcacc002720301d953812d2ea4d32d7261b72cc68308"
    )
    assert (weak_passwords.LIST.parent / "LICENSE").read_text().startswith("MIT License")


def test_the_gate_lets_one_in_a_few_wait_and_nobody_else():
    gate, opened, inside = Gate(places=3), threading.Event(), threading.Semaphore(0)
    at_once, most = 0, 0

    def hashing():
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        inside.release()
        opened.wait(10)
        at_once -= 1

    with ThreadPoolExecutor(3) as pool:
        held = [pool.submit(gate.run, hashing) for _ in range(3)]
        inside.acquire()
        while gate.places._value:
            pass
        with pytest.raises(Crowded):
            gate.run(hashing)
        opened.set()
        for each in held:
            each.result(10)
    assert most == 1
    gate.run(lambda: None)


def test_a_hash_that_fails_gives_its_place_back():
    gate = Gate(places=1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            gate.run(lambda: 1 / 0)
