"""What the shop does seldom: it makes campaigns, changes its signing keys, and says that one is compromised."""

from random import Random

from sqlalchemy import select
from sqlalchemy.orm import Session

from redeem.accounts.audit import OPERATOR
from redeem.coupons import campaigns
from redeem.db.models.coupons import Campaign, SigningKey
from redeem.domain.signing_keys import KeyStatus
from redeem.ledger import signing
from tests import factories
from tests.simulation.world import World


def begin_campaign(world: World, place: int, _chance: Random) -> None:
    """Coupons of it are issued from now on. A restored ledger knows of it only what tablets carry."""
    partners = sorted({each.partner for each in world.setting.places})
    name = f"Campaign {len(world.setting.campaigns)}"
    made = world.server.write(lambda session: factories.campaign(session, name, partners=partners).number)
    world.setting.campaigns.insert(place % 2, made)
    world.say("the shop makes campaign", made)


def rotate_key(world: World, _place: int, chance: Random) -> None:
    """A new key signs from now on."""
    seed, sealer, now = chance.randbytes(32), world.server.tools.sealer, world.clock.now
    kid = world.server.write(lambda session: signing.rotate(session, sealer, now, seed=seed))
    world.say("the shop signs with key", kid)


def compromise_key(world: World, place: int, _chance: Random) -> None:
    """An earlier key is compromised. Its coupons are good no more, and what was given of them before stays given."""

    def work(session: Session) -> int | None:
        kids = session.scalars(select(SigningKey.kid).order_by(SigningKey.kid)).all()[:-1]
        if not kids:
            return None
        signing.set_status(session, kids[place % len(kids)], KeyStatus.COMPROMISED, world.clock.now)
        return int(kids[place % len(kids)])

    kid = world.server.write(work)
    if kid is not None:
        world.say("key", kid, "is compromised")


def confirm_campaigns(world: World) -> None:
    """A manager looks at what came back after a restore, and finds it right."""

    def work(session: Session) -> list[int]:
        came_back = session.scalars(select(Campaign).where(Campaign.restored_at.is_not(None))).all()
        for each in came_back:
            campaigns.confirm(session, OPERATOR, each.number, each.version, world.clock.now)
        return [each.number for each in came_back]

    if confirmed := world.server.write(work):
        world.say("a manager confirms", *confirmed)


SELDOM = (begin_campaign, rotate_key, compromise_key)
