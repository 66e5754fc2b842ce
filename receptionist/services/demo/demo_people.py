"""People who do not exist, for the large demo: the same one for the same number, whoever asks."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


def _each(words: str) -> list[str]:
    return words.split()


_FIRST = _each("""
    Aisha Amara Ana Anton Aoife Benoît Bruno Carla Chidi Chloé Clara Conor Daniel Darragh Deniz Diego Eamon Elena
    Eliška Emre Erik Esra Fatima Finn Fiona Freya Giulia Grace Hana Hugo Ida Ines Ioana Isla Ivan Jana Jonas José
    Julia Kaan Karin Katarzyna Lars Laura Leïla Liam Linh Luca Lucía Maeve Magnus Malik Maria Marek Matteo Maya
    Mehmet Mila Minh Mona Nadia Naoko Niamh Nils Noah Nora Olga Oliver Omar Orla Paul Petra Pilar Priya Rafael Rania
    Renée Ruth Samir Sanna Saoirse Sofia Søren Stefan Sven Tamar Tereza Théo Tomás Uma Vera Viktor Wanjiru Yara
    Yusuf Zeynep Zoë Žofie
""")
_LAST = _each("""
    Abbott Ahmed Andersen Bauer Becker Bennett Bianchi Brennan Byrne Carter Castillo Chen Connolly Costa Daly Demir
    Diallo Dubois Dvořák Eriksen Fernández Ferrari Fischer Fitzgerald Flynn Fournier Gallagher García Greco Hansen
    Hayes Hoffmann Horvat Hughes Ivanov Jansen Johansson Kaya Keller Kelly Kowalski Krüger Larsen Lefèvre Lindqvist
    López Lynch Maguire Malone Martin Meyer Mensah Moreau Moretti Müller Murphy Nguyen Nolan Novák Nowak Nyberg
    O'Brien O'Connor Okafor Olsen Öztürk Park Patel Pereira Popescu Quinn Ramírez Reilly Richter Rossi Ryan Sato
    Schmidt Schneider Silva Simon Smith Sørensen Stein Suzuki Taylor Tóth Vargas Virtanen Vogel Wagner Walsh Weber
    Wójcik Yilmaz Young Zhang Ziegler
""")
_TRADES = _each("""
    Bakery Bikes Books Catering Ceramics Couriers Dental Design Events Fitness Florists Garage Gardens Joinery
    Landscapes Logistics Media Optics Partners Plumbing Roofing School Studio Tailors Travel Works
""")
_TAGS = ("newsletter", "regular", "e-bike", "family", "business", "warranty", "rental", "student", "winter check")
_STATUSES = ("new", "contacted", "qualified", "customer", "lost")
_SHARES = (34, 22, 14, 24, 6)
_LANGUAGES = ("en", "en", "en", "de", "fr", "es", "pl", None)
_AREAS = [code for code in range(201, 990) if code % 100 != 11 and code not in (555, 800, 888, 877, 866)]
TALKS = (
    ("Are you open on Monday?", "We are closed on Mondays, but open from nine on Tuesday."),
    ("How much is a full service?", "A full service is 119 euros and takes about two and a half hours."),
    ("My rear wheel is bent. Can you fix that?", "Yes, truing a wheel is 22 euros and takes half an hour."),
    ("Do you have time on Thursday afternoon?", "Thursday at three is free. Shall I note it for you?"),
    ("Yes please, three is good.", "Noted: Thursday at three. See you then!"),
    ("Is my bike ready?", "It should be ready by five today; we will text you."),
    ("Do you repair e-bikes with a Shimano motor?", "We do. An e-bike check is 79 euros."),
    ("Can I pay by card?", "Of course, we take all cards and phone payments."),
    ("Thank you, that was very quick!", "You are welcome. Enjoy the ride!"),
    ("Do you rent trailers for children?", "We do, by the day. Tell me the day and I will look."),
    (
        "The brakes squeak since the last service.",
        "Sorry to hear that. Bring it in, our work has a warranty of a year.",
    ),
    ("Where can I park?", "There are two free spaces behind the workshop, off Mill Lane."),
)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody invented. E-mail domains are reserved for examples (RFC 2606), phone numbers for films (555-01xx)."""

    number: int
    name: str | None
    email: str | None
    phone: str | None
    company: str | None
    status: str
    language: str | None
    tags: tuple[str, ...]
    days_ago: float
    """When they wrote last."""
    random: Random
    """For whatever else is to be invented of them."""


def person(number: int) -> Person:
    """The person of this number, from 0 on."""
    chance = Random(number * 2_654_435_761 % 2**32)  # noqa: S311 - nothing secret
    first, last = chance.choice(_FIRST), chance.choice(_LAST)
    company = f"{last} {chance.choice(_TRADES)}" if chance.random() < 0.3 else None
    known = chance.random() < 0.9
    return Person(
        number=number,
        name=f"{first} {last}" if known else None,
        email=_email(first, last, number, company) if chance.random() < 0.7 else None,
        phone=_phone(number) if chance.random() < 0.8 else None,
        company=company,
        status=chance.choices(_STATUSES, _SHARES)[0],
        language=chance.choice(_LANGUAGES),
        tags=tuple(sorted(chance.sample(_TAGS, chance.choice((0, 0, 1, 1, 2, 3))))),
        days_ago=730.0 * chance.random() ** 2,
        random=chance,
    )


def _email(first: str, last: str, number: int, company: str | None) -> str:
    domain = "example.org" if company else ("example.com", "example.net")[number % 2]
    local = "".join(letter for letter in f"{first}.{last}".lower() if letter.isascii() and letter not in "' ")
    return f"{local}.{number}@{domain}"


def _phone(number: int) -> str | None:
    """None once all numbers that are nobody's are taken."""
    area, line = divmod(number, 100)
    return f"+1{_AREAS[area]}55501{line:02}" if area < len(_AREAS) else None
