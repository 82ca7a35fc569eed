// What a simulated memory is made of: bytes, regions, and dice.

#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <map>
#include <stdexcept>

using Cycle = uint64_t;

// Ends a job: the text says what the machine did wrong.
struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

template <class... Values>
[[noreturn]] void fail(const char* format, Values... values) {
    char text[512];
    std::snprintf(text, sizeof text, format, values...);
    throw Failure(text);
}

// Ranges of addresses.
class Regions {
  public:
    void add(uint64_t begin, uint64_t end) {
        // Ranges that touch become one, so that an access may span them.
        for (auto each = ends_.lower_bound(begin); each != ends_.end() && each->second <= end;) {
            begin = std::min(begin, each->second);
            end = std::max(end, each->first);
            each = ends_.erase(each);
        }
        ends_[end] = begin;
        last_begin_ = last_end_ = 0;
    }
    bool contain(uint64_t begin, uint64_t end) {
        if (begin >= last_begin_ && end <= last_end_) return true;
        auto found = ends_.lower_bound(end);
        if (found == ends_.end() || begin < found->second) return false;
        last_begin_ = found->second;
        last_end_ = found->first;
        return true;
    }
    void clear() { *this = Regions(); }

  private:
    std::map<uint64_t, uint64_t> ends_;  // end to begin
    uint64_t last_begin_ = 0, last_end_ = 0;
};

// Bytes from `base` on; pages that nobody touches take no room. They are zero.
class Store {
  public:
    Store(uint64_t base, uint64_t size) : base_(base), size_(size) {
        const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
        void* bytes = mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, -1, 0);
        if (bytes == MAP_FAILED) fail("memory: no %llu bytes", (unsigned long long)size);
        bytes_ = static_cast<uint8_t*>(bytes);
    }
    ~Store() { munmap(bytes_, size_); }
    Store(const Store&) = delete;
    bool holds(uint64_t address, uint64_t bytes) const {
        return address >= base_ && bytes <= size_ && address - base_ <= size_ - bytes;
    }
    uint8_t* at(uint64_t address) { return bytes_ + (address - base_); }

  private:
    uint64_t base_, size_;
    uint8_t* bytes_;
};

class Random {
  public:
    explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 0x1234567u) {}
    uint32_t below(uint32_t limit) { return (uint64_t(next()) * limit) >> 32; }
    uint32_t next() {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return (state_ * 0x2545f4914f6cdd1du) >> 32;
    }

  private:
    uint64_t state_;
};

// Whether a channel stalls in a cycle. With habits that change: for a while never, or almost always.
class Stall {
  public:
    bool operator()(Random& random, unsigned percent, Cycle now) {
        if (percent == 0) return false;
        if (now >= until_) {
            until_ = now + 16 + random.below(64);
            const unsigned habits[] = {0, percent, percent, 95};
            percent_ = habits[random.below(4)];
        }
        return random.below(100) < percent_;
    }

  private:
    Cycle until_ = 0;
    unsigned percent_ = 0;
};
