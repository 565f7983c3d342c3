"""A world for the real tablets and the real server: stores, clerks, customers, a bad network, deaths, and days of darkness.

Everything that happens is drawn from one seed, and said in `self.told`, so that a failure can be read and run again. The world
alone knows what truly happened at the counter: `gifts` counts what is in the customers' hands.
"""

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

from redeem.times import Ms
from tests.factories import NOW, Issued
from tests.simulation.server import Server
from tests.simulation.tablets import Tablets

HEAL_ROUNDS_MAX = 60
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


@dataclass
class Desk:
    """A tablet and the clerk before it. `handed` are the asks whose gift is in the customer's hand, `back` those that came back."""

    device: str
    store: str
    clerk: str
    alive: bool = False
    dark: bool = False
    skew: Ms = 0
    shown: tuple[Any, ...] = ()
    handed: set[int] = field(default_factory=set)
    back: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Message:
    """A request on its way up, or its answer on its way down."""

    device: str
    request: int
    path: str
    headers: dict[str, str] = field(hash=False)
    body: str
    answer: tuple[int, Any] | None = None


class World:
    """`run(steps)` lets things happen; `heal()` lets everything come back; then `faults()` says what is wrong."""

    def __init__(self, seed: int, server: Server, desks: list[Desk], seeds: dict[str, str], coupons: list[Issued]) -> None:
        self.random = Random(seed)
        self.server, self.coupons = server, coupons
        self.desks = {desk.device: desk for desk in desks}
        self.tablets = Tablets(NOW)
        self.now = NOW
        self.messages: list[Message] = []
        self.gifts: Counter[str] = Counter()
        self.told: list[str] = []
        self.scans = 0
        for desk in desks:
            self.tell("make", desk, seed=seeds[desk.device])
            self.boot(desk)

    # What may happen.

    def run(self, steps: int) -> None:
        acts = [
            (self.pass_time, 4), (self.work, 34), (self.carry_up, 22), (self.carry_down, 22), (self.lose, 3),
            (self.repeat, 2), (self.beat, 8), (self.kill, 1.5), (self.kill_in_a_write, 1), (self.toggle_dark, 1),
            (self.turn_clock, 0.5), (self.kill_server, 1), (self.forget, 0.3), (self.shop, 1),
        ]  # fmt: skip
        doing, weights = [act for act, _ in acts], [weight for _, weight in acts]
        for act in self.random.choices(doing, weights, k=steps):
            act()

    def pass_time(self) -> None:
        self.now += self.random.choices([100, 1_000, 5_000, 20_000, MINUTE, 10 * MINUTE, HOUR], [30, 30, 20, 10, 5, 1, 0.5])[0]
        self.server.now = self.tablets.now = self.now

    def work(self) -> None:
        """A clerk does the next thing at some tablet."""
        desk = self.pick()
        if not desk.alive:
            self.boot(desk)
        else:
            self.serve(desk)

    def serve(self, desk: Desk) -> None:
        screen = self.screen(desk)
        if screen is None or self.random.random() < 0.1:
            return  # called away
        SERVE.get(screen["name"], World.wait)(self, desk, screen)

    def unlock(self, desk: Desk, screen: dict[str, Any]) -> None:
        self.tell("do", desk, verb="choose", args=[desk.clerk])
        self.tell("do", desk, verb="unlock", args=["4071"])

    def scan(self, desk: Desk, screen: dict[str, Any]) -> None:
        coupon = self.random.choice(self.coupons)
        self.scans += 1
        text = coupon.token if self.random.random() < 0.9 else coupon.short_code
        self.tell("do", desk, verb="scan", args=[text])

    def decide(self, desk: Desk, screen: dict[str, Any]) -> None:
        verb = "give" if screen["code"] == "good" and self.random.random() < 0.9 else "next"
        for _ in range(self.random.choice([1, 1, 2])):  # clerks tap twice
            self.tell("do", desk, verb=verb)

    def insist(self, desk: Desk, screen: dict[str, Any]) -> None:
        self.tell("do", desk, verb=self.random.choice(["again", "drop"]))

    def turn_back(self, desk: Desk, screen: dict[str, Any]) -> None:
        if self.random.random() < 0.15:
            self.tell("do", desk, verb="drop")

    def hand_over(self, desk: Desk, screen: dict[str, Any]) -> None:
        """The screen says GIVE. The clerk hands it over, as a rule; now and then it comes back."""
        ask, coupon = screen["ask"], screen["coupon"]
        if ask not in desk.handed:
            if self.random.random() < 0.95:
                self.note_gift(desk, ask, coupon, 1)
            return
        if self.random.random() < 0.1:
            self.take_back(desk, ask, coupon)
        else:
            self.tell("do", desk, verb="next")

    def take_back(self, desk: Desk, ask: int, coupon: str) -> None:
        self.tell("undo", desk, ask=ask, reason="wrong size")
        if (self.screen(desk) or {}).get("name") == "undone":
            self.note_gift(desk, ask, coupon, -1)

    def finish(self, desk: Desk, screen: dict[str, Any]) -> None:
        """Was the gift handed over? The clerk says what is true."""
        self.tell("do", desk, verb="finish", args=[screen["ask"] in desk.handed - desk.back])

    def wait(self, desk: Desk, screen: dict[str, Any]) -> None:
        pass

    def give_up(self, desk: Desk, screen: dict[str, Any]) -> None:
        if self.random.random() < 0.2:
            self.go_on(desk, screen)

    def go_on(self, desk: Desk, screen: dict[str, Any]) -> None:
        self.tell("do", desk, verb="next")

    def note_gift(self, desk: Desk, ask: int, coupon: str, more: int) -> None:
        (desk.handed if more > 0 else desk.back).add(ask)
        self.gifts[coupon] += more
        self.say(desk.device, "hands over" if more > 0 else "takes back", coupon)

    # The network.

    def carry_up(self) -> None:
        message = self.draw(answered=False)
        if message and not self.desks[message.device].dark:
            self.take(message)
            self.arrive(message)

    def arrive(self, message: Message) -> None:
        status, answer = self.server.call(message.path, message.headers, message.body)
        self.say(message.device, "server answers", message.path, status, _short(answer))
        self.messages.append(Message(message.device, message.request, "", {}, "", (status, answer)))

    def carry_down(self) -> None:
        message = self.draw(answered=True)
        if message and not self.desks[message.device].dark:
            self.take(message)
            self.deliver(message)

    def deliver(self, message: Message) -> None:
        assert message.answer
        status, answer = message.answer
        self.tell("deliver", self.desks[message.device], request=message.request, status=status, json=answer)

    def lose(self) -> None:
        """A request or an answer is lost, and in time the tablet gives up waiting."""
        message = self.draw()
        if message:
            self.take(message)
            self.tell("lose", self.desks[message.device], request=message.request)

    def repeat(self) -> None:
        """The network delivers a request twice, the second time whenever it likes."""
        message = self.draw(answered=False)
        if message:
            self.messages.append(message)

    def draw(self, answered: bool | None = None) -> Message | None:
        some = [each for each in self.messages if answered is None or (each.answer is not None) == answered]
        return self.random.choice(some) if some else None

    def take(self, message: Message) -> None:
        self.messages.remove(message)

    # Deaths and days.

    def beat(self) -> None:
        desk = self.pick()
        if desk.alive:
            self.tell("sync", desk)

    def boot(self, desk: Desk) -> None:
        desk.alive = True
        self.tell("boot", desk, skew=desk.skew)

    def kill(self) -> None:
        desk = self.pick()
        if desk.alive:
            desk.alive = False
            self.tell("kill", desk)

    def kill_in_a_write(self) -> None:
        """The tablet dies while an entry is on its way to the disk: it is there afterwards, or it is not."""
        desk = self.pick()
        if not desk.alive:
            return
        self.tell("hold", desk)
        self.serve(desk)
        written = self.random.random() < 0.5
        desk.alive = False
        self.tell("kill", desk, written=written)

    def forget(self) -> None:
        """IndexedDB comes back empty."""
        desk = self.pick()
        if not desk.alive:
            self.tell("forget", desk)

    def toggle_dark(self) -> None:
        desk = self.pick()
        desk.dark = not desk.dark
        self.say(desk.device, "goes dark" if desk.dark else "is back")

    def turn_clock(self) -> None:
        desk = self.pick()
        desk.skew = self.random.choice([0, 0, -DAY, DAY, -365 * DAY, 365 * DAY, 11 * MINUTE])
        if desk.alive:
            self.tell("skew", desk, skew=desk.skew)

    def kill_server(self) -> None:
        self.server.die_after = self.random.randint(1, 25)

    def shop(self) -> None:
        """What the shop does meanwhile; a subclass knows."""

    # Afterwards.

    def heal(self) -> None:
        """The network is good, everybody comes back, every question is answered truthfully, until nothing is left to say."""
        self.server.die_after = None
        for desk in self.desks.values():
            desk.dark, desk.skew = False, 0
        for _ in range(HEAL_ROUNDS_MAX):
            for desk in self.desks.values():
                self.settle(desk)
            if not self.messages and all(self.is_quiet(desk) for desk in self.desks.values()):
                return
        raise AssertionError(f"nothing settles: {[(desk.device, self.screen(desk)) for desk in self.desks.values()]}")

    def settle(self, desk: Desk) -> None:
        if not desk.alive:
            self.boot(desk)
        self.tell("skew", desk, skew=0)
        self.tell("flush", desk)
        self.carry_all()
        screen = self.screen(desk)
        if screen is None:
            return
        if screen["name"] == "given" and screen["ask"] not in desk.handed:
            self.note_gift(desk, screen["ask"], screen["coupon"], 1)
        HEAL.get(screen["name"], World.wait)(self, desk, screen)
        self.tell("sync", desk)
        self.carry_all()

    def carry_all(self) -> None:
        while message := self.draw():
            self.take(message)
            if message.answer:
                self.deliver(message)
            else:
                self.arrive(message)

    def again(self, desk: Desk, screen: dict[str, Any]) -> None:
        self.tell("do", desk, verb="again")

    def is_quiet(self, desk: Desk) -> bool:
        screen = self.screen(desk)
        return screen is not None and screen["name"] in ("scan", "locked") and screen["waiting"] == 0

    # Leaves.

    def pick(self) -> Desk:
        return self.random.choice(list(self.desks.values()))

    def screen(self, desk: Desk) -> dict[str, Any] | None:
        return self.tablets.screens.get(desk.device)

    def tell(self, do: str, desk: Desk, **more: Any) -> Any:
        value = self.tablets.tell(do, desk.device, **more)
        self.say(desk.device, do, *(_short(each) for each in more.values()), "->", _screen(self.screen(desk)))
        for each in self.tablets.sent:
            self.messages.append(Message(each["device"], each["request"], each["path"], each["headers"], each["body"]))
        self.tablets.sent.clear()
        return value

    def say(self, *words: object) -> None:
        self.told.append(" ".join(str(word) for word in words))

    def close(self) -> None:
        self.tablets.close()


SERVE = {
    "locked": World.unlock,
    "scan": World.scan,
    "verdict": World.decide,
    "asking": World.turn_back,
    "unconfirmed": World.insist,
    "fetching": World.give_up,
    "given": World.hand_over,
    "unfinished": World.finish,
    "undone": World.go_on,
}
HEAL = SERVE | {"scan": World.wait, "verdict": World.go_on, "asking": World.wait, "fetching": World.go_on, "unconfirmed": World.again, "given": World.go_on}


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:28]}…{text[-28:]}"


def _screen(screen: dict[str, Any] | None) -> str:
    return " ".join(str(word) for word in (screen or {}).values() if word not in (None, False))
