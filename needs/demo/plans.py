"""Lay out two invented councils: who lives where, what water parts them, which main roads join them.

All coordinates are metres east and north of the council's own corner, on a flat sheet that `ground` then bends.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import shapely
from shapely.geometry import LineString, Polygon

from needs.demo.ground import blob, shore

XY = tuple[float, float]


@dataclass(frozen=True)
class Settlement:
    """A town, suburb or village; a neighbour lies across the border and has streets but no zones.

    `hardship` is in standard deviations of England's deprivation, more is worse; `spread` is how far its poorest
    corner lies above its middle.
    """

    name: str
    x: float
    y: float
    people: int
    kind: str  # town, suburb, village or neighbour
    ruc: str
    hardship: float
    spread: float = 0.3
    density_km2: float = 3500.0

    @property
    def radius_m(self) -> float:
        """Radius of a circle that houses everyone at the settlement's density."""
        return float((self.people / self.density_km2 * 1e6 / 3.14159) ** 0.5)


@dataclass(frozen=True)
class Road:
    """A main road drawn by hand, through points on the sheet; `straight` keeps it from wandering."""

    points: tuple[XY, ...]
    highway: str
    tags: tuple[tuple[str, str], ...] = ()
    straight: bool = False


@dataclass(frozen=True)
class Site:
    """A building at a place on the sheet; it moves to the nearest street of the network."""

    name: str
    site_type: str
    x: float
    y: float
    today: str = "none"
    ours: bool = True


@dataclass(frozen=True)
class Bus:
    """A bus route: where it calls, the first and last departure (minutes after midnight) and the gap between buses."""

    name: str
    calls: tuple[XY, ...]
    first_min: int
    last_min: int
    every_min: int
    saturday: bool = True


@dataclass(frozen=True)
class Plan:
    """All that is decided by hand about one council."""

    name: str
    slug: str
    code: str
    corner: XY  # EPSG:27700
    first_zone: int  # number in the first zone's code
    postcode: str
    streets_file: str
    outline: Polygon
    water: Polygon
    water_name: str
    settlements: tuple[Settlement, ...]
    roads: tuple[Road, ...]
    railway: tuple[XY, ...]
    sites: tuple[Site, ...]
    buses: tuple[Bus, ...]
    max_hubs: int
    max_outreach: int
    lanes: bool  # whether lanes join villages across the country
    river: LineString | None = None  # centreline; parts the council into two banks
    exits: tuple[XY, ...] = field(default=())  # where lanes leave the council


def ruralshire() -> Plan:
    """Lay out three market towns, thirty-five villages, a reservoir in the middle, one children's centre."""
    outline = blob((12_500.0, 10_000.0), 12_300.0, 9_800.0, wobble=0.055, phase=0.7, count=240)
    arms = shapely.union_all(
        [
            LineString([(9_000, 12_000), (11_800, 12_300), (13_800, 11_500), (15_300, 10_100)]).buffer(520),
            LineString([(9_700, 8_500), (12_300, 8_000), (14_200, 8_800), (15_300, 10_100)]).buffer(560),
            blob((14_900.0, 10_100.0), 950.0, 1_100.0, wobble=0.08, phase=0.2, count=60),
        ]
    )
    water = shore(arms, 90.0, round_m=200.0, bays=2.2)
    west, south, north = (6_400.0, 10_400.0), (18_300.0, 4_900.0), (17_300.0, 15_400.0)
    towns = (
        Settlement("Ostlebury", *west, 16_500, "town", "UF1", 0.4, 0.9),
        Settlement("Marrowick", *south, 9_000, "town", "RLF1", -0.05, 0.6),
        Settlement("Fennimoor", *north, 6_000, "town", "RLN1", -0.35, 0.5),
    )
    over = Settlement("Pellingford", -2_600.0, 9_300.0, 5_000, "neighbour", "RLN1", 0.0)
    return Plan(
        name="Ruralshire",
        slug="ruralshire",
        code="E06900001",
        corner=(462_000.0, 292_000.0),
        first_zone=900_001,
        postcode="QR",
        streets_file="streets.osm",
        outline=outline,
        water=water,
        water_name="Ullerwold Water",
        settlements=(*towns, *_villages(), over),
        roads=(
            Road(
                ((15_600, 13_200), (16_300, 11_200), (16_350, 9_500), (15_900, 6_300)),
                "tertiary",
                (("name", "Dam Road"),),
            ),
            Road(((11_900, 10_150), (9_000, 10_350), west), "tertiary"),
        ),
        railway=(
            (-3_000, 12_900),
            (2_500, 12_300),
            (5_800, 11_100),
            (7_300, 9_000),
            (12_000, 4_900),
            (17_600, 4_000),
            (27_500, 1_200),
        ),
        sites=(
            Site("Ostlebury Children's Centre", "childrens_centre", 6_900, 9_900, "outreach"),
            Site("Ostlebury Library", "library", 6_350, 10_500),
            Site("Marrowick Library", "library", 18_300, 5_000),
            Site("Fennimoor Library", "library", 17_350, 15_350),
            Site("Quennick Community Library", "library", 4_300, 4_500),
            Site("Ostlebury Nursery School", "nursery_school", 5_700, 10_900),
            Site("Ostlebury Castle Surgery", "gp_practice", 6_100, 10_200),
            Site("Ostlebury Parkside Surgery", "gp_practice", 6_900, 11_000),
            Site("Marrowick Surgery", "gp_practice", 18_100, 4_600),
            Site("Fennimoor Health Centre", "gp_practice", 17_100, 15_600),
            Site("Quennick Surgery", "gp_practice", 4_350, 4_600),
            Site("Ostlebury West Primary School", "primary_school", 5_500, 10_300),
            Site("Ostlebury Millfield Primary School", "primary_school", 7_100, 10_700),
            Site("Ostlebury St Wenna's Primary School", "primary_school", 6_500, 9_500),
            Site("Marrowick Primary School", "primary_school", 18_700, 5_300),
            Site("Marrowick Southfields Primary School", "primary_school", 17_900, 4_300),
            Site("Fennimoor Primary School", "primary_school", 17_500, 15_800),
            Site("Marrowick Community Centre", "community_centre", 18_500, 4_500),
            Site("Pellingford Family Hub", "family_hub", -2_500, 9_350, "hub", ours=False),
        ),
        buses=(
            Bus("R1", (west, (9_300, 14_500), (13_400, 15_300), north), 7 * 60 + 5, 18 * 60 + 5, 60),
            Bus("R2", (west, (9_200, 5_600), (13_500, 4_900), south), 7 * 60 + 25, 17 * 60 + 25, 120),
            Bus(
                "R3", (north, (20_600, 12_500), (20_900, 8_600), south), 9 * 60 + 10, 15 * 60 + 10, 180, saturday=False
            ),
        ),
        max_hubs=3,
        max_outreach=8,
        lanes=True,
        exits=(
            (27_300.0, 8_400.0),
            (11_300.0, 22_300.0),
            (10_600.0, -2_300.0),
            (24_300.0, 17_900.0),
            (23_600.0, 600.0),
            (1_500.0, 1_500.0),
        ),
    )


def _villages() -> tuple[Settlement, ...]:
    """Set the places of the thirty-five villages, by hand so that the map reads well; people in round numbers."""
    rows = (
        ("Ullerwold", 11_900, 10_150, 420), ("Quennick", 4_300, 4_500, 1_900), ("Thrapwick", 9_300, 14_500, 1_100),
        ("Harrowmere", 13_400, 15_300, 850), ("Brindlecote", 9_200, 5_600, 1_250), ("Skelwarden", 13_500, 4_900, 900),
        ("Aldermote", 20_600, 12_500, 780), ("Wexcombe", 20_900, 8_600, 1_050), ("Tamberley", 17_300, 9_300, 640),
        ("Nethercast", 2_600, 8_300, 560), ("Orlingham", 3_300, 13_000, 980), ("Gristwell", 6_300, 15_200, 520),
        ("Dunnaby", 10_900, 17_700, 610), ("Esterwell", 15_300, 18_600, 450), ("Foxenby", 20_000, 16_800, 540),
        ("Hallowthorpe", 22_300, 15_000, 480), ("Inglewarden", 23_600, 11_600, 760), ("Jessamby", 23_200, 7_300, 380),
        ("Kettlecote", 21_600, 4_000, 820), ("Lowickham", 15_800, 2_100, 590), ("Mossenby", 12_000, 1_700, 460),
        ("Nunnerwell", 7_300, 2_600, 700), ("Oxenthwick", 6_500, 7_000, 640), ("Pipercote", 1_900, 10_900, 350),
        ("Quillaby", 8_100, 8_400, 300), ("Rushwold", 12_700, 6_400, 410), ("Stavenby", 15_900, 6_300, 680),
        ("Tillowby", 18_000, 12_200, 520), ("Underwarden", 15_600, 13_200, 730), ("Vennicott", 11_800, 13_800, 390),
        ("Wickenthorpe", 8_200, 12_700, 450), ("Yardlecote", 18_000, 7_200, 330), ("Ashenwick", 13_200, 17_100, 280),
        ("Coldermere", 4_200, 15_300, 310), ("Elvenby", 10_100, 3_500, 340),
    )  # fmt: skip
    near = {"Orlingham", "Gristwell", "Pipercote", "Nethercast", "Coldermere", "Esterwell", "Foxenby", "Hallowthorpe"}
    return tuple(
        Settlement(n, x, y, p, "village", "RSN1" if n in near else "RSF1", -0.55, 0.15, density_km2=1_600.0)
        for n, x, y, p in rows
    )


def rivermouth() -> Plan:
    """Lay out an urban borough on both banks of a tidal river with two bridges, six hubs, two of them side by side."""
    outline = blob((5_000.0, 3_900.0), 5_150.0, 4_100.0, wobble=0.03, phase=2.1, count=200, power=4.0)
    xs = (-2_600, -1_000, 500, 2_000, 3_500, 5_000, 6_500, 8_000, 9_500, 11_000, 12_600)
    ys = (4_150, 4_350, 4_450, 4_350, 4_050, 3_750, 3_650, 3_900, 4_250, 4_250, 4_000)
    half = (820, 740, 600, 440, 300, 210, 170, 150, 135, 120, 110)
    left = [(x, y + h) for x, y, h in zip(xs, ys, half, strict=True)]
    right = [(x, y - h) for x, y, h in zip(xs, ys, half, strict=True)]
    water = shore(Polygon([*left, *right[::-1]]), 60.0, round_m=60.0, bays=0.6)
    river = LineString(list(zip(xs, ys, strict=True)))
    suburbs = (
        ("Kelderwick", 5_700, 5_150, 14_000, 0.9), ("Saltenby", 4_000, 5_650, 11_000, 0.6),
        ("Brackwater", 7_450, 5_350, 11_000, 0.2), ("Marlinghope", 5_500, 6_700, 10_000, -0.3),
        ("Ferriden", 8_750, 6_150, 6_000, -0.9), ("Tarnwick", 2_350, 6_250, 6_500, 1.3),
        ("Stonnick", 6_250, 2_450, 13_000, 1.0), ("Gullscar", 4_350, 2_450, 11_000, 1.5),
        ("Wharfenby", 8_100, 2_550, 10_000, 0.2), ("Mellowgate", 5_600, 1_200, 10_000, 0.4),
        ("Pottersea", 2_700, 1_850, 7_500, -0.1), ("Eastermoor", 7_850, 950, 6_000, -1.0),
    )  # fmt: skip
    return Plan(
        name="Rivermouth",
        slug="rivermouth",
        code="E06900002",
        corner=(545_000.0, 385_000.0),
        first_zone=901_001,
        postcode="QM",
        streets_file="streets.osm.pbf",
        outline=outline,
        water=water,
        water_name="River Kelder",
        settlements=(
            *(Settlement(n, x, y, p, "suburb", "UN1", h, 0.5, density_km2=3_900.0) for n, x, y, p, h in suburbs),
            Settlement("Osterly", 1_700, 1_150, 2_400, "village", "RLN1", -0.6, density_km2=2_500.0),
            Settlement("Withenby", 12_000, 6_900, 3_000, "neighbour", "UN1", 0.2),
        ),
        roads=(
            Road(
                ((6_018, 3_900), (6_032, 3_448)),
                "primary",
                (
                    ("bridge", "yes"),
                    ("foot", "yes"),
                    ("layer", "1"),
                    ("maxspeed", "30 mph"),
                    ("name", "Old Bridge"),
                    ("ref", "A9901"),
                    ("sidewalk", "both"),
                ),
                straight=True,
            ),
            Road(
                ((2_850, 4_609), (2_918, 3_763)),
                "trunk",
                (
                    ("bicycle", "no"),
                    ("bridge", "yes"),
                    ("foot", "no"),
                    ("layer", "1"),
                    ("maxspeed", "60 mph"),
                    ("motorroad", "yes"),
                    ("name", "Estuary Crossing"),
                    ("ref", "A9900"),
                ),
                straight=True,
            ),
            Road(
                ((3_100, 9_400), (3_050, 7_700), (2_950, 6_250), (2_800, 5_250), (2_850, 4_609)),
                "trunk",
                (("ref", "A9900"),),
            ),
            Road(
                ((2_918, 3_763), (2_950, 3_350), (3_350, 2_300), (3_750, 1_300), (3_900, -1_300)),
                "trunk",
                (("ref", "A9900"),),
            ),
            Road(
                ((5_900, 9_400), (5_500, 6_700), (5_700, 5_150), (6_000, 4_500), (6_018, 3_900)),
                "primary",
                (("ref", "A9901"),),
            ),
            Road(
                ((6_032, 3_448), (6_050, 2_850), (6_250, 2_450), (5_600, 1_200), (5_450, -1_300)),
                "primary",
                (("ref", "A9901"),),
            ),
            Road(
                (
                    (-1_300, 6_700),
                    (2_350, 6_250),
                    (4_000, 5_650),
                    (5_700, 5_150),
                    (7_450, 5_350),
                    (8_750, 6_150),
                    (12_000, 6_900),
                ),
                "secondary",
            ),
            Road(
                (
                    (-1_300, 600),
                    (1_700, 1_150),
                    (2_700, 1_850),
                    (4_350, 2_450),
                    (6_250, 2_450),
                    (8_100, 2_550),
                    (11_400, 2_300),
                ),
                "secondary",
            ),
            Road(((2_700, 1_850), (3_950, 1_300), (5_600, 1_200), (7_850, 950), (11_300, 400)), "tertiary"),
            Road(((8_100, 2_550), (7_850, 950), (7_700, -1_200)), "tertiary"),
            Road(((2_350, 6_250), (3_050, 7_500), (5_500, 6_700), (7_450, 6_700), (8_750, 6_150)), "tertiary"),
            Road(
                ((4_000, 5_650), (4_600, 4_400), (5_300, 4_080), (6_010, 4_150), (7_000, 4_050), (7_450, 5_350)),
                "unclassified",
            ),
            Road(
                ((4_350, 2_450), (4_700, 3_300), (5_400, 3_330), (6_035, 3_300), (7_000, 3_380), (8_100, 2_550)),
                "unclassified",
            ),
            Road(((7_450, 5_350), (7_450, 6_700), (7_700, 9_300)), "tertiary"),
        ),
        railway=((-1_500, 7_900), (1_700, 7_300), (4_200, 6_250), (6_500, 5_750), (8_200, 4_900), (12_200, 5_300)),
        sites=(
            Site("Kelderwick Family Hub", "family_hub", 5_500, 5_450, "hub"),
            Site("Saltenby Family Hub", "family_hub", 3_900, 5_900, "hub"),
            Site("Brackwater Family Hub", "family_hub", 7_500, 5_700, "hub"),
            Site("Stonnick Family Hub", "family_hub", 6_400, 2_100, "hub"),
            Site("Stonnick Park Family Hub", "family_hub", 6_600, 1_900, "hub"),
            Site("Wharfenby Family Hub", "family_hub", 8_200, 2_800, "hub"),
            Site("Kelderwick Central Library", "library", 5_750, 5_100),
            Site("Tarnwick Library", "library", 2_400, 6_350),
            Site("Marlinghope Library", "library", 5_600, 6_750),
            Site("Stonnick Library", "library", 6_250, 2_550),
            Site("Gullscar Library", "library", 4_400, 2_550),
            Site("Mellowgate Library", "library", 5_500, 1_100),
            Site("Gullscar Nursery School", "nursery_school", 4_100, 2_200),
            Site("Kelderwick Nursery School", "nursery_school", 6_000, 5_500),
            Site("Tarnwick Quay Children's Centre", "childrens_centre", 2_100, 6_000, "outreach"),
            Site("Withenby Family Hub", "family_hub", 12_000, 6_950, "hub", ours=False),
        ),
        buses=(
            Bus(
                "1",
                ((2_350, 6_250), (4_000, 5_650), (5_700, 5_150), (6_250, 2_450), (4_350, 2_450)),
                6 * 60,
                23 * 60 + 45,
                15,
            ),
            Bus("2", ((8_750, 6_150), (7_450, 5_350), (5_700, 5_150), (5_500, 6_700)), 6 * 60 + 10, 22 * 60 + 10, 20),
            Bus(
                "3",
                ((1_700, 1_150), (2_700, 1_850), (4_350, 2_450), (6_250, 2_450), (8_100, 2_550)),
                6 * 60 + 30,
                21 * 60,
                30,
            ),
            Bus("4", ((7_850, 950), (5_600, 1_200), (6_250, 2_450), (5_700, 5_150)), 6 * 60 + 20, 22 * 60 + 20, 20),
            Bus(
                "5",
                ((12_000, 6_900), (8_750, 6_150), (7_450, 5_350), (5_700, 5_150)),
                7 * 60,
                19 * 60,
                60,
                saturday=False,
            ),
        ),
        max_hubs=5,
        max_outreach=6,
        lanes=False,
        river=river,
    )
