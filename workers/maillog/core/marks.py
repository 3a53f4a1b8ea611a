"""Lines that have one of several texts, found without looking at the lines in between."""

from collections.abc import Iterable, Iterator
from heapq import heapify, heappop, heapreplace


def lines_with(
    texts: Iterable[bytes], data: bytes, sought: bytes | None = None
) -> Iterator[tuple[int, int]]:
    """Start and end (its newline not counted) of each such line of `data`, in order, once.

    `sought`: what the texts are looked for in, when that is `data` with other bytes in places.
    """
    find = (data if sought is None else sought).find
    ahead = [(place, text) for text in texts if (place := find(text)) >= 0]
    heapify(ahead)
    while ahead:
        place = ahead[0][0]
        end = data.find(b"\n", place)
        end = len(data) if end < 0 else end
        yield data.rfind(b"\n", 0, place) + 1, end
        while ahead and ahead[0][0] <= end:
            text = ahead[0][1]
            place = find(text, end + 1)
            if place < 0:
                heappop(ahead)
            else:
                heapreplace(ahead, (place, text))
