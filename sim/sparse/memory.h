// Memory behind the AXI4 port of a simulated machine: timing, checks, faults.
//
// A read returns what memory holds when its address is accepted; a write changes memory when its
// response is given. So a machine that reads what it has written, without waiting for the response,
// gets old data, as it might from real memory.

#pragma once

#include <cstring>
#include <deque>
#include <utility>
#include <vector>

#include "Vtop.h"
#include "store.h"

// How the memory behaves. Times are in cycles, stalls in per cent.
struct Timing {
    unsigned read_latency = 100;   // from ARVALID and ARREADY to the first RVALID
    unsigned write_latency = 100;  // from the last W beat to BVALID
    unsigned jitter = 0;           // up to so much more, for each burst
    bool shared = true;            // read and write beats together at most one a cycle
    bool decode_error = false;     // outside of all regions: DECERR instead of the end of the job
    unsigned stalls[5] = {};       // AR, R, AW, W, B
};

class Memory {
  public:
    static constexpr unsigned BEAT = sizeof(std::declval<Vtop>().m_axi_rdata);
    static constexpr uint64_t FULL = ~uint64_t(0) >> (64 - BEAT);
    static constexpr unsigned OKAY = 0, SLVERR = 2, DECERR = 3;
    enum Channel { AR, R, AW, W, B };

    struct Counts {
        uint64_t reads = 0, read_beats = 0, writes = 0, write_beats = 0, write_bytes = 0;
        uint64_t read_waits = 0;  // cycles with RVALID and no RREADY
        uint64_t write_waits = 0;  // cycles with WVALID and no WREADY
        uint64_t errors = 0;      // error responses given
        size_t most_reads = 0, most_writes = 0;  // bursts under way at a time
    };

    Memory(Vtop& top, uint64_t base, uint64_t size, uint64_t seed)
        : store(base, size), top_(top), random_(seed) {}

    Store store;
    Timing timing;
    Counts counts;
    Regions readable, writable;
    std::map<uint64_t, unsigned> read_faults, write_faults;  // burst number to response

    // Forget what is under way, as a reset of the whole system does.
    void reset() {
        reads_.clear();
        addresses_.clear();
        beats_.clear();
        responses_.clear();
        read_valid_ = response_valid_ = false;
        for (auto& each : held_) each.waiting = false;
        top_.m_axi_arready = top_.m_axi_awready = top_.m_axi_wready = 0;
        top_.m_axi_rvalid = top_.m_axi_bvalid = 0;
    }

    bool idle() const {
        return reads_.empty() && addresses_.empty() && beats_.empty() && responses_.empty() &&
               !read_valid_ && !response_valid_;
    }

    // Inputs of the machine for cycle `now`.
    void drive(Cycle now) {
        top_.m_axi_arready = !stall(AR, now);
        top_.m_axi_awready = !stall(AW, now);
        bool ready = !stall(W, now);
        bool more = !read_valid_ && !reads_.empty() && reads_.front().at <= now && !stall(R, now);
        if (timing.shared && more) {
            // A beat of either kind; they take turns where both want to go.
            if (ready && top_.m_axi_wvalid && turn_) {
                more = false;
                turn_ = false;
            } else {
                ready = false;
                turn_ = true;
            }
        }
        top_.m_axi_wready = ready;
        if (more) offer_read();
        top_.m_axi_rvalid = read_valid_;
        if (!response_valid_ && !responses_.empty() && responses_.front().at <= now &&
            !stall(B, now))
            offer_response();
        top_.m_axi_bvalid = response_valid_;
    }

    // Transfers of cycle `now`, its outputs being settled.
    void sample(Cycle now) {
        if (read_valid_) {
            if (top_.m_axi_rready)
                read_valid_ = false;
            else
                ++counts.read_waits;
        }
        if (response_valid_ && top_.m_axi_bready) response_valid_ = false;
        hold(AR, "AR", top_.m_axi_arvalid, top_.m_axi_arready,
             {top_.m_axi_araddr, top_.m_axi_arlen, top_.m_axi_arsize, top_.m_axi_arburst,
              top_.m_axi_arid});
        hold(AW, "AW", top_.m_axi_awvalid, top_.m_axi_awready,
             {top_.m_axi_awaddr, top_.m_axi_awlen, top_.m_axi_awsize, top_.m_axi_awburst,
              top_.m_axi_awid});
        hold(W, "W", top_.m_axi_wvalid, top_.m_axi_wready,
             {top_.m_axi_wstrb, top_.m_axi_wlast, 0, 0, 0});
        if (top_.m_axi_wvalid && !top_.m_axi_wready) ++counts.write_waits;
        if (top_.m_axi_arvalid && top_.m_axi_arready) accept_read(now);
        if (top_.m_axi_awvalid && top_.m_axi_awready) accept_address(now);
        if (top_.m_axi_wvalid && top_.m_axi_wready) accept_beat(now);
    }

  private:
    struct Read {
        Cycle at;
        unsigned beats, next, bad;  // `bad`: the beat with the response `code`
        unsigned code, id;
        std::vector<uint8_t> bytes;
    };
    struct Beat {
        uint8_t bytes[BEAT];
        uint64_t strobe;
        bool last;
    };
    struct Write {
        uint64_t address;
        unsigned beats, code, id;
        Cycle at;
        std::vector<Beat> data;
    };
    struct Held {
        bool waiting = false;
        uint64_t payload[5];
        uint8_t bytes[BEAT];
    };

    bool stall(Channel channel, Cycle now) {
        return stalls_[channel](random_, timing.stalls[channel], now);
    }

    // A channel must keep what it offers until that is taken.
    void hold(Channel channel, const char* name, bool valid, bool ready,
              const uint64_t (&payload)[5]) {
        Held& held = held_[channel];
        if (held.waiting) {
            if (!valid) fail("AXI: %sVALID falls before %sREADY", name, name);
            if (std::memcmp(held.payload, payload, sizeof payload) ||
                (channel == W && std::memcmp(held.bytes, &top_.m_axi_wdata, BEAT)))
                fail("AXI: the payload of %s changes before %sREADY", name, name);
        }
        held.waiting = valid && !ready;
        if (held.waiting) {
            std::memcpy(held.payload, payload, sizeof payload);
            if (channel == W) std::memcpy(held.bytes, &top_.m_axi_wdata, BEAT);
        }
    }

    void check(const char* name, uint64_t address, unsigned beats, unsigned size, unsigned burst) {
        const auto a = (unsigned long long)address;
        if (1u << size != BEAT) fail("AXI: %sSIZE is %u for a bus of %u bytes", name, size, BEAT);
        if (burst != 1) fail("AXI: %sBURST is %u, not INCR", name, burst);
        if (address % BEAT) fail("AXI: %sADDR 0x%llx is not a multiple of %u", name, a, BEAT);
        if (address / 4096 != (address + beats * BEAT - 1) / 4096)
            fail("AXI: a burst of %u beats at %sADDR 0x%llx crosses 4 KiB", beats, name, a);
    }

    unsigned response(const std::map<uint64_t, unsigned>& faults, uint64_t number) const {
        const auto found = faults.find(number);
        return found == faults.end() ? OKAY : found->second;
    }

    void accept_read(Cycle now) {
        const uint64_t address = top_.m_axi_araddr;
        const unsigned beats = top_.m_axi_arlen + 1;
        check("AR", address, beats, top_.m_axi_arsize, top_.m_axi_arburst);
        unsigned code = response(read_faults, counts.reads++);
        if (!readable.contain(address, address + beats * BEAT) ||
            !store.holds(address, beats * BEAT)) {
            if (!timing.decode_error)
                fail("read of %u beats at 0x%llx is outside of the readable regions", beats,
                     (unsigned long long)address);
            code = DECERR;
        }
        Read read{now + delay(timing.read_latency), beats, 0, 0, code, top_.m_axi_arid, {}};
        read.bytes.resize(beats * BEAT);
        if (code == OKAY) {
            std::memcpy(read.bytes.data(), store.at(address), beats * BEAT);
        } else {
            for (auto& byte : read.bytes) byte = random_.next();
            read.bad = random_.below(beats);
            ++counts.errors;
        }
        reads_.push_back(std::move(read));
        counts.most_reads = std::max(counts.most_reads, reads_.size());
    }

    void offer_read() {
        Read& read = reads_.front();
        std::memcpy(&top_.m_axi_rdata, read.bytes.data() + read.next * BEAT, BEAT);
        top_.m_axi_rresp = read.next == read.bad ? read.code : OKAY;
        top_.m_axi_rid = read.id;
        ++counts.read_beats;
        top_.m_axi_rlast = ++read.next == read.beats;
        if (top_.m_axi_rlast) reads_.pop_front();
        read_valid_ = true;
    }

    void accept_address(Cycle now) {
        const uint64_t address = top_.m_axi_awaddr;
        const unsigned beats = top_.m_axi_awlen + 1;
        check("AW", address, beats, top_.m_axi_awsize, top_.m_axi_awburst);
        const unsigned code = response(write_faults, counts.writes++);
        addresses_.push_back({address, beats, code, top_.m_axi_awid, 0, {}});
        match(now);
        counts.most_writes = std::max(counts.most_writes, addresses_.size() + responses_.size());
    }

    void accept_beat(Cycle now) {
        Beat beat;
        std::memcpy(beat.bytes, &top_.m_axi_wdata, BEAT);
        beat.strobe = top_.m_axi_wstrb;
        beat.last = top_.m_axi_wlast;
        beats_.push_back(beat);
        ++counts.write_beats;
        counts.write_bytes += __builtin_popcountll(beat.strobe);
        match(now);
    }

    // Bring beats and addresses together, whichever came first.
    void match(Cycle now) {
        while (!addresses_.empty() && !beats_.empty()) {
            Write& write = addresses_.front();
            const bool last = write.data.size() + 1 == write.beats;
            const uint64_t address = write.address + write.data.size() * BEAT;
            if (beats_.front().last != last)
                fail("AXI: WLAST is %d at beat %zu of %u of the burst at 0x%llx", !last,
                     write.data.size() + 1, write.beats, (unsigned long long)write.address);
            if (!allowed(address, beats_.front().strobe)) {
                if (!timing.decode_error)
                    fail("write at 0x%llx, strobe 0x%llx, is outside of the writable regions",
                         (unsigned long long)address, (unsigned long long)beats_.front().strobe);
                write.code = DECERR;
            }
            write.data.push_back(beats_.front());
            beats_.pop_front();
            if (last) {
                write.at = now + delay(timing.write_latency);
                responses_.push_back(std::move(write));
                addresses_.pop_front();
            }
        }
    }

    bool allowed(uint64_t address, uint64_t strobe) {
        if (writable.contain(address, address + BEAT) && store.holds(address, BEAT)) return true;
        for (unsigned k = 0; k < BEAT; ++k)
            if (strobe >> k & 1 && !(writable.contain(address + k, address + k + 1) &&
                                     store.holds(address + k, 1)))
                return false;
        return true;
    }

    void offer_response() {
        const Write& write = responses_.front();
        if (write.code == OKAY) {
            uint64_t address = write.address;
            for (const Beat& beat : write.data) {
                if (beat.strobe == FULL)
                    std::memcpy(store.at(address), beat.bytes, BEAT);
                else
                    for (unsigned k = 0; k < BEAT; ++k)
                        if (beat.strobe >> k & 1) *store.at(address + k) = beat.bytes[k];
                address += BEAT;
            }
        } else {
            ++counts.errors;
        }
        top_.m_axi_bresp = write.code;
        top_.m_axi_bid = write.id;
        responses_.pop_front();
        response_valid_ = true;
    }

    unsigned delay(unsigned latency) {
        latency = std::max(latency, 1u);
        return timing.jitter ? latency + random_.below(timing.jitter + 1) : latency;
    }

    Vtop& top_;
    Random random_;
    Stall stalls_[5];
    Held held_[5];
    std::deque<Read> reads_;
    std::deque<Write> addresses_, responses_;
    std::deque<Beat> beats_;
    bool read_valid_ = false, response_valid_ = false, turn_ = false;
};
