// Runs jobs on a machine with ports clk, rst, m_axi_* (AXI4 master), s_axil_* (AXI4-Lite slave) and
// irq, without leaving C++: `top JOBS RESULTS` reads steps, one a line (sim/sparse/harness.py writes
// them), and writes a line of JSON for each job.

#include <fstream>
#include <memory>
#include <sstream>

#include "simulation.h"

namespace {

std::string quoted(const std::string& text) {
    std::string result = "\"";
    for (char c : text) {
        if (c == '"' || c == '\\') result += '\\';
        result += c < ' ' ? ' ' : c;
    }
    return result + "\"";
}

// One job: the steps up to `end`.
class Job {
  public:
    Job(std::istringstream& words) {
        uint64_t base, size, seed;
        words >> name_ >> base >> size >> seed;
        simulation_ = std::make_unique<Simulation>(name_, base, size, seed);
    }

    void step(const std::string& op, std::istringstream& words) {
        if (!error_.empty()) return;  // the rest of a failed job
        try {
            perform(op, words);
        } catch (const Failure& failure) {
            error_ = failure.what();
        }
    }

    std::string report() const {
        const Memory::Counts& c = simulation_->memory->counts;
        std::ostringstream out;
        out << "{\"name\": " << quoted(name_) << ", \"error\": " << quoted(error_)
            << ", \"cycles\": " << simulation_->cycle()
            << ", \"idle\": " << (simulation_->memory->idle() ? "true" : "false")
            << ", \"steps\": [" << steps_ << "], \"counts\": {\"reads\": " << c.reads
            << ", \"read_beats\": " << c.read_beats
            << ", \"read_bytes\": " << c.read_beats * Memory::BEAT
            << ", \"read_waits\": " << c.read_waits << ", \"most_reads\": " << c.most_reads
            << ", \"writes\": " << c.writes << ", \"write_beats\": " << c.write_beats
            << ", \"write_bytes\": " << c.write_bytes << ", \"write_waits\": " << c.write_waits
            << ", \"most_writes\": " << c.most_writes << ", \"errors\": " << c.errors << "}}";
        return out.str();
    }

  private:
    void perform(const std::string& op, std::istringstream& words) {
        Simulation& s = *simulation_;
        Memory& memory = *s.memory;
        uint64_t a = 0, b = 0, c = 0, d = 0;
        std::string file;
        if (op == "timing") {
            Timing& t = memory.timing;
            words >> t.read_latency >> t.write_latency >> t.jitter >> t.shared >> t.decode_error;
            for (unsigned& stall : t.stalls) words >> stall;
            words >> s.lite_delay;
        } else if (op == "readable" || op == "writable") {
            words >> a >> b;
            if (op == "readable")  // whole beats are read
                memory.readable.add(a - a % Memory::BEAT, b + -b % Memory::BEAT);
            else
                memory.writable.add(a, b);
        } else if (op == "forbid") {
            memory.readable.clear();
            memory.writable.clear();
        } else if (op == "fault") {  // of the burst that comes `a` bursts from now
            words >> file >> a >> b;
            if (file == "read")
                memory.read_faults[memory.counts.reads + a] = b;
            else
                memory.write_faults[memory.counts.writes + a] = b;
        } else if (op == "load") {
            words >> a >> b >> file >> c;
            std::ifstream in(file, std::ios::binary);
            if (!memory.store.holds(a, b)) fail("load of %llu bytes at 0x%llx: outside of memory",
                                                (unsigned long long)b, (unsigned long long)a);
            in.seekg(c);
            in.read(reinterpret_cast<char*>(memory.store.at(a)), b);
            if (uint64_t(in.gcount()) != b) fail("load: %s is too short", file.c_str());
        } else if (op == "dump") {
            words >> a >> b >> file;
            if (!memory.store.holds(a, b)) fail("dump of %llu bytes at 0x%llx: outside of memory",
                                                (unsigned long long)b, (unsigned long long)a);
            std::ofstream out(file, std::ios::binary | std::ios::app);
            out.write(reinterpret_cast<char*>(memory.store.at(a)), b);
        } else if (op == "trace") {
            words >> s.trace_from >> s.trace_to;
        } else if (op == "record") {
            words >> file;
            s.ports = std::make_unique<Ports>(file);
        } else if (op == "reset") {
            words >> a;
            s.reset(a);
        } else if (op == "wait") {
            for (words >> a; a; --a) s.tick();
        } else if (op == "write") {
            words >> a >> b;
            record(op, b, s.write(a, b));
        } else if (op == "read") {
            uint32_t value = 0;
            words >> a;
            const unsigned code = s.read(a, value);
            record(op, value, code);
        } else if (op == "poll") {  // until (register a & b) == c, at most d cycles
            uint32_t value = 0;
            words >> a >> b >> c >> d;
            const Cycle end = s.cycle() + d;
            unsigned code = 0;
            while (code = s.read(a, value), (value & b) != c)
                if (s.cycle() >= end)
                    fail("register 0x%llx is 0x%x after %llu cycles", (unsigned long long)a,
                         value, (unsigned long long)d);
            record(op, value, code);
        } else if (op == "irq") {
            words >> a >> b;
            const Cycle end = s.cycle() + a;
            while (!s.irq() && s.cycle() < end) s.tick();
            if (!s.irq() && b) fail("no interrupt after %llu cycles", (unsigned long long)a);
            record(op, s.irq(), 0);
        } else {
            fail("no such step: %s", op.c_str());
        }
    }

    void record(const std::string& op, uint64_t value, unsigned code) {
        std::ostringstream out;
        out << (steps_.empty() ? "" : ", ") << "{\"op\": \"" << op << "\", \"value\": " << value
            << ", \"response\": " << code << ", \"cycle\": " << simulation_->cycle() << "}";
        steps_ += out.str();
    }

    std::string name_, error_, steps_;
    std::unique_ptr<Simulation> simulation_;
};

}  // namespace

int main(int count, char** arguments) {
    if (count != 3) {
        std::fprintf(stderr, "usage: %s JOBS RESULTS\n", arguments[0]);
        return 2;
    }
    std::ifstream jobs(arguments[1]);
    std::ofstream results(arguments[2]);
    std::unique_ptr<Job> job;
    for (std::string line, op; std::getline(jobs, line);) {
        std::istringstream words(line);
        words >> op;
        if (op == "job") {
            job = std::make_unique<Job>(words);
        } else if (op == "end") {
            results << job->report() << std::endl;
            job.reset();
        } else {
            job->step(op, words);
        }
    }
    return 0;
}
