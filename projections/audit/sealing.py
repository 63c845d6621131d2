"""Sealing: new facts come under the next signed head."""

from typing import Any

from psycopg import Connection

from engine.store.log import head
from projections.audit.heads import SealKey, signed_head
from projections.audit.leaves import as_ranges, hashes_at
from projections.audit.seals import Seal, insert_seal, last_seal
from projections.audit.tree import joined, nodes_of, root_of
from projections.follow import lock_position, save_position

SEALER = "sealer"


def seal_next(connection: Connection[Any], key: SealKey, limit: int) -> Seal | None:
    """Seal up to `limit` facts that are not sealed yet, in one transaction; None where there are none."""
    with connection.transaction():
        lock_position(connection, SEALER)
        before = last_seal(connection)
        positions, hashes = hashes_at(connection, before.position, head(connection), limit)
        if not hashes:
            return None
        tree = joined(before.tree, nodes_of(before.size, hashes))
        size = before.size + len(hashes)
        text, nodes = signed_head(key, size, root_of(tree)), b"".join(node.hash for node in tree)
        sealed = Seal(before.number + 1, size, positions[-1], text, nodes)
        insert_seal(connection, sealed, hashes, as_ranges(positions))
        save_position(connection, SEALER, positions[-1])
        return sealed
