"""Applications of graph networks that the reports name: what is a node, an edge, and the question.

The drawings are made from the lists below (:mod:`.application_drawings`); they are schemes, not
data. The texts and references stand in the notebook.
"""

from dataclasses import dataclass

#: On what the question is asked.
LEVELS = ("node", "edge", "graph")


@dataclass(frozen=True)
class Application:
    """A scheme of an application.

    Attributes:
        title: the work, or the subject where a report names none.
        report: the one that names it.
        node, edge, question: what they are, in a few words.
        level: of the question, one of :data:`LEVELS`.
        nodes: label -> (kind, x, y).
        edges: (label, label, kind); a kind's name is written once, at its first edge.
        asked: what the network is asked for, drawn heavily: a node's label, or a pair of labels for
            an edge; "" where it is the graph as a whole.
    """

    title: str
    report: str
    node: str
    edge: str
    question: str
    level: str
    nodes: dict[str, tuple[str, float, float]]
    edges: tuple[tuple[str, str, str], ...]
    asked: str | tuple[str, str]


APPLICATIONS = (
    Application(
        "Zhang et al. 2019: people, things",
        "000",
        "a person or an object in a picture",
        "they stand together in it",
        "the social relation of two persons, here parent and child",
        "edge",
        {
            "parent": ("person", 0.3, 1),
            "child": ("person", 1.3, 1),
            "object": ("object", 0, 0),
            "another object": ("object", 1.6, 0),
        },
        (
            ("parent", "child", "relation?"),
            ("parent", "object", "near"),
            ("child", "another object", "near"),
            ("parent", "another object", "near"),
        ),
        ("parent", "child"),
    ),
    Application(
        "Zhang et al. 2019: poses",
        "000",
        "a joint of a person's body",
        "a limb between them",
        "the same relation: one bends down to the other",
        "edge",
        {
            "parent's head": ("parent", 0.75, 1.08),
            "back": ("parent", 0.15, 0.85),
            "hand": ("parent", 0.7, 0.42),
            "foot": ("parent", 0, 0),
            "its head": ("child", 1.75, 0.45),
            "its hand": ("child", 1.15, 0.2),
            "its foot": ("child", 1.7, 0),
        },
        (
            ("parent's head", "back", "limb"),
            ("back", "hand", "limb"),
            ("back", "foot", "limb"),
            ("its head", "its foot", "limb"),
            ("its head", "its hand", "limb"),
            ("parent's head", "its head", "relation?"),
        ),
        ("parent's head", "its head"),
    ),
    Application(
        "Parisot et al. 2018: diagnosis",
        "000",
        "a person: features of structural and functional MRI",
        "two persons are alike in recorded facts such as sex",
        "autism or Alzheimer's disease, or neither",
        "node",
        {
            "ill": ("ill", 0, 1),
            "well": ("well", 1.1, 1.1),
            "ill too": ("ill", 0.1, 0),
            "who knows?": ("well", 0.75, 0.45),
            "well too": ("well", 1.6, 0.2),
        },
        (
            ("ill", "ill too", "alike"),
            ("ill", "who knows?", "alike"),
            ("ill too", "who knows?", "alike"),
            ("well", "well too", "alike"),
            ("who knows?", "well too", "alike"),
        ),
        "who knows?",
    ),
    Application(
        "Feng et al. 2019: stocks",
        "000",
        "a company: what an LSTM makes of its stock's past",
        "a relation of two companies",
        "how the stock does the next day",
        "node",
        {
            "this stock": ("company", 0.2, 1),
            "supplier": ("company", 1.2, 1.1),
            "mine": ("company", 1.6, 0.2),
            "rival": ("company", 0, 0),
            "owner": ("company", 0.9, 0.3),
        },
        (
            ("supplier", "this stock", "relation"),
            ("mine", "supplier", "relation"),
            ("this stock", "rival", "relation"),
            ("owner", "this stock", "relation"),
            ("owner", "supplier", "relation"),
        ),
        "this stock",
    ),
    Application(
        "Proteins (cites Fout et al. 2017)",
        "001",
        "a protein",
        "two proteins act on each other",
        "the role of a protein",
        "node",
        {
            "role?": ("protein", 0.8, 0.6),
            "carrier": ("protein", 0, 1),
            "carrier 2": ("protein", 0.1, 0.1),
            "receptor": ("protein", 1.6, 1),
            "enzyme": ("protein", 1.5, 0.1),
        },
        (
            ("carrier", "carrier 2", "interacts"),
            ("carrier", "role?", "interacts"),
            ("carrier 2", "role?", "interacts"),
            ("role?", "receptor", "interacts"),
            ("receptor", "enzyme", "interacts"),
        ),
        "role?",
    ),
    Application(
        "Friends (cites SocialGCN)",
        "001",
        "a user of a social network",
        "a friendship",
        "the next friend to recommend",
        "edge",
        {
            "Ann": ("user", 0, 0.8),
            "Bob": ("user", 0.7, 1.1),
            "Cem": ("user", 0.7, 0),
            "Dee": ("user", 1.5, 0.7),
        },
        (
            ("Ann", "Bob", "friends"),
            ("Ann", "Cem", "friends"),
            ("Bob", "Dee", "friends"),
            ("Cem", "Dee", "friends"),
            ("Ann", "Dee", "friends?"),
        ),
        ("Ann", "Dee"),
    ),
    Application(
        "Drugs (cites Ryu et al. 2018)",
        "001",
        "an atom of a molecule",
        "a bond",
        "what else the drug could be good for",
        "graph",
        {
            "C": ("carbon", 0.2, 0.9),
            "C ": ("carbon", 0.2, 0.2),
            "C  ": ("carbon", 0.8, -0.1),
            "N": ("other", 1.2, 0.35),
            "C   ": ("carbon", 0.85, 1.05),
            "O": ("other", 1.7, 0.9),
        },
        (
            ("C", "C ", "bond"),
            ("C ", "C  ", "bond"),
            ("C  ", "N", "bond"),
            ("N", "C   ", "bond"),
            ("C   ", "C", "bond"),
            ("C   ", "O", "bond"),
        ),
        "",
    ),
    Application(
        "Roles in a collaboration",
        "001",
        "a person",
        "two have worked together",
        "the role that a person has",
        "node",
        {
            "lead": ("person", 0.3, 1),
            "writer": ("person", 0, 0.1),
            "role?": ("person", 0.9, 0.5),
            "tester": ("person", 1.6, 1),
            "lead 2": ("person", 1.6, 0.1),
        },
        (
            ("lead", "writer", "worked together"),
            ("lead", "role?", "worked together"),
            ("writer", "role?", "worked together"),
            ("role?", "tester", "worked together"),
            ("role?", "lead 2", "worked together"),
        ),
        "role?",
    ),
    Application(
        "Guo et al. 2020: recommendation",
        "002",
        "a user, a film, and what is known of films, such as an actor",
        "has seen, knows, plays in",
        "the next film for a user",
        "edge",
        {
            "user": ("user", 0, 0.9),
            "friend": ("user", 0, 0),
            "film": ("film", 0.85, 1.1),
            "film 2": ("film", 0.85, 0),
            "actor": ("entity", 1.6, 0.6),
        },
        (
            ("user", "film", "seen"),
            ("friend", "film 2", "seen"),
            ("user", "friend", "knows"),
            ("film", "actor", "plays in"),
            ("film 2", "actor", "plays in"),
            ("user", "film 2", "next?"),
        ),
        ("user", "film 2"),
    ),
    Application(
        "Ostendorff et al. 2019: books",
        "002",
        "a book: BERT's vector of its text; an author",
        "has written",
        "the class of a book",
        "node",
        {
            "class?": ("book", 0.2, 0.9),
            "novel": ("book", 0.2, 0),
            "author": ("author", 0.85, 0.45),
            "manual": ("book", 1.6, 0.9),
            "author 2": ("author", 1.5, 0.1),
        },
        (
            ("author", "class?", "wrote"),
            ("author", "novel", "wrote"),
            ("author 2", "manual", "wrote"),
        ),
        "class?",
    ),
    Application(
        "Shen et al. 2018: the same person?",
        "004",
        "the pair of a photograph asked for and one of the gallery",
        "the two gallery photographs are similar",
        "whether the pair shows one person",
        "node",
        {
            "asked & 1": ("pair", 0.1, 1),
            "asked & 2": ("pair", 1, 1.1),
            "asked & 3": ("pair", 0.4, 0),
            "asked & 4": ("pair", 1.5, 0.2),
        },
        (
            ("asked & 1", "asked & 2", "similar"),
            ("asked & 1", "asked & 3", "similar"),
            ("asked & 2", "asked & 4", "similar"),
            ("asked & 2", "asked & 3", "similar"),
        ),
        "asked & 2",
    ),
    Application(
        "Prates et al. 2019: round trip",
        "004",
        "a city",
        "a road, with its length",
        "is there a tour through all cities below a given length?",
        "graph",
        {
            "a": ("city", 0, 0.8),
            "b": ("city", 0.7, 1.15),
            "c": ("city", 1.6, 0.8),
            "d": ("city", 1.2, 0),
            "e": ("city", 0.2, 0),
        },
        (
            ("a", "b", "on the tour"),
            ("b", "c", "on the tour"),
            ("c", "d", "on the tour"),
            ("d", "e", "on the tour"),
            ("a", "e", "on the tour"),
            ("b", "e", "road"),
            ("a", "c", "road"),
            ("b", "d", "road"),
        ),
        "",
    ),
)
