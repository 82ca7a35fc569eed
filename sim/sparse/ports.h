// What is on the ports of a machine, cycle by cycle, in a file for other simulators.

#pragma once

#include <fstream>
#include <string>

#include "Vtop.h"

// The first line of the file names the ports with their bytes; then every cycle is those bytes, as
// they are at the rising edge, each port little endian.
class Ports {
  public:
    explicit Ports(const std::string& path) : out_(path, std::ios::binary) {}

    void record(const Vtop& top) {
        if (!begun_) {
            names_ = true;
            each(top);
            out_ << "\n";
            names_ = false;
            begun_ = true;
        }
        each(top);
    }

  private:
    template <typename T>
    void put(const char* name, const T& port) {
        if (names_)
            out_ << name << ' ' << sizeof(T) << ' ';
        else
            out_.write(reinterpret_cast<const char*>(&port), sizeof(T));
    }

    void each(const Vtop& t) {
#define PORT(name) put(#name, t.name);
        PORT(rst) PORT(irq)
        PORT(m_axi_arready) PORT(m_axi_arvalid) PORT(m_axi_araddr) PORT(m_axi_arlen)
        PORT(m_axi_arsize) PORT(m_axi_arburst) PORT(m_axi_arid)
        PORT(m_axi_rready) PORT(m_axi_rvalid) PORT(m_axi_rdata) PORT(m_axi_rresp)
        PORT(m_axi_rlast) PORT(m_axi_rid)
        PORT(m_axi_awready) PORT(m_axi_awvalid) PORT(m_axi_awaddr) PORT(m_axi_awlen)
        PORT(m_axi_awsize) PORT(m_axi_awburst) PORT(m_axi_awid)
        PORT(m_axi_wready) PORT(m_axi_wvalid) PORT(m_axi_wdata) PORT(m_axi_wstrb)
        PORT(m_axi_wlast)
        PORT(m_axi_bready) PORT(m_axi_bvalid) PORT(m_axi_bresp) PORT(m_axi_bid)
        PORT(s_axil_awready) PORT(s_axil_awvalid) PORT(s_axil_awaddr) PORT(s_axil_awprot)
        PORT(s_axil_wready) PORT(s_axil_wvalid) PORT(s_axil_wdata) PORT(s_axil_wstrb)
        PORT(s_axil_bready) PORT(s_axil_bvalid) PORT(s_axil_bresp)
        PORT(s_axil_arready) PORT(s_axil_arvalid) PORT(s_axil_araddr) PORT(s_axil_arprot)
        PORT(s_axil_rready) PORT(s_axil_rvalid) PORT(s_axil_rdata) PORT(s_axil_rresp)
#undef PORT
    }

    std::ofstream out_;
    bool begun_ = false, names_ = false;
};
