"""The business of the demo: what a fresh installation shows before anything is configured."""

from __future__ import annotations

from datetime import date

from receptionist.contracts.opening_hours import DayException, Hours, Weekday
from receptionist.contracts.strategy import Fact, Service, StrategyFields

ACCOUNT_NAME = "Maple Street Bike Works"
TIMEZONE = "Europe/Dublin"
COUNTRY = "IE"
LINE_TITLE = "Website chat"
STRATEGY_NAME = "Front desk"

_WEEK: dict[Weekday, list[Hours]] = {
    "tuesday": ["09:00-12:30", "13:30-18:00"],
    "wednesday": ["09:00-12:30", "13:30-18:00"],
    "thursday": ["09:00-12:30", "13:30-19:30"],
    "friday": ["09:00-12:30", "13:30-18:00"],
    "saturday": ["10:00-15:00"],
}

_SERVICES = [
    Service(
        name="Basic tune-up",
        price_cents=4900,
        minutes=45,
        description="Gears and brakes adjusted, bolts checked, chain oiled, tyres pumped up.",
    ),
    Service(
        name="Full service",
        price_cents=11900,
        minutes=150,
        description="Everything of the basic tune-up, plus drivetrain cleaning, wheel truing and a test ride.",
    ),
    Service(name="Puncture repair", price_cents=1500, minutes=20, description="A new inner tube is included."),
    Service(name="Brake pad replacement", price_cents=2500, minutes=30, description="One wheel, pads included."),
    Service(name="Wheel truing", price_cents=2200, minutes=30, description="One wheel."),
    Service(
        name="E-bike check",
        price_cents=7900,
        minutes=60,
        description="Battery, motor and cable check, error memory read, on top of a basic tune-up.",
    ),
    Service(name="Child seat fitting", price_cents=1800, minutes=25, description="With a seat you bring or buy here."),
    Service(name="Safety check", price_cents=0, minutes=10, description="A quick look at brakes, lights and tyres."),
]

_FACTS = [
    Fact(topic="Parking", text="There are two free parking spaces behind the workshop, off Mill Lane."),
    Fact(topic="Payment", text="We take cash, all debit and credit cards, and phone payments. No cheques."),
    Fact(topic="Warranty", text="Repairs have a warranty of 12 months on our work; parts have the maker's warranty."),
    Fact(topic="Drop-off", text="You can drop your bike off without an appointment whenever we are open."),
    Fact(topic="Turnaround time", text="Most repairs are ready within two working days; punctures while you wait."),
    Fact(topic="E-bikes", text="We repair e-bikes with Bosch and Shimano motors. We do not open battery packs."),
    Fact(topic="Kids' seats and trailers", text="We sell and fit child seats for the back, and rent trailers by day."),
    Fact(topic="Rental and loan bikes", text="For repairs of more than two days we lend you a city bike for free."),
    Fact(topic="Buying and used bikes", text="We sell about twenty checked used bikes, from 180 euros upwards."),
    Fact(topic="Collection and delivery", text="We collect and return bikes within 5 km on Thursdays, for 15 euros."),
    Fact(topic="Appointments", text="You only need an appointment for a full service; we agree it with you directly."),
    Fact(topic="Cancellation", text="You can cancel or move an appointment free of charge up to the day before."),
    Fact(topic="Gift vouchers", text="Gift vouchers over any amount are sold in the shop and valid for three years."),
    Fact(topic="Public transport", text="The bus stop Maple Street, lines 4 and 15, is just outside."),
]


def _holidays(year: int) -> list[DayException]:
    """The winter holidays of this year and the next two."""
    return [
        DayException(date=date(each, month, day), reason=reason)
        for each in range(year, year + 3)
        for month, day, reason in ((1, 1, "New Year's Day"), (12, 25, "Christmas Day"), (12, 26, "St Stephen's Day"))
    ]


def demo_fields() -> StrategyFields:
    """The strategy of the demo's bicycle workshop; new objects at every call."""
    return StrategyFields(
        agent_name="Robin",
        greeting="Hello, and welcome to Maple Street Bike Works! What can we do for you and your bike?",
        custom_instructions=(
            "Do not promise a date or a price beyond those listed. If somebody was hurt in an accident, or a brake "
            "failed while riding, advise not to ride the bike and ask for a person at once."
        ),
        address="27 Maple Street, Millbrook",
        phone="+353 20 915 0142",
        email="hello@maplestreetbikes.example",
        website="https://maplestreetbikes.example",
        services=[service.model_copy() for service in _SERVICES],
        facts=[fact.model_copy() for fact in _FACTS],
        opening_hours={day: list(hours) for day, hours in _WEEK.items()},
        exceptions=_holidays(date.today().year),
        tools=["note_lead", "hand_over", "open_times"],
    )
