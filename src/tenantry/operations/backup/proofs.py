"""The proofs of backups, each beside the backup's manifest: encrypted and signed as that is."""

from __future__ import annotations

import json
from dataclasses import asdict

from tenantry.archive.encryption import open_sealed, seal
from tenantry.archive.format import proof_path
from tenantry.errors import TenantryError
from tenantry.model.backup import Proof, ProofState
from tenantry.operations.instance.archives import Place


def put_proof(place: Place, backup: str, proof: Proof) -> None:
    """Write the proof of a backup, in place of a former one. Raises StoreFailure, StoreRefused."""
    data = json.dumps({"archive": backup, **asdict(proof)}).encode()
    place.store.put(proof_path(backup), seal(place.keys, data))


def find_proof(place: Place, backup: str) -> Proof | None:
    """The proof of a backup; one that cannot be read is `unverifiable`. Raises StoreFailure, StoreRefused."""
    data = place.store.get(proof_path(backup))
    return _read(place, backup, data) if data is not None else None


def _read(place: Place, backup: str, data: bytes) -> Proof:
    try:
        facts = json.loads(open_sealed(place.keys, backup, data).data)
        if facts.pop("archive") != backup:
            raise ValueError("it is that of another backup")
        return Proof(**{**facts, "state": ProofState(facts["state"])})
    except TenantryError as error:
        return Proof(ProofState.UNVERIFIABLE, "", 0, str(error))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        return Proof(ProofState.UNVERIFIABLE, "", 0, f"its proof cannot be read ({error})")
