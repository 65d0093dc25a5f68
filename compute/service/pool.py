"""The pool of workers: a connection to a dask scheduler."""

import logging
import threading

from distributed import Client

PATIENCE = 20.0  # seconds to wait for a scheduler that does not answer


class PoolLost(ConnectionError):
    """The scheduler or the results it held are gone; asking again may succeed."""


class Pool:
    """A connection to a dask scheduler, opened when first used and again after the scheduler was lost."""

    def __init__(self, address: str):
        self.address = address
        self._lock = threading.Lock()
        self._client: Client | None = None

    def client(self) -> Client:
        """The connected client.

        Raises:
            PoolLost: no scheduler answers at the address within PATIENCE seconds.
        """
        with self._lock:
            if self._client is None or self._client.status not in ("running", "connecting"):
                self._client = _connect(self.address)
            return self._client

    def workers(self) -> int:
        """How many workers the scheduler has now."""
        return len(self.client().scheduler_info(n_workers=-1)["workers"])

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close(timeout=2)
                self._client = None


def _connect(address: str) -> Client:
    logging.getLogger("distributed").setLevel(logging.ERROR)  # a lost scheduler is told in our own words
    try:
        return Client(address, timeout=PATIENCE, set_as_default=False, name="lossatlas")
    except (OSError, TimeoutError, ValueError) as error:
        raise PoolLost(f"No dask scheduler answers at {address}. Start one, or leave --scheduler out.") from error
