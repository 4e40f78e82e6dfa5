"""What takes no longer than it may, on a machine of whatever speed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quickly(moments: float) -> Iterator[None]:
    """Fail where the body takes more processor time than `moments` of a million steps take.

    Such a moment is a tenth of a second where a machine is quick, and longer where it is not.
    """
    begin = time.process_time()
    sum(step * step % 7 for step in range(1_000_000))
    moment = time.process_time() - begin
    begin = time.process_time()
    yield
    took = (time.process_time() - begin) / moment
    assert took < moments, f"it took {took:.0f} moments"
