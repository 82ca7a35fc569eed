# Timing of one mapped netlist, as lines that a program reads: "@ kind value ...", tab-separated.
# The job (see sta.py) sets: liberty memories netlist top period clock ideal driver load slew
# places ends
#
# OpenSTA 2.0.17 goes on after an error and exits with 0; sta.py looks for "Error" in the output
# and for the last line, "@ done".

proc say {args} { puts "@\t[join $args \t]" }

# Times are printed in nanoseconds with a femtosecond's digits, whatever the library's unit is.
set_cmd_units -time ns -capacitance pF
set sta_report_default_digits 6

read_liberty $liberty
if {$memories ne ""} { read_liberty $memories }
read_verilog $netlist
link_design $top

set inputs {}
foreach port [all_inputs] {
  if {[get_property $port full_name] ni [list $clock $ideal]} { lappend inputs $port }
}
if {$clock ne ""} {
  create_clock -name clock -period $period [get_ports $clock]
  # An ideal clock: no skew, and this transition time at every register.
  set_clock_transition $slew [get_clocks clock]
} else {
  create_clock -name clock -period $period
}
set_driving_cell -lib_cell $driver $inputs
set_input_delay 0 -clock clock $inputs
set_output_delay 0 -clock clock [all_outputs]
set_load $load [all_outputs]

# The longest path of each kind. A path's delay contains the set-up time of the register it ends at.
proc longest {kind from to} {
  global period
  if {![llength $from] || ![llength $to]} { return }
  set ends [find_timing_paths -path_delay max -from $from -to $to]
  if {![llength $ends]} { return }
  set end [lindex $ends 0]
  say path $kind [expr {$period - [get_property $end slack]}]
  foreach point [get_property $end points] {
    say point $kind [get_property [get_property $point pin] full_name] \
      [get_property $point arrival]
  }
}
set clocks [all_registers -clock_pins]
set data [all_registers -data_pins]
longest register-register $clocks $data
longest input-register $inputs $data
longest register-output $clocks [all_outputs]
longest input-output $inputs [all_outputs]

# The longest path to each end, which says where in a large design there is work to do.
if {$ends} {
  foreach end [find_timing_paths -path_delay max -group_count 1000000 -endpoint_count 1] {
    say end [expr {$period - [get_property $end slack]}] \
      [get_property [get_property $end startpoint] full_name] \
      [get_property [get_property $end endpoint] full_name]
  }
}

# Transition times at each pin: what the power calculation looks energies up with.
# Instances of modules among them, which are not named so, are none of the library's.
foreach place $places {
  foreach instance [get_cells "${place}u*"] {
    set name [get_property $instance full_name]
    if {![regexp {(^|/)u[0-9]+$} $name]} { continue }
    foreach pin [get_pins "$name/*"] {
      say slew [get_property $pin full_name] \
        [get_property $pin actual_rise_transition_max] [get_property $pin actual_fall_transition_max]
    }
  }
}
say done
