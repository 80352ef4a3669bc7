"""Who lives and works in Harbour Town, and what is broken there: plain tables."""

from typing import Final, NamedTuple

from domain.people import Role


class Somebody(NamedTuple):
    name: str
    role: Role
    skills: tuple[str, ...] = ()


PEOPLE: Final = (
    Somebody("Imke Behrens", "dispatcher"),
    Somebody("Ada Okafor", "technician", ("pumps", "electrics")),
    Somebody("Ben Larsen", "technician", ("pumps", "gas")),
    Somebody("Chiara Conti", "technician", ("cooling", "electrics")),
    Somebody("Dev Patel", "technician", ("lifts", "electrics")),
    Somebody("Emeka Bello", "technician", ("gas", "heating")),
    Somebody("Freya Holm", "technician", ("cooling", "heating")),
    Somebody("Sofia Marques", "supervisor"),
    Somebody("Anton Weiss", "analyst"),
    Somebody("Ruth Adler", "auditor"),
)


class Client(NamedTuple):
    name: str
    contact: str
    phone: str
    site: str
    street: str
    lat: int
    lon: int
    asset: str
    hazards: tuple[str, ...] = ()


CLIENTS: Final = (
    Client(
        "Harbour Mill",
        "Jonas Petersen",
        "+4946112001",
        "Mill, east gate",
        "Quay 4",
        548021400,
        94413700,
        "Bilge pump BP-200",
        ("water",),
    ),  # a table
    Client(
        "St. Anne's Hospital",
        "Dr Amal Haddad",
        "+4946112002",
        "Boiler house",
        "Hill Road 12",
        547937100,
        94271900,
        "Steam boiler SB-9",
        ("gas", "height"),
    ),
    Client(
        "Fish Market Co-op",
        "Lotte Jensen",
        "+4946112003",
        "Cold store 2",
        "Market Square 1",
        547893300,
        94359600,
        "Chiller CH-40",
    ),
    Client(
        "Lighthouse School", "Peter Lund", "+4946112004", "Gym", "School Lane 3", 547852800, 94188200, "Ventilation V-3"
    ),
    Client(
        "Ferry Line North",
        "Karin Voss",
        "+4946112005",
        "Terminal B",
        "Pier 7",
        547999100,
        94402100,
        "Boarding lift L-2",
        ("traffic",),
    ),
    Client(
        "Old Town Hotel",
        "Marco Rossi",
        "+4946112006",
        "Main house",
        "Chapel Street 8",
        547866000,
        94371500,
        "Passenger lift L-11",
    ),
    Client(
        "Town Waterworks",
        "Inga Sørensen",
        "+4946112007",
        "Pumping station South",
        "Meadow Way 40",
        547741200,
        94120700,
        "Booster pump P-77",
        ("confined_space", "water"),
    ),
    Client(
        "Bakery Nielsen",
        "Anna Nielsen",
        "+4946112008",
        "Bakehouse",
        "Mill Lane 2",
        547878900,
        94330400,
        "Deck oven DO-5",
        ("electricity",),
    ),
    Client(
        "Shipyard Brandt",
        "Uwe Brandt",
        "+4946112009",
        "Dock 3",
        "Yard Street 1",
        548054700,
        94497300,
        "Compressor K-12",
        ("hot_work", "height"),
    ),
    Client(
        "Cinema Astoria", "Nora Klein", "+4946112010", "Plant room", "Park Row 15", 547908300, 94308800, "Chiller CH-12"
    ),
    Client(
        "Allotment Society",
        "Hans Meier",
        "+4946112011",
        "Well house",
        "Garden Path 1",
        547703500,
        94233100,
        "Well pump W-1",
        ("dog",),
    ),
    Client(
        "Swimming Bath West",
        "Elif Kaya",
        "+4946112012",
        "Filter room",
        "Bath Street 22",
        547815600,
        94055200,
        "Circulation pump C-8",
        ("electricity", "water"),
    ),
)

PARTS: Final = (
    ("SEAL-32", "Shaft seal 32 mm", "piece", "18.4"),
    ("BRG-6204", "Ball bearing 6204", "piece", "7.95"),
    ("FLT-G4", "Air filter G4", "piece", "12.5"),
    ("BELT-A42", "V-belt A42", "piece", "9.2"),
    ("R32", "Refrigerant R32", "kg", "38"),
    ("FUSE-16", "Fuse 16 A", "piece", "1.1"),
    ("VALVE-1", "Ball valve 1 inch", "piece", "24.9"),
    ("GREASE", "Bearing grease", "kg", "11.75"),
    ("ROPE-8", "Steel rope 8 mm", "m", "4.6"),
    ("IGN-2", "Ignition electrode", "piece", "33"),
)

TEMPLATES: Final = (
    (
        "pump",
        "Pump inspection",
        (
            ("tight", "yes_no", "Is it tight?"),
            ("pressure", "reading", "Pressure in bar"),
            ("noise", "text", "Unusual noise?"),
        ),
    ),  # a table
    (
        "cooling",
        "Cooling check",
        (
            ("leak_free", "yes_no", "No refrigerant leaks?"),
            ("temperature", "reading", "Outlet temperature in °C"),
            ("filter", "yes_no", "Filter changed?"),
        ),
    ),
    (
        "safety",
        "Safety check",
        (
            ("guarded", "yes_no", "Are all guards in place?"),
            ("lockout", "yes_no", "Was it locked out?"),
            ("remarks", "text", "Remarks"),
        ),
    ),
)

TITLES: Final = (
    ("Pump loses pressure", "repair", 0),
    ("Yearly inspection", "inspection", 2),
    ("Too warm since the weekend", "complaint", 1),
    ("Replace worn bearing", "repair", 0),
    ("Quarterly maintenance", "maintenance", 1),
    ("Stops between floors", "repair", 2),
    ("Install second pressure sensor", "installation", 0),
    ("Smell of gas in the plant room", "complaint", 2),
    ("Filter change", "maintenance", 1),
    ("Leak under the housing", "repair", 0),
)

STATES: Final = (
    *(("draft",) * 3), *(("open",) * 5), *(("scheduled",) * 9), *(("in_progress",) * 7), *(("on_hold",) * 3),
    *(("completed",) * 6), *(("approved",) * 3), *(("closed",) * 2), *(("cancelled",) * 2),
)  # fmt: skip
"""In which state each of the 40 jobs is found."""
