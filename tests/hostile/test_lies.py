"""A partner that writes its own client: no lie of it raises what is owed, or keeps an honest counter from giving what it holds."""

import pytest

from tests.books import ends_in_order
from tests.databases import on_postgresql
from tests.hostile.lies import TABLE, tell
from tests.hostile.scene import OWED_FOR_ONE, PHASES

TOLD = [(lie, phase) for phase in PHASES for lie in TABLE.lies if phase in lie.phases]
NAMES = [f"{phase}: {lie.name}" for lie, phase in TOLD]


@ends_in_order
@pytest.mark.parametrize(("lie", "phase"), TOLD, ids=NAMES)
def test_no_lie_is_paid(scene, lie, phase):
    tell_in_vain(scene, lie, phase)


@on_postgresql
@ends_in_order
@pytest.mark.parametrize("lie", TABLE.lies, ids=lambda lie: lie.name)
def test_no_lie_is_paid_on_postgresql(scene, lie):
    """In its last phase alone, for each copies whole databases; a lie that is told after a restore was told through it."""
    tell_in_vain(scene, lie, lie.phases[-1])


def tell_in_vain(scene, lie, phase):
    before = tell(lie, scene, phase)
    owed = before | {"South Bakery": before["South Bakery"] + lie.gifts * OWED_FOR_ONE}
    assert scene.owed() == owed
    assert scene.rules() == ({lie.rule} if lie.rule else set())
    given = scene.honest_gives()
    assert scene.owed() == owed | {"North Coffee": owed["North Coffee"] + given * OWED_FOR_ONE}


@pytest.mark.parametrize("lie", TABLE.lies, ids=lambda lie: lie.name)
def test_each_is_paid_where_nothing_stands_against_it(scene, lie, monkeypatch):
    """The control: whatever can't be told without its guard tests nothing."""
    for name, instead in lie.guards:
        monkeypatch.setattr(name, instead)
    before = tell(lie, scene, lie.phases[0])
    scene.liar.sync()
    assert scene.owed() != before | {"South Bakery": before["South Bakery"] + lie.gifts * OWED_FOR_ONE}
