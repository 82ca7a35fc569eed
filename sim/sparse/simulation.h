// A machine with its memory, cycle by cycle.

#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "memory.h"
#include "ports.h"
#include "verilated.h"
#if VM_TRACE_FST
#include "verilated_fst_c.h"
#endif

constexpr Cycle ANSWER = 10000;  // cycles within which a register access must be answered
constexpr double PROGRESS = 5;   // seconds between lines on stderr

inline double seconds() {
    using namespace std::chrono;
    return duration<double>(steady_clock::now().time_since_epoch()).count();
}

// A machine with its memory, from power-up on.
class Simulation {
  public:
    Simulation(const std::string& name, uint64_t base, uint64_t size, uint64_t seed)
        : name_(name), random_(seed ^ 0x5eed), begin_(seconds()), shown_(begin_) {
        context_.randReset(2);  // whatever is undefined is random
        context_.randSeed(int(seed % 0x7ffffffe) + 1);
#if VM_TRACE_FST
        context_.traceEverOn(true);
#endif
        top_ = std::make_unique<Vtop>(&context_);
        memory = std::make_unique<Memory>(*top_, base, size, seed);
        top_->clk = 0;
        top_->s_axil_awvalid = top_->s_axil_wvalid = top_->s_axil_arvalid = 0;
        top_->s_axil_bready = top_->s_axil_rready = 0;
        top_->s_axil_awprot = top_->s_axil_arprot = 0;
        reset(4);
    }
    ~Simulation() { top_->final(); }

    std::unique_ptr<Memory> memory;
    unsigned lite_delay = 0;  // up to so many cycles before each channel of a register access
    Cycle trace_from = 0, trace_to = 0;
    std::unique_ptr<Ports> ports;  // where ports are recorded, if anywhere

    Cycle cycle() const { return cycle_; }
    bool irq() const { return top_->irq; }

    void reset(Cycle cycles) {
        top_->rst = 1;
        memory->reset();
        for (; cycles; --cycles) {
            top_->eval();
            edge();
        }
        top_->rst = 0;
    }

    void tick() {
        settle();
        edge();
    }

    unsigned write(uint64_t address, uint32_t value) {
        unsigned waits[3] = {pause(), pause(), pause()};
        bool address_done = false, data_done = false, offered = false;
        top_->s_axil_awaddr = address;
        top_->s_axil_wdata = value;
        top_->s_axil_wstrb = 15;
        for (Cycle k = 0; k < ANSWER; ++k) {
            top_->s_axil_awvalid = !address_done && k >= waits[0];
            top_->s_axil_wvalid = !data_done && k >= waits[1];
            top_->s_axil_bready = k >= waits[2];
            settle();
            address_done |= top_->s_axil_awvalid && top_->s_axil_awready;
            data_done |= top_->s_axil_wvalid && top_->s_axil_wready;
            if (offered && !top_->s_axil_bvalid) fail("AXI-Lite: BVALID falls before BREADY");
            offered = top_->s_axil_bvalid;
            const bool answered = offered && top_->s_axil_bready;
            const unsigned code = top_->s_axil_bresp;
            if (top_->s_axil_bvalid && !(address_done && data_done))
                fail("AXI-Lite: BVALID before the write of 0x%llx",
                     (unsigned long long)address);
            edge();
            if (answered) {
                top_->s_axil_bready = 0;
                return code;
            }
        }
        fail("AXI-Lite: no answer to the write of 0x%llx", (unsigned long long)address);
    }

    unsigned read(uint64_t address, uint32_t& value) {
        unsigned waits[2] = {pause(), pause()};
        bool address_done = false, offered = false;
        top_->s_axil_araddr = address;
        for (Cycle k = 0; k < ANSWER; ++k) {
            top_->s_axil_arvalid = !address_done && k >= waits[0];
            top_->s_axil_rready = k >= waits[1];
            settle();
            address_done |= top_->s_axil_arvalid && top_->s_axil_arready;
            if (offered && !top_->s_axil_rvalid) fail("AXI-Lite: RVALID falls before RREADY");
            offered = top_->s_axil_rvalid;
            const bool answered = offered && top_->s_axil_rready;
            const unsigned code = top_->s_axil_rresp;
            value = top_->s_axil_rdata;
            if (top_->s_axil_rvalid && !address_done)
                fail("AXI-Lite: RVALID before the read of 0x%llx", (unsigned long long)address);
            edge();
            if (answered) {
                top_->s_axil_rready = 0;
                return code;
            }
        }
        fail("AXI-Lite: no answer to the read of 0x%llx", (unsigned long long)address);
    }

  private:
    unsigned pause() { return lite_delay ? random_.below(lite_delay + 1) : 0; }

    void settle() {
        memory->drive(cycle_);
        top_->eval();
        memory->sample(cycle_);
    }

    // The rising edge.
    void edge() {
        if (ports) ports->record(*top_);
#if VM_TRACE_FST
        if (cycle_ >= trace_from && cycle_ < trace_to) {
            if (!trace_) {
                trace_ = std::make_unique<VerilatedFstC>();
                top_->trace(trace_.get(), 99);
                trace_->open((name_ + ".fst").c_str());
            }
            trace_->dump(2 * cycle_);
        }
#endif
        top_->clk = 1;
        top_->eval();
#if VM_TRACE_FST
        if (trace_ && cycle_ < trace_to) trace_->dump(2 * cycle_ + 1);
#endif
        top_->clk = 0;
        if ((++cycle_ & 0x3ff) == 0) look_up();
    }

    void look_up() {
        if (context_.gotFinish()) fail("the design ended the simulation");
        if ((cycle_ & 0x3fff) != 0) return;
        const double now = seconds();
        if (now < shown_ + PROGRESS) return;
        shown_ = now;
        std::fprintf(stderr, "%s: %llu cycles, %.0f a second, %llu beats read, %llu written\n",
                     name_.c_str(), (unsigned long long)cycle_, cycle_ / (now - begin_),
                     (unsigned long long)memory->counts.read_beats,
                     (unsigned long long)memory->counts.write_beats);
    }

    std::string name_;
    VerilatedContext context_;
    std::unique_ptr<Vtop> top_;
#if VM_TRACE_FST
    std::unique_ptr<VerilatedFstC> trace_;
#endif
    Random random_;
    Cycle cycle_ = 0;
    double begin_, shown_;
};
