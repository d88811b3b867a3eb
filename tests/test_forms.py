"""What notebook 07 says of forms: refinement, gates, family trees, pictures, claims and traps."""

import itertools

import networkx as nx
import pytest
import torch

from helpers.combined import (
    archive,
    claims,
    networks,
    pedigree,
    reconciled,
    structure,
    traps,
)
from helpers.graph import GatedGraphLayer, form_drawings, gates, pictures, refinement
from helpers.runtime import generator

# Colour refinement --------------------------------------------------------------------------------


def random_graph(nodes: int, seed: int) -> torch.Tensor:
    upper = (torch.rand(nodes, nodes, generator=generator(seed)) < 0.4).float().triu(1)
    return upper + upper.T


def same_colors(colors: list[int]) -> list[list[bool]]:
    return [[a == b for b in colors] for a in colors]


@pytest.mark.filterwarnings("ignore:The hashes produced")
@pytest.mark.parametrize("seed", range(6))
def test_refinement_splits_as_networkx_does(seed):
    A = random_graph(9, seed)
    ours = refinement.refine([A], 4)
    graph = nx.from_numpy_array(A.numpy())
    nx.set_node_attributes(graph, "all alike", "color")
    theirs = nx.weisfeiler_lehman_subgraph_hashes(graph, node_attr="color", iterations=4)
    assert len(theirs[0]) == 4
    for k in range(4):
        hashes = [theirs[u][k] for u in range(9)]
        assert same_colors(ours[k + 1][0]) == same_colors(hashes)


def test_colors_split_and_never_merge():
    A = random_graph(10, 3)
    rounds = [colors[0] for colors in refinement.refine([A], 6)]
    for before, after in itertools.pairwise(rounds):
        for u, w in itertools.combinations(range(10), 2):
            assert before[u] == before[w] or after[u] != after[w]
    assert rounds[5] == rounds[6]


def test_the_pairs_are_what_they_say():
    for name, (one, other) in ((k, p.values()) for k, p in refinement.PAIRS.items()):
        graphs = [nx.from_numpy_array(A.numpy()) for A in (one, other)]
        assert not nx.is_isomorphic(*graphs)
        assert refinement.told_apart(one, other) == (name == "a branch")
    decalin, bicyclopentyl = (
        nx.from_numpy_array(A.numpy()) for A in refinement.PAIRS["molecules"].values()
    )
    assert sorted(map(len, nx.minimum_cycle_basis(decalin))) == [6, 6]
    assert sorted(map(len, nx.minimum_cycle_basis(bicyclopentyl))) == [5, 5]


def test_a_graph_is_told_from_another_numbering_of_itself_never():
    A = random_graph(8, 1)
    order = torch.randperm(8, generator=generator(2))
    assert not refinement.told_apart(A, A[order][:, order])
    assert refinement.told_apart(A, random_graph(8, 2))


def test_colors_to_begin_with_count():
    ring, two = refinement.PAIRS["rings"].values()
    (a, b) = refinement.refine([ring, two], 6, colors=[[1, 0, 0, 0, 0, 0]] * 2)[-1]
    assert sorted(a) != sorted(b)


def test_writings_are_counted():
    path = structure.chain(4)
    assert refinement.writings(path) == (12, 2)  # 4! / 2
    assert refinement.writings(torch.zeros(4, 4)) == (1, 24)


# The gated layer ----------------------------------------------------------------------------------


def test_gates_read_off_the_layer_make_its_output():
    torch.manual_seed(3)
    layer, A = GatedGraphLayer(5).double(), random_graph(7, 0).double()
    H = torch.randn(7, 5).double()
    seen = gates.read_off(layer, H, A)
    torch.testing.assert_close(layer(H, A), (1 - seen["z"]) * seen["g"] + seen["z"] * H)
    torch.testing.assert_close(seen["m"], A @ (H @ layer.W))
    assert ((seen["r"] > 0) & (seen["r"] < 1)).all()
    torch.testing.assert_close(gates.keeping(layer)(H, A), H)


# The LSTM of two notebooks ------------------------------------------------------------------------


def test_a_start_is_what_it_says():
    def network(**setting):
        return structure.build(structure.StructureRun("lstm", "sequence", 12, 0, **setting)).core

    usual, chrono = network(), network(start="orthogonal, chrono")
    assert (usual.weights().b_f == 1).all()
    memory = 1 + chrono.weights().b_f.exp()
    assert (memory.min() >= 2) & (memory.max() <= 12)
    assert (chrono.weights().b_i == -chrono.weights().b_f).all()
    W = chrono.weights().W_fh
    torch.testing.assert_close(W @ W.T, torch.eye(len(W)), atol=1e-5, rtol=0)
    assert not torch.allclose(usual.weights().W_fh @ usual.weights().W_fh.T, torch.eye(len(W)))


def test_what_differs_is_read_from_both_configurations():
    table = reconciled.what_differs(20)
    there = reconciled.run_of_04(20)
    assert table.loc["sequences in a batch"].tolist() == [64, there.batch_size, "yes"]
    assert table.loc["rate in the end"].tolist() == [pytest.approx(3e-4), there.lr, "yes"]
    assert table.loc["layers", "differs"] == ""
    assert table.loc["steps that a unit remembers at first"].iloc[0] == "3.7"  # 1 + e


def test_the_changes_lead_to_the_setting_of_notebook_04():
    there, best = reconciled.run_of_04(20), archive.OF_04
    assert (best["optimizer"], best["clip_norm"]) == (there.optimizer, there.clip_norm)
    assert there.W_h == "orthogonal"
    assert there.chrono == 20
    changes = archive.CHANGES
    assert changes["batches of 128"]["batch_size"] == there.batch_size
    assert changes["3000 steps"]["steps"] == there.steps
    for fields in changes.values():
        for name, value in fields.items():
            assert name in ("batch_size", "steps") or str(value) in str(best[name])
    assert set(archive.lstm_settings()) == set(archive.read().by_setting("lstm_settings"))


# Family trees -------------------------------------------------------------------------------------


def test_families_hand_the_trait_on_by_mothers():
    families = pedigree.draw_families(50, generator(0))
    for b in range(50):
        for child in range(pedigree.PEOPLE):
            mother, father = families.mother[b, child].item(), families.father[b, child].item()
            if child < pedigree.FOUNDERS:
                assert mother == father == -1
                assert families.line[b, child] == 0
                continue
            assert child - pedigree.PARENTS_AMONG <= mother < child
            assert child - pedigree.PARENTS_AMONG <= father < child
            assert families.woman[b, mother]
            assert not families.woman[b, father]
            assert families.carries[b, child] == families.carries[b, mother]
            assert families.line[b, child] == families.line[b, mother] + 1


@pytest.mark.parametrize("order", pedigree.ORDERS)
def test_a_written_family_says_who_the_parents_are(order):
    families = pedigree.draw_families(20, generator(1))
    N = pedigree.PEOPLE
    rows = pedigree.written(families, order, generator(2))
    assert rows.shape == (20, N, 2 * N + pedigree.KNOWN)
    for b, row in enumerate(rows):
        at = row[:, 2 * N + 3].argmax()  # the asked: follow the mothers to a founder
        while not row[at, 2 * N + 1]:
            at = row[at, :N].argmax()
        assert row[at, 2 * N] == families.carries[b, families.asked[b]]
    if order == "birth":
        assert torch.equal(rows[..., 2 * N :], pedigree.known(families))


def test_a_child_hears_its_parents():
    families = pedigree.draw_families(5, generator(3))
    A = pedigree.adjacency(families)
    for b, child in itertools.product(range(5), range(pedigree.PEOPLE)):
        parents = {families.mother[b, child].item(), families.father[b, child].item()} - {-1}
        assert set(A[b, child].nonzero()[:, 0].tolist()) == parents


def test_who_is_asked_with_a_long_line_has_one():
    draw = pedigree.task(pedigree.PedigreeRun("gated", 0), least=4)
    (_, A, asked), y = draw(500, generator(0))
    longest = torch.zeros(500, pedigree.PEOPLE)  # generations over mothers or fathers: no shorter
    for child in range(pedigree.FOUNDERS, pedigree.PEOPLE):
        longest[:, child] = 1 + (longest * A[:, child]).amax(1)
    assert longest.gather(1, asked[:, None]).mean() > 4
    assert 0.4 < y.double().mean() < 0.6


# Pictures -----------------------------------------------------------------------------------------


def test_superpixels_cover_the_picture_and_touch():
    picture = pictures.scene()
    regions = pictures.superpixels(picture.grey, 25)
    assert sorted(regions.unique().tolist()) == list(range(int(regions.max()) + 1))
    A = pictures.region_graph(regions)
    assert torch.equal(A, A.T)
    assert nx.is_connected(nx.from_numpy_array(A.numpy()))
    assert pictures.best_labelling(picture.thing, picture.thing) == 1.0
    assert pictures.best_labelling(torch.zeros_like(regions), picture.thing) < 0.9
    one_each = torch.arange(regions.numel()).reshape(regions.shape)
    assert torch.equal(pictures.region_graph(one_each), pictures.grid_graph(len(regions)))


def test_a_grid_is_networkx_grid():
    ours = nx.from_numpy_array(pictures.grid_graph(5).numpy())
    assert nx.is_isomorphic(ours, nx.grid_2d_graph(5, 5))
    assert pictures.rounds_for_all(pictures.grid_graph(5)) == 8
    assert traps.pixels_heard(3, 11) == 25  # 2 k (k + 1) + 1


def test_forms_say_what_they_cost():
    sequence, grid, *few = pictures.forms(pictures.scene(), (9, 25))
    assert sequence["from a pixel to the one below"] == pictures.SIZE
    assert grid["farthest apart"] == 2 * (pictures.SIZE - 1)
    for row in few:
        assert row["farthest apart"] < grid["farthest apart"]
        assert 0.5 < row["pixels right at best"] <= 1


# Claims and traps ---------------------------------------------------------------------------------


def test_every_claim_has_a_report_a_verdict_and_a_number_or_says_it_has_none():
    found = claims.claims(archive.read())
    assert {report for claim in found for report in claim.who.split(", ")} == {
        "000",
        "001",
        "002",
        "004",
    }
    for claim in found:
        assert all(claim)
        assert any(c.isdigit() for c in claim.shown)
        assert claim.shown.startswith("section ")


def test_every_trap_has_a_number():
    for trap in traps.rows(archive.read()):
        assert all(trap)
        assert any(c.isdigit() for c in trap.number)


def test_depth_tells_regular_graphs_apart_never():
    assert traps.spread_at_depth(9, graphs=10) < 1e-12


def test_drawings_show_every_node_and_word():
    figure = form_drawings.refinement(refinement.PAIRS, 2)
    for ax, A in zip(
        figure.axes, [A for p in refinement.PAIRS.values() for A in p.values()], strict=True
    ):
        assert len(ax.texts) == len(A)
        assert len(ax.lines) == A.sum() / 2
    text = form_drawings.text_as_graph()
    shown = {t.get_text() for t in text.axes[0].texts}
    assert set(form_drawings.WORDS) <= shown
    forms = form_drawings.picture_forms(pictures.scene(), 9)
    assert len(forms.axes) == 4
    for one in (figure, text, forms):
        form_drawings.plt.close(one)


def test_a_chain_reads_the_same_both_ways():
    torch.manual_seed(0)
    for kind in ("gcn", "gat", "gated", "gin"):
        net = networks.MessagePassing(kind, 3, 4, 3).double()
        X, A = torch.randn(1, 7, 3).double(), structure.chain(7).double()
        torch.testing.assert_close(net(X, A).mean(1), net(X.flip(1), A).mean(1))
