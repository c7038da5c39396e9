"""Halden & Brook, who sell outdoor gear in a web shop and forty stores: what it runs and who works there.

Invented. Everything is literal or drawn from a fixed seed, so that each demo is the same company.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

NAME = "Halden & Brook"
DOMAIN = "haldenbrook.example"
ZONE = "Europe/Copenhagen"
SEED = 20_261_123


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    key: str
    name: str
    line: int
    next: str = ""
    security: bool = False
    hours: str = "office"
    assignment: str = "by_hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """An agent. The first of a group leads it."""

    name: str
    groups: Sequence[str]
    roles: Sequence[str] = ("agent",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    key: str
    name: str
    about: str
    group: str
    criticality: str = "medium"
    needs: Sequence[str] = ()
    users: int = 200
    cost: int = 0
    public: bool = False
    portal: bool = True
    items: Sequence[str] = ()
    questions: Sequence[str] = field(default_factory=tuple)


GROUPS: Sequence[Group] = (
    Group(key="first", name="First line", line=1, next="workplace", assignment="round_robin"),
    Group(key="workplace", name="Workplace", line=2, next="platform"),
    Group(key="network", name="Network", line=2, next="platform", hours="always"),
    Group(key="platform", name="Platform", line=2, next="data", hours="always"),
    Group(key="commerce", name="Commerce applications", line=2, next="platform", hours="always"),
    Group(key="business", name="Business applications", line=2, next="data"),
    Group(key="stores", name="Stores and warehouse IT", line=2, next="network", hours="shops"),
    Group(key="data", name="Databases and storage", line=3, hours="always"),
    Group(key="security", name="Security operations", line=2, security=True, hours="always"),
)

STAFF: Sequence[Staff] = (
    Staff(name="Maren Thorsen", groups=("first",), roles=("agent", "major_manager")),
    Staff(name="Priya Raman", groups=("first",)),
    Staff(name="Jonas Ekberg", groups=("first",)),
    Staff(name="Amara Diallo", groups=("first",)),
    Staff(name="Tomás Ferreira", groups=("first", "workplace")),
    Staff(name="Sigrid Holm", groups=("workplace",)),
    Staff(name="Daniel Okafor", groups=("workplace",)),
    Staff(name="Lucía Navarro", groups=("workplace",)),
    Staff(name="Henrik Dahl", groups=("network",)),
    Staff(name="Mei-Ling Chen", groups=("network",)),
    Staff(name="Artem Kovalenko", groups=("network",)),
    Staff(name="Freja Lund", groups=("platform",), roles=("agent", "major_manager")),
    Staff(name="Ravi Subramanian", groups=("platform",)),
    Staff(name="Noor van Dijk", groups=("platform",)),
    Staff(name="Kwame Mensah", groups=("platform", "data")),
    Staff(name="Elena Petrova", groups=("commerce",)),
    Staff(name="Oskar Lindqvist", groups=("commerce",)),
    Staff(name="Yuki Tanabe", groups=("commerce",)),
    Staff(name="Carla Bianchi", groups=("commerce",)),
    Staff(name="Bente Mikkelsen", groups=("business",)),
    Staff(name="Samuel Adeyemi", groups=("business",)),
    Staff(name="Ines Moreau", groups=("business",)),
    Staff(name="Nils Aagaard", groups=("stores",)),
    Staff(name="Fatima El Amrani", groups=("stores",)),
    Staff(name="Piotr Zielinski", groups=("stores",)),
    Staff(name="Astrid Bakke", groups=("data",)),
    Staff(name="Vikram Joshi", groups=("data",)),
    Staff(name="Hanna Virtanen", groups=("security",)),
    Staff(name="Leo Marchetti", groups=("security",)),
    Staff(name="Signe Poulsen", groups=("security",)),
)
ADMINISTRATOR = Staff(name="Olivia Berg", groups=("first",), roles=("administrator", "agent"))
AUDITOR = Staff(name="Georg Wimmer", groups=(), roles=("auditor",))
OWNERS: Sequence[Staff] = (
    Staff(name="Camilla Frost", groups=(), roles=("service_owner",)),
    Staff(name="Rasmus Hedegaard", groups=(), roles=("service_owner",)),
)

UNITS: Sequence[tuple[str, str]] = (
    ("Finance", "Copenhagen, 4th floor"),
    ("People and culture", "Copenhagen, 3rd floor"),
    ("Marketing", "Copenhagen, 2nd floor"),
    ("Customer care", "Malmö, 1st floor"),
    ("Warehouse Køge", "Køge, gate 2"),
    ("Store Aarhus", "Aarhus, Søndergade 12"),
    ("Store Oslo", "Oslo, Karl Johans gate 3"),
    ("Product design", "Copenhagen, 2nd floor"),
    ("Management", "Copenhagen, 5th floor"),
)
CALLERS: Sequence[tuple[str, str]] = (
    ("Anna Kjær", "Finance"),
    ("Peter Vestergaard", "Finance"),
    ("Dorthe Bang", "Finance"),
    ("Malik Hassan", "Finance"),
    ("Ingrid Solberg", "People and culture"),
    ("Theo Laurent", "People and culture"),
    ("Zofia Nowak", "Marketing"),
    ("Marcus Wren", "Marketing"),
    ("Emma Sørensen", "Marketing"),
    ("Ludvig Berglund", "Customer care"),
    ("Sara Lindholm", "Customer care"),
    ("Ahmed Yilmaz", "Customer care"),
    ("Klara Nyström", "Customer care"),
    ("Jesper Toft", "Warehouse Køge"),
    ("Mette Krogh", "Warehouse Køge"),
    ("Ivan Horvat", "Warehouse Køge"),
    ("Lone Brandt", "Warehouse Køge"),
    ("Kasper Juhl", "Store Aarhus"),
    ("Nadia Rahimi", "Store Aarhus"),
    ("Birgitte Friis", "Store Aarhus"),
    ("Even Haugen", "Store Oslo"),
    ("Liv Strand", "Store Oslo"),
    ("Torbjørn Moe", "Store Oslo"),
    ("Julia Hartmann", "Product design"),
    ("Elliot Grant", "Product design"),
    ("Naja Petersen", "Product design"),
    ("Henriette Brook", "Management"),
    ("Anders Halden", "Management"),
)
VIPS = ("Henriette Brook", "Anders Halden")

_ORDER_QUESTION = "Which order number is it about?"
_DEVICE_QUESTION = "What is on the sticker of the device (HB-…)?"
_STORE_QUESTION = "Which till, and can customers pay at another one?"

SERVICES: Sequence[Service] = (
    Service(
        key="dns", name="DNS", about="Names of hosts, inside and outside.", group="network",
        criticality="critical", users=900, portal=False, items=("ns1", "ns2"),
    ),
    Service(
        key="core", name="Network core", about="Switches, firewalls and lines between the sites.",
        group="network", criticality="critical", users=900, portal=False, cost=4000,
        items=("core-sw-1", "core-sw-2", "fw-cph-1", "fw-koge-1"),
    ),
    Service(
        key="identity", name="Sign-in", about="One account for everything, with a second factor.",
        group="platform", criticality="critical", needs=("dns", "core"), users=900, cost=6000,
        items=("idp-1", "idp-2"),
    ),
    Service(
        key="k8s", name="Container platform", about="Where our own applications run.", group="platform",
        criticality="critical", needs=("dns", "core"), users=60, portal=False, items=("k8s-prod", "k8s-stage"),
    ),
    Service(
        key="db", name="Customer database", about="Customers, orders and stock, replicated.", group="data",
        criticality="critical", needs=("core",), users=60, portal=False, items=("pg-main-1", "pg-main-2"),
    ),
    Service(
        key="storage", name="Object storage", about="Pictures, documents, backups.", group="data",
        criticality="high", needs=("core",), users=60, portal=False, items=("s3-cph-1",),
    ),
    Service(
        key="bus", name="Message bus", about="Carries orders from the shop to the warehouse.",
        group="platform", criticality="high", needs=("k8s",), users=60, portal=False, items=("kafka-1", "kafka-2"),
    ),
    Service(
        key="backup", name="Backup", about="Nightly copies, kept for 35 days.", group="data",
        criticality="medium", needs=("storage",), users=60, portal=False, items=("backup-1",),
    ),
    Service(
        key="shop", name="Web shop", about="haldenbrook.example, where customers buy.", group="commerce",
        criticality="critical", needs=("k8s", "db", "search", "storage"), users=40_000, cost=18_000,
        public=True, items=("shop-web", "cdn"), questions=(_ORDER_QUESTION,),
    ),
    Service(
        key="checkout", name="Checkout and payments", about="Cards, invoices and gift cards.",
        group="commerce", criticality="critical", needs=("k8s", "db"), users=40_000, cost=22_000, public=True,
        items=("payment-gateway",), questions=(_ORDER_QUESTION,),
    ),
    Service(
        key="search", name="Product search", about="Finding things in the shop.", group="commerce",
        criticality="high", needs=("k8s",), users=40_000, cost=3000, public=True, items=("search-1",),
    ),
    Service(
        key="loyalty", name="Loyalty app", about="Points and offers on the phone.", group="commerce",
        criticality="medium", needs=("identity", "db"), users=12_000, public=True,
    ),
    Service(
        key="orders", name="Order management", about="What was ordered and where it is.", group="commerce",
        criticality="high", needs=("db", "bus"), users=140, cost=2500, questions=(_ORDER_QUESTION,),
    ),
    Service(
        key="wms", name="Warehouse management", about="Picking, packing, stock in Køge.", group="stores",
        criticality="critical", needs=("db", "bus", "core"), users=120, cost=9000,
        items=("wms-app-1", "scanner-gw"),
    ),
    Service(
        key="labels", name="Shipping labels", about="Labels of four carriers.", group="stores",
        criticality="high", needs=("wms",), users=60, cost=3000, items=("label-printer-3", "label-printer-7"),
    ),
    Service(
        key="pos", name="Store tills", about="Tills and card terminals in the stores.", group="stores",
        criticality="high", needs=("core", "checkout"), users=300, cost=7000,
        items=("till-aarhus-2", "till-oslo-1"), questions=(_STORE_QUESTION,),
    ),
    Service(
        key="mail", name="E-mail and calendar", about="Mailboxes, rooms, shared calendars.",
        group="workplace", criticality="high", needs=("identity",), users=900,
    ),
    Service(
        key="vpn", name="Remote access (VPN)", about="Working from outside the offices.", group="network",
        criticality="high", needs=("identity", "core"), users=420, items=("vpn-gw-1",),
    ),
    Service(
        key="wifi", name="Office Wi-Fi", about="Offices, stores and the warehouse.", group="network",
        criticality="medium", needs=("core", "identity"), users=700, items=("wlc-1",),
    ),
    Service(
        key="phones", name="Telephony", about="Desk phones and the hotline of customer care.",
        group="network", criticality="high", needs=("core",), users=260, cost=1500, items=("pbx-1",),
    ),
    Service(
        key="files", name="File shares", about="Departments' folders.", group="data", criticality="medium",
        needs=("storage", "identity"), users=600, items=("nas-1",),
    ),
    Service(
        key="printing", name="Printing", about="Follow-me printing in the offices.", group="workplace",
        criticality="low", needs=("core",), users=500, items=("print-srv-1",), questions=(_DEVICE_QUESTION,),
    ),
    Service(
        key="laptops", name="Laptops and desktops", about="The device on your desk and what is on it.",
        group="workplace", criticality="medium", needs=("identity",), users=700, questions=(_DEVICE_QUESTION,),
    ),
    Service(
        key="erp", name="Finance system", about="Ledger, invoices, purchasing.", group="business",
        criticality="high", needs=("identity", "db"), users=90, cost=1200, items=("erp-app-1",),
    ),
    Service(
        key="hr", name="HR portal and payroll", about="Leave, contracts, pay.", group="business",
        criticality="medium", needs=("identity",), users=900,
    ),
    Service(
        key="bi", name="Reports and data warehouse", about="Sales figures every morning at seven.",
        group="business", criticality="medium", needs=("db", "storage"), users=150, items=("dwh-1",),
    ),
    Service(
        key="intranet", name="Intranet", about="News, handbooks, the canteen's menu.", group="business",
        criticality="low", needs=("identity", "k8s"), users=900,
    ),
)  # fmt: skip

CATEGORIES: Sequence[tuple[str, Sequence[tuple[str, str]]]] = (
    ("Access", (("Password and second factor", "first"), ("Permission", "first"), ("New account", "first"))),
    ("Workplace", (("Computer", "workplace"), ("Printer", "workplace"), ("Mailbox", "workplace"))),
    ("Connection", (("VPN", "network"), ("Wi-Fi", "network"), ("Line or switch", "network"))),
    ("Shop", (("Slow or down", "commerce"), ("Payment", "commerce"), ("Wrong content", "commerce"))),
    ("Warehouse and stores", (("Scanner", "stores"), ("Label", "stores"), ("Till", "stores"))),
    ("Business software", (("Error message", "business"), ("Slow", "business"), ("How to", "first"))),
    ("Platform", (("Host or container", "platform"), ("Capacity", "platform"), ("Certificate", "platform"))),
    ("Data", (("Database", "data"), ("Storage", "data"), ("Backup", "data"))),
    ("Security", (("Phishing", "security"), ("Malware", "security"), ("Suspicious sign-in", "security"))),
)
