# PHOLD on heapq: usage phold.py ACTORS EVENTS. Prints ns of CPU time per event and the checksum that actors.mjs computes.
import sys
import time
from heapq import heappop, heappush

state = 12345


def below(limit):
    global state
    state ^= (state << 13) & 0xFFFFFFFF
    state ^= state >> 17
    state ^= (state << 5) & 0xFFFFFFFF
    return (state * limit) >> 32


def main(actors, events):
    queue = []
    visits = [0] * actors
    sequence = 0
    for actor in range(actors):
        sequence += 1
        heappush(queue, (1 + below(10000), sequence, actor))
    checksum = 0
    begin = time.process_time_ns()
    for _ in range(events):
        now, _, actor = heappop(queue)
        visits[actor] += 1
        checksum = (checksum * 31 + actor) & 0xFFFFFFFF
        target = below(actors)
        sequence += 1
        heappush(queue, (now + 1 + below(10000), sequence, target))
    taken = time.process_time_ns() - begin
    print(f"{taken / events:.3f} {checksum}")


main(int(sys.argv[1]), int(sys.argv[2]))
