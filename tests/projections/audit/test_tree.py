"""The tree is that of RFC 6962: published vectors, and a plain reading of the RFC's own definitions."""

from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.audit.tree import (
    EMPTY_ROOT,
    ProofError,
    check_consistency,
    check_inclusion,
    consistency_path,
    inclusion_path,
    joined,
    leaf_hash,
    nodes_of,
    nodes_of_tree,
    parent_hash,
    root_of,
    size_of,
)

# Leaves, roots and proofs of the reference implementation of Certificate Transparency:
# github.com/google/certificate-transparency, cpp/merkletree/merkle_tree_test.cc (kSHA256Roots, …), which
# github.com/transparency-dev/merkle repeats in testonly/constants.go.
LEAVES = [bytes.fromhex(one) for one in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
LEAVES.append(bytes.fromhex("606162636465666768696a6b6c6d6e6f"))
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
HASHES = [leaf_hash(leaf) for leaf in LEAVES]
MANY = [leaf_hash(number.to_bytes(2)) for number in range(140)]
sizes = st.integers(1, len(MANY))


def root_by_definition(leaves):
    """MTH of section 2.1."""
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return parent_hash(root_by_definition(leaves[:half]), root_by_definition(leaves[half:]))


def inclusion_of(index, size, leaves):
    return inclusion_path(index, size, nodes_of(0, leaves[:index]), nodes_of(index + 1, leaves[index + 1 : size]))


def consistency_of(size, later, leaves):
    return consistency_path(size, later, nodes_of(0, leaves[:size]), nodes_of(size, leaves[size:later]))


@pytest.mark.parametrize("size", range(9))
def test_roots_are_the_published_ones(size):
    assert root_of(nodes_of(0, HASHES[:size])).hex() == ROOTS[size]
    assert EMPTY_ROOT.hex() == ROOTS[0]


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_inclusion_proofs_are_the_published_ones(index, size):
    path = inclusion_of(index, size, HASHES)
    assert [one.hex() for one in path] == INCLUSION[index, size]
    check_inclusion(index, size, HASHES[index], path, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(("size", "later"), CONSISTENCY)
def test_consistency_proofs_are_the_published_ones(size, later):
    path = consistency_of(size, later, HASHES)
    assert [one.hex() for one in path] == CONSISTENCY[size, later]
    check_consistency(size, later, path, bytes.fromhex(ROOTS[size]), bytes.fromhex(ROOTS[later]))


@given(sizes, st.lists(st.integers(0, len(MANY)), max_size=5))
def test_stretches_join_to_the_tree_of_all(size, cuts):
    places = sorted({0, *(cut for cut in cuts if cut < size), size})
    nodes = ()
    for first, end in pairwise(places):
        nodes = joined(nodes, nodes_of(first, MANY[first:end]))
    assert nodes == nodes_of(0, MANY[:size])
    assert (size_of(nodes), root_of(nodes)) == (size, root_by_definition(MANY[:size]))
    assert nodes_of_tree(size, b"".join(node.hash for node in nodes)) == nodes


@given(st.tuples(sizes, sizes, sizes))
def test_two_stretches_in_the_middle_join_to_that_of_both(places):
    first, middle, end = sorted(places)
    nodes = joined(nodes_of(first, MANY[first:middle]), nodes_of(middle, MANY[middle:end]), first)
    assert nodes == nodes_of(first, MANY[first:end])


@given(sizes, st.data())
def test_every_leaf_is_proved_to_be_where_it_is_and_nowhere_else(size, data):
    index = data.draw(st.integers(0, size - 1))
    path, root = inclusion_of(index, size, MANY), root_by_definition(MANY[:size])
    check_inclusion(index, size, MANY[index], path, root)
    other = data.draw(st.integers(0, size).filter(lambda one: one != index))
    wrong = [(other, size, path), (index, size, [*path, root]), (index, size, path[:-1]), (index, size, path[::-1])]
    for place, of, shown in wrong:
        if (place, shown) != (index, path):
            with pytest.raises(ProofError):
                check_inclusion(place, of, MANY[index], shown, root)
    with pytest.raises(ProofError):
        check_inclusion(index, size, MANY[index - 1] if size > 1 else root_by_definition([]), path, root)


@given(sizes, sizes, st.data())
def test_a_tree_is_proved_to_go_on_from_an_earlier_one_and_from_no_other(one, another, data):
    size, later = sorted((one, another))
    path = consistency_of(size, later, MANY)
    root, later_root = root_by_definition(MANY[:size]), root_by_definition(MANY[:later])
    check_consistency(size, later, path, root, later_root)
    altered = list(MANY)
    altered[data.draw(st.integers(0, size - 1))] = leaf_hash(b"altered")
    forged = consistency_of(size, later, altered)
    for shown, new_root in ((forged, root_by_definition(altered[:later])), ([*path, root], later_root)):
        with pytest.raises(ProofError):
            check_consistency(size, later, shown, root, new_root)
    if path:
        with pytest.raises(ProofError):
            check_consistency(size, later, path[:-1], root, later_root)


@pytest.mark.parametrize(("size", "later"), [(0, 3), (3, 2), (-1, 2)])
def test_no_tree_goes_on_from_a_larger_or_an_empty_one(size, later):
    with pytest.raises(ProofError):
        check_consistency(size, later, [], EMPTY_ROOT, EMPTY_ROOT)


@pytest.mark.parametrize(("index", "size"), [(-1, 2), (2, 2), (0, 0)])
def test_no_leaf_is_beyond_its_tree(index, size):
    with pytest.raises(ProofError):
        check_inclusion(index, size, HASHES[0], [], HASHES[0])


def test_nodes_that_do_not_fit_the_size_are_refused():
    with pytest.raises(ProofError, match="a tree of 5 leaves has 2 nodes, not 1"):
        nodes_of_tree(5, HASHES[0])
