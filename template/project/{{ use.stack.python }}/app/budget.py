from app.logs import seldom

# What is counted: about what is read from a connection at once.
_BLOCK_BYTES = 64 * 1024


def blocks(size: int) -> int:
    return -(-size // _BLOCK_BYTES)


class Budget:
    """How much memory the bodies of requests may take together.

    Each has its part of it from the moment its head is here until it is answered. A client can
    have a quarter, so that one cannot keep the others out.
    """

    def __init__(self, size: int, largest_body: int) -> None:
        # One body always fits.
        largest = blocks(largest_body)
        self._limit = max(blocks(size), largest)
        self._share = max(self._limit // 4, largest)
        self._taken = 0
        self._clients: dict[str, int] = {}
        self._warn = seldom("bodies take all the memory they may, refusing some")

    def take(self, client: str, more: int) -> int:
        """Let a client have more blocks: 0, or the status to refuse them with."""
        of_client = self._clients.get(client, 0) + more
        greedy = of_client > self._share
        if greedy or self._taken + more > self._limit:
            self._warn()
            return 429 if greedy else 503
        self._taken += more
        self._clients[client] = of_client
        return 0

    def give_back(self, client: str, held: int) -> None:
        self._taken -= held
        self._clients[client] -= held
        if not self._clients[client]:
            del self._clients[client]
