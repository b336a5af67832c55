// PHOLD on std::priority_queue: usage phold ACTORS EVENTS. Prints ns of CPU time per event and the checksum that actors.mjs computes.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <queue>
#include <vector>

struct Event {
  double time;
  uint64_t sequence;
  uint32_t actor;
};

struct Later {
  bool operator()(const Event &a, const Event &b) const {
    return a.time > b.time || (a.time == b.time && a.sequence > b.sequence);
  }
};

static uint32_t state = 12345;

static uint32_t below(uint32_t limit) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return (uint64_t(state) * limit) >> 32;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  const uint32_t actors = std::strtoul(argv[1], nullptr, 10);
  const uint64_t events = std::strtoull(argv[2], nullptr, 10);
  std::priority_queue<Event, std::vector<Event>, Later> queue;
  std::vector<uint32_t> visits(actors, 0);
  uint64_t sequence = 0;
  for (uint32_t actor = 0; actor < actors; actor++) queue.push({1.0 + below(10000), ++sequence, actor});
  uint32_t checksum = 0;
  const std::clock_t begin = std::clock();
  for (uint64_t n = 0; n < events; n++) {
    const Event event = queue.top();
    queue.pop();
    visits[event.actor]++;
    checksum = checksum * 31 + event.actor;
    const uint32_t target = below(actors);
    queue.push({event.time + 1 + below(10000), ++sequence, target});
  }
  const double taken = 1e9 * (std::clock() - begin) / CLOCKS_PER_SEC;
  std::printf("%.3f %u\n", taken / events, checksum);
}
